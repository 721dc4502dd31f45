import os
import time

from benchmarks.project.making import make_tests
from smoketest import slow

QueuedTest = slow(make_tests(__name__, "QueuedTest", lambda _test: None))
LongTest = slow(
    make_tests(__name__, "LongTest", lambda _test: time.sleep(0.01), int(os.environ.get("BENCH_LONG", "10")))
)
SingleTest = slow(make_tests(__name__, "SingleTest", lambda _test: None, 1))
