import time

from benchmarks.project.making import make_tests

SECONDS = 0.05

TenTest = make_tests(__name__, "TenTest", lambda _test: time.sleep(SECONDS), 10)
FiftyTest = make_tests(__name__, "FiftyTest", lambda _test: time.sleep(SECONDS), 50)
