"""An app whose smoke module can be imported while its gate is open."""

import threading

gate = threading.Event()
gate.set()
