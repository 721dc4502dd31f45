"""The tutorial, followed by the letter."""

import pytest

from tests.live.walk import Walk
from tests.servers import ROOT

pytestmark = pytest.mark.live


def test_tutorial(tmp_path, redis_server):
    """Whoever does what the tutorial says sees what it shows."""
    with Walk(tmp_path, redis_server.url) as walk:
        pairs = walk.follow(ROOT / "docs/tutorial.md")

    assert len(pairs) > 5
    assert [seen for _, seen in pairs] == [shown for shown, _ in pairs]
