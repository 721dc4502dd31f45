"""One test, safely: its guard, its limit, what it leaves behind."""
