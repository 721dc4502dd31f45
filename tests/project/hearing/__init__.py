"""Hears of runs, in every process of the project, where SMOKETEST_TEST_HEARD names a folder."""
