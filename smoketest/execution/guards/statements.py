"""Tells which SQL statements would get out of a transaction."""

import re

_LEADING = r"(?:\s|/\*(?:[^*]|\*(?!/))*\*/|--[^\n]*\n|\()*"
_LITERALS = re.compile(r"'(?:[^'\\]|''|\\.)*'|\"[^\"]*\"|(\$\w*\$).*?\1", re.DOTALL)
_ENDS_TRANSACTION = re.compile(
    rf"""(?isx) (?:^|;) {_LEADING}
    ( COMMIT | END | ABORT | ROLLBACK (?! \s+ (?:WORK\s+|TRANSACTION\s+)? TO\b ) | BEGIN | START\s+TRANSACTION
    | PREPARE\s+TRANSACTION | XA | SET\s+(?:SESSION\s+|GLOBAL\s+)?(?:@@(?:\w+\.)?)?autocommit ) \b"""
)
_COMMITS_IMPLICITLY = re.compile(
    rf"""(?isx) (?:^|;) {_LEADING}
    ( CREATE (?!\s+TEMPORARY) | ALTER | DROP (?!\s+TEMPORARY) | TRUNCATE | RENAME | GRANT | REVOKE
    | (?:UN)?LOCK\s+TABLES? | ANALYZE\s+TABLE | CHECK\s+TABLE | OPTIMIZE | REPAIR | FLUSH | LOAD\s+INDEX
    | CACHE\s+INDEX | INSTALL | UNINSTALL | RESET | SET\s+PASSWORD ) \b"""
)
_ONLY_READS = re.compile(
    rf"(?isx) ^ {_LEADING} (?: SELECT | WITH | VALUES | SHOW | EXPLAIN | DESCRIBE | PRAGMA | SET | FETCH | DECLARE"
    r" | SAVEPOINT | RELEASE | ROLLBACK ) \b"
)
_WRITES_AFTER_ALL = re.compile(r"(?is)\b(?:FOR\s+(?:NO\s+KEY\s+)?(?:UPDATE|SHARE)|INSERT|UPDATE|DELETE|MERGE)\b")
_STAYS_WITH_SESSION = {
    "postgresql": re.compile(rf"(?is)\bpg_(?:try_)?advisory_lock|(?:^|;){_LEADING}PREPARE\b"),
    "mysql": re.compile(rf"(?is)\bGET_LOCK\s*\(|(?:^|;){_LEADING}(?:SET|USE|PREPARE|CREATE\s+TEMPORARY)\b"),
}
_WRITTEN_TABLE = re.compile(
    r"""(?isx) \b (?: (?:INSERT|REPLACE) (?:\s+(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE))* (?:\s+INTO)?
    | UPDATE (?:\s+(?:LOW_PRIORITY|IGNORE))* | DELETE (?:\s+(?:LOW_PRIORITY|QUICK|IGNORE))* \s+FROM )
    \s+ (?:`?\w+`?\s*\.\s*)? `?(\w+)`?"""
)
_MOST_CHARACTERS = 80


def violation(sql: str, *, can_rollback_ddl: bool) -> str:
    """Return what is wrong with running `sql` inside a test, or nothing.

    MySQL and MariaDB commit what went before on DDL and some other statements:
    https://mariadb.com/kb/en/sql-statements-that-cause-an-implicit-commit/
    """
    sql = _LITERALS.sub("''", sql)
    if _ENDS_TRANSACTION.search(sql):
        return f"refused, it would end the transaction: {shown(sql)}"
    if not can_rollback_ddl and _COMMITS_IMPLICITLY.search(sql):
        return f"refused, the database would commit: {shown(sql)}"
    return ""


def stays_with_session(sql: str, vendor: str) -> bool:
    """Tell whether `sql` leaves something (a lock, a variable, a temporary table) that no rollback takes away."""
    pattern = _STAYS_WITH_SESSION.get(vendor)
    return bool(pattern and pattern.search(sql))


def may_write(sql: str) -> bool:
    """Tell whether `sql` may lock or write rows; what is not known to only read may."""
    return not _ONLY_READS.search(sql) or bool(_WRITES_AFTER_ALL.search(sql))


def may_write_alone(sql: str) -> bool:
    """Tell the same of `sql` on a connection outside the guard, where a transaction by itself does nothing."""
    is_control_only = _ENDS_TRANSACTION.search(sql) and not _WRITES_AFTER_ALL.search(sql)
    return may_write(sql) and not is_control_only


def written_tables(sql: str) -> list[str]:
    """Return the tables that MySQL's or MariaDB's plain statements in `sql` write to."""
    return _WRITTEN_TABLE.findall(sql)


def shown(sql: str) -> str:
    """Return as much of `sql` as a message may hold."""
    line = " ".join(sql.split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]}..."
