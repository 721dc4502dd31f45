"""Tells everybody a secret, in all the ways there are."""

import threading

secret = "nothing yet"
goes_on = threading.Event()
