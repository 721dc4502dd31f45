"""Clocks that are off, for one process: a library that is loaded before all others adds some seconds."""

import shutil
import subprocess

import pytest

_SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long seconds_off(void) { return atol(getenv("SMOKETEST_TEST_SECONDS_OFF")); }

int clock_gettime(clockid_t id, struct timespec *time) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(id, time);
    if (id == CLOCK_REALTIME) time->tv_sec += seconds_off();
    return failed;
}

int gettimeofday(struct timeval *time, void *zone) {
    int (*real)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
    int failed = real(time, zone);
    time->tv_sec += seconds_off();
    return failed;
}
"""


def environment_of_clock(seconds, folder):
    """Return the environment of a process whose clock is so many seconds ahead; the library is made in the folder."""
    compiler = shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler")
    (folder / "clock.c").write_text(_SOURCE)
    library = folder / "clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, folder / "clock.c", "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "SMOKETEST_TEST_SECONDS_OFF": str(seconds)}
