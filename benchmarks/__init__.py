"""Benchmarks of django-smoketest against bare baselines: `make bench`."""
