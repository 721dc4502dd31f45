"""The WSGI application of the tests' project, whose idle threads end after one second instead of thirty."""

from functools import partial

from smoketest import inline
from smoketest.execution.lanes import Lanes
from tests.project.wsgi import application

inline.Lanes = partial(Lanes, idle_seconds=1.0)

__all__ = ["application"]
