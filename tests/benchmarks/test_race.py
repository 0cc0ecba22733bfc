import itertools

import pytest
from race import approach, ladder, report


def halving(n):
    """Excess over the least objective 2 after n iterations of a solver that halves it each time."""
    return 2 * (1 + 0.5**n)


def test_the_ladder_climbs_by_about_its_factor():
    rungs = list(ladder(1000, 1.25))
    assert rungs[0] == 1
    assert all(a < b <= max(a + 1, 1.25 * a) for a, b in itertools.pairwise(rungs))
    assert 1000 / 1.25 < rungs[-1] <= 1000


@pytest.mark.parametrize(("gap", "iterations"), [(0.3, 2), (0.02, 6), (1e-3, 10)])
def test_the_fewest_iterations_on_the_ladder_are_found(gap, iterations):
    near = approach(halving, float, 2.0, gap, most=100, seconds=1.0)
    assert near.iterations == iterations
    assert near.excess == pytest.approx(0.5**iterations)


def test_a_solver_that_does_not_come_near_is_given_up():
    near = approach(lambda _: 3.0, float, 2.0, 0.1, most=5, seconds=1.0)
    assert near.iterations is None
    assert near.excess == 0.5


def test_the_report_names_every_solver(capsys):
    report(
        {"ours": halving, "stuck": lambda _: 3.0},
        float,
        2.0,
        ours="ours",
        gaps=(0.1,),
        most=9,
        repeats=1,
        fixed={"by rule": lambda: 2.0},
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["ours", "stuck", "by"]
    assert lines[-3].split()[1] == "4"
    assert " not " in lines[-2]
