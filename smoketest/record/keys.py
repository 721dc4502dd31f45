"""The keys of a run in Redis."""

_PARTS = (
    *("", ":steps", ":todo", ":results", ":order", ":done", ":baseline"),
    *(":lanes", ":quiet", ":shards", ":leases", ":owners"),
)
STEPS, TODO, RESULTS, ORDER, DONE, BASELINE, LANES, QUIET, SHARDS, LEASES, OWNERS = range(1, 12)
"""Where each of them is among them all; the first is of the run itself."""


def keys_of(run_id: str) -> list[str]:
    """Return the keys of a run; the hash tag keeps them in one slot of a cluster."""
    return [f"smoketest:{{{run_id}}}{part}" for part in _PARTS]
