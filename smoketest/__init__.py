"""What the author of a smoke test imports."""

from smoketest.cases import SmokeTest
from smoketest.decorators import commits, rolled_back, slow, tag, timeout

__all__ = ["SmokeTest", "commits", "rolled_back", "slow", "tag", "timeout"]
