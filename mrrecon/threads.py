"""How many threads torch takes, and compiled kernels on as many as it is allowed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["in_threads", "torch_threads"]


def in_threads(kernel: Callable[..., None], *arguments: Any, threads: int) -> None:
    """Call a kernel of numba, and leave the number of threads as it was, numba's and torch's.

    Args:
        kernel: function compiled with ``parallel=True``.
        arguments: for the kernel.
        threads: the most to use.

    Example:
        >>> in_threads(print, "done", threads=1)
        done
    """
    import numba

    of_torch, before = torch.get_num_threads(), numba.get_num_threads()
    most = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    numba.set_num_threads(max(1, min(threads, most)))
    try:
        kernel(*arguments)
    finally:
        numba.set_num_threads(before)
        # The first kernel of a process sets the number for torch as well: the two share one pool.
        if torch.get_num_threads() != of_torch:
            torch.set_num_threads(of_torch)


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """So many threads of torch for a while, at least one; then as many as before.

    Two threads of torch on a processor that other work shares wait for each other at every operation.

    Args:
        number: of threads.

    Example:
        >>> with torch_threads(0):
        ...     torch.get_num_threads()
        1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, number))
    try:
        yield
    finally:
        torch.set_num_threads(before)
