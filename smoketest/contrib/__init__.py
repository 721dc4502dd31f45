"""Ready-made tests, to derive from in a smoke module or to list in `SMOKETEST_CONTRIB`; each topic is a module."""
