from django.db import connections


def query(alias: str) -> None:
    """Ask the database for something once."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
