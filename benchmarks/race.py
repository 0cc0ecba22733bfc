"""How long rival solvers of one convex problem take until their objective is near the least one.

A solver is a function of a number of iterations. The fewest that bring it near enough are found first, on a
ladder of numbers; then all solvers run that many, interleaved. The objective is computed afterwards, by one
function in double precision, so that no solver judges itself.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from measure import interleaved, ratio

__all__ = ["Near", "approach", "ladder", "report"]


@dataclass(frozen=True)
class Near:
    """How near a solver came, and with how many iterations; none if it did not within the time allowed.

    Args:
        iterations: the fewest found to be enough, or None.
        excess: part of the least objective by which its objective was above it then, or at last.
        seconds: of its last run.
    """

    iterations: int | None
    excess: float
    seconds: float


def ladder(most: int, factor: float = 1.25) -> Iterator[int]:
    """Numbers of iterations to try, each about ``factor`` times the one before.

    Example:
        >>> list(ladder(10))
        [1, 2, 3, 4, 5, 6, 8, 10]
    """
    n = 1
    while n <= most:
        yield n
        n = max(n + 1, int(n * factor))


def approach(
    run: Callable[[int], Any],
    objective: Callable[[Any], float],
    least: float,
    gap: float,
    *,
    most: int,
    seconds: float,
    start: int = 1,
) -> Near:
    """Fewest iterations after which the objective is at most ``gap`` of the least one above it.

    Args:
        run: solver.
        objective: of its result.
        least: the least objective.
        gap: part of it.
        most: the most iterations to try.
        seconds: no run that takes longer is followed by another.
        start: the fewest iterations to try.
    """
    excess, spent = math.inf, 0.0
    for n in ladder(most):
        if n < start:
            continue
        begin = time.perf_counter()
        result = run(n)
        spent = time.perf_counter() - begin
        excess = objective(result) / least - 1
        if excess <= gap:
            return Near(n, excess, spent)
        if spent > seconds:
            break
    return Near(None, excess, spent)


def report(
    solvers: Mapping[str, Callable[[int], Any]],
    objective: Callable[[Any], float],
    least: float,
    *,
    ours: str,
    gaps: tuple[float, ...] = (1e-2, 1e-3),
    most: int = 2000,
    seconds: float = 20.0,
    repeats: int = 5,
    fixed: Mapping[str, Callable[[], Any]] | None = None,
) -> None:
    """Prints, for each gap, the iterations and seconds of each solver and its time as a multiple of ours.

    Args:
        solvers: functions of a number of iterations, by name.
        objective: of a result.
        least: the least objective.
        ours: name of the solver the others are compared with.
        gaps: parts of the least objective.
        most: the most iterations to try.
        seconds: a solver that takes longer without coming near is given up.
        repeats: timed rounds.
        fixed: solvers that stop by a rule of their own, run as they are.
    """
    starts = dict.fromkeys(solvers, 1)
    for gap in gaps:
        near = {
            name: approach(run, objective, least, gap, most=most, seconds=seconds, start=starts[name])
            for name, run in solvers.items()
        }
        starts.update({name: found.iterations for name, found in near.items() if found.iterations})
        racing = {
            name: lambda run=solvers[name], n=found.iterations: run(n)
            for name, found in near.items()
            if found.iterations
        }
        excess = {name: found.excess for name, found in near.items()}
        for name, run in (fixed or {}).items():
            excess[name], racing[name] = objective(run()) / least - 1, run
        times = interleaved(racing, repeats=repeats)
        print(f"\nuntil the objective is {gap:g} of the least above it")
        print(f"{'':34}{'iterations':>12}{'milliseconds':>14}{'x ours':>9}{'reached':>10}")
        for name in [*solvers, *(fixed or {})]:
            n = near[name].iterations if name in near else "its own"
            if name in racing:
                print(
                    f"{name:34}{n:>12}{1000 * statistics.median(times[name]):14.1f}"
                    f"{ratio(times[name], times[ours]):9.1f}{excess[name]:10.1e}"
                )
            else:
                spent = f"> {1000 * near[name].seconds:.0f}"
                print(f"{name:34}{'not':>12}{spent:>14}{'':9}{excess[name]:10.1e}")
