"""What a server holds now: threads, files, connections to databases."""

import contextlib
import re
from collections import Counter
from pathlib import Path

from django.db import connections

_ON_POSTGRESQL = """
    SELECT query FROM pg_stat_activity WHERE backend_type = 'client backend' AND query NOT LIKE '%pg_stat_activity%'
"""
_ON_MARIADB = "SELECT info FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"


def threads(pid):
    """Return how many threads the process has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def files(pid):
    """Return how many of what the process has open; sockets and pipes without the numbers that name them."""
    found = Counter()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[re.sub(r"\[\d+\]", "", str(path.readlink()))] += 1
    return found


def held(workers, postgresql):
    """Return all that the worker processes hold, and who is connected to the databases."""
    with connections["mariadb"].cursor() as cursor:
        cursor.execute(
            "SELECT info FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        )
        on_mariadb = cursor.fetchall()
    return {
        "threads": [threads(pid) for pid in workers],
        "files": [files(pid) for pid in workers],
        "on PostgreSQL": postgresql.execute(_ON_POSTGRESQL),
        "on MariaDB": list(on_mariadb),
    }
