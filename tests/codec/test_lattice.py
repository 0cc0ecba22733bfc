import numpy as np
import pytest

from mrrecon.codec.lattice import N_PASSES, REACH, known_offsets, sites_of_pass


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 8, 4), (5, 3, 7)])
def test_each_site_is_coded_in_one_pass(shape):
    count = np.zeros(shape, int)
    for number in range(N_PASSES):
        np.add.at(count, sites_of_pass(shape, number), 1)
    assert (count == 1).all()


def test_a_known_neighbour_was_coded_in_an_earlier_pass():
    shape = (12, 12, 12)
    order = np.full([side + 2 * REACH for side in shape], -1)
    for number in range(N_PASSES):
        sites = [axis + REACH for axis in sites_of_pass(shape, number)]
        order[tuple(sites)] = number
        for step in known_offsets(number, 1000):
            there = order[tuple(axis + part for axis, part in zip(sites, step, strict=True))]
            assert there.max() < number


def test_known_neighbours_are_the_nearest():
    lengths = [np.linalg.norm(step) for step in known_offsets(12, 10)]
    assert lengths == sorted(lengths)
    assert lengths[:6] == [1.0] * 6
    assert len(lengths) == 10
