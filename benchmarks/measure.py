"""Time and memory of rival functions, measured so that a busy machine favours none of them.

Every benchmark of this folder compares candidates within one run: absolute times depend on the machine and
its load, ratios hardly do.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["interleaved", "peak_memory_mib", "ratio", "without_spinning"]


def without_spinning() -> None:
    """Start this script again with waiting threads asleep, unless they already are: call it first.

    With the default spinning of libgomp, any other process on the machine slows small torch operations
    tenfold and more. The library reads its environment when torch is imported, hence the second start.
    """
    wanted = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
    if any(os.environ.get(name, "").lower() != value for name, value in wanted.items()):
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **wanted})


def interleaved(
    candidates: Mapping[str, Callable[[], Any]],
    *,
    repeats: int = 5,
    warmup: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds each candidate took in each round, all candidates running once per round.

    The candidate that comes first changes from round to round, so that none always inherits another's caches.

    Args:
        candidates: functions without arguments, by the name to report.
        repeats: number of timed rounds, at least 1.
        warmup: number of rounds before them that are not timed.
        clock: seconds; ``time.process_time`` counts the processor's instead of the wall's.

    Raises:
        ValueError: ``repeats`` is below 1.

    Example:
        >>> seconds = interleaved({"sum": lambda: sum(range(10)), "len": lambda: len(range(10))}, repeats=3)
        >>> {name: len(each) for name, each in seconds.items()}
        {'sum': 3, 'len': 3}
    """
    if repeats < 1:
        raise ValueError(f"repeats={repeats} must be at least 1")
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    names = list(candidates)
    for turn in range(-warmup, repeats):
        for place in range(len(names)):
            name = names[(place + turn) % len(names)]
            start = clock()
            candidates[name]()
            if turn >= 0:
                seconds[name].append(clock() - start)
    return seconds


def ratio(numerator: Sequence[float], denominator: Sequence[float]) -> float:
    """Median over the rounds of one candidate's seconds divided by the other's in the same round.

    Example:
        >>> ratio([2.0, 4.0, 9.0], [1.0, 2.0, 3.0])
        2.0
    """
    return statistics.median(a / b for a, b in zip(numerator, denominator, strict=True))


def peak_memory_mib(setup: str, statement: str, *, warmup: str = "") -> float:
    """MiB of resident memory that a statement needs at its peak beyond what was in use before it began.

    Runs in a fresh process, so that no candidate reuses the memory another one left behind.

    Args:
        setup: Python source that imports and makes the inputs.
        statement: Python source measured, run after ``setup`` in the same names.
        warmup: Python source run between the two, such as the statement on small inputs: it loads what a
            library loads on first use, which is no part of the statement's own need.

    Raises:
        RuntimeError: the process failed. Its own words are in the message.

    Example:
        >>> 48 < peak_memory_mib("n = 64 * 2**20", "block = b'x' * n") < 80
        True
    """
    parts = [_PROBE, setup, warmup, "_before = _begin()", statement, "print(_peak() - _before)"]
    command = [sys.executable, "-c", "\n".join(parts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the measured process ended with code {done.returncode}: {done.stderr.strip()}")
    return float(done.stdout.splitlines()[-1])


# Linux can forget the high-water mark, so that a short-lived need of the setup does not hide the statement's,
# and /proc keeps the process apart from its parent, which getrusage mixes in. Freed memory that the allocator
# still holds would be reused unseen: it is given back first.
_PROBE = """
import ctypes as _ctypes, gc as _gc, pathlib as _pathlib, resource as _resource, sys as _sys
_status = _pathlib.Path("/proc/self/status")
def _field(name):
    lines = _status.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
def _peak():
    if _status.exists():
        return _field("VmHWM")
    most = _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if _sys.platform == "darwin" else 2**10)
def _begin():
    _gc.collect()
    if not _status.exists():
        return _peak()
    if hasattr(_ctypes.CDLL(None), "malloc_trim"):
        _ctypes.CDLL(None).malloc_trim(0)
    _pathlib.Path("/proc/self/clear_refs").write_text("5")
    return _field("VmRSS")
"""
