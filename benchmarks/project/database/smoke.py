from benchmarks.project.database.queries import query
from benchmarks.project.making import make_tests

SQLiteTest = make_tests(__name__, "SQLiteTest", lambda _test: query("default"))
PostgreSQLTest = make_tests(__name__, "PostgreSQLTest", lambda _test: query("postgresql"))
