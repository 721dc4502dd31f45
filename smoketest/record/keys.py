"""The keys of a run in Redis."""

_PARTS = (
    *("", ":quiet", ":shards", ":leases"),
    *(":steps", ":todo", ":results", ":order", ":done", ":baseline", ":lanes", ":owners"),
)
QUIET, SHARDS, LEASES, STEPS, TODO, RESULTS, ORDER, DONE, BASELINE, LANES, OWNERS = range(1, 12)
"""Where each of them is among them all; the first is of the run itself."""
LOOKED_AT = 4
"""How many of them, from the first on, a mere look at a run needs."""


def keys_of(run_id: str, most: int | None = None) -> list[str]:
    """Return the keys of a run, or its first; the hash tag keeps them in one slot of a cluster."""
    return [f"smoketest:{{{run_id}}}{part}" for part in _PARTS[:most]]
