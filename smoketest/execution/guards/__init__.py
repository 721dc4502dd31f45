"""Databases that a test may write to and that keep nothing of it."""
