"""What becomes of runs when Redis' memory is full."""

from smoketest.record.clients import open_client


def eviction_policy(url: str) -> str:
    """Return what Redis does then; all but `noeviction` loses runs, or messages, in silence.

    Raises QueueUnavailableError when Redis does not answer.
    """
    with open_client(url, timeout_seconds=1.0).answering() as server:
        return str(server.info("memory").get("maxmemory_policy", ""))
