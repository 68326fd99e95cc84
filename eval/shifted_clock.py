"""A wall clock that can be moved under running processes: a shared library between them and the C library.

Programs started with `clock.environment` add a shift to every look at the wall clock (clock_gettime, gettimeofday,
time), which SQLite and PostgreSQL take their `now` from too; the monotonic clock stays true, as it does when a real
machine's clock is set. libfaketime cannot be had that way: it shifts the monotonic clock, or breaks waiting on it.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path
from typing import Self

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long none = 0;
static volatile long long *shift_s = &none;

__attribute__((constructor)) static void open_shift(void) {
    const char *path = getenv("SHIFTED_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(0, sizeof(long long), PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) shift_s = page;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (!result && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *shift_s;
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    int result = clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return result;
}

time_t time(time_t *place) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (place) *place = precise.tv_sec;
    return precise.tv_sec;
}
"""


class NoCompiler(Exception):
    """The library cannot be built here."""


class ShiftedClock:
    """`folder` must be readable by every process that gets `environment`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock-shift"
        self._library = folder / "shifted_clock.so"
        self.environment = {"LD_PRELOAD": str(self._library), "SHIFTED_CLOCK": str(self._file)}

    def build(self) -> Self:
        """Raises NoCompiler."""
        compiler = shutil.which("cc")
        if compiler is None:
            raise NoCompiler("no C compiler (cc) is installed")
        source = self._library.with_suffix(".c")
        source.write_text(SOURCE)
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(self._library), str(source), "-ldl"], check=True)
        self.shift(0)
        return self

    def shift(self, seconds: int) -> None:
        """From now on the clock of those processes is so far ahead of, or behind, the true one."""
        if not self._file.exists():
            self._file.write_bytes(bytes(8))
        with self._file.open("r+b") as file:
            file.write(struct.pack("=q", seconds))
