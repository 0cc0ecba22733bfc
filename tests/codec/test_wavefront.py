import numpy as np
import pytest

from mrrecon.codec.wavefront import Wavefront, causal_offsets, within


@pytest.mark.parametrize("squared_radius", [3, 6, 9])
def test_half_of_a_ball_comes_before_its_centre(squared_radius):
    causal = causal_offsets(squared_radius)
    mirrored = [(-z, -y, -x) for z, y, x in causal]
    assert sorted(causal + mirrored) == sorted(within(squared_radius))


def test_every_neighbour_belongs_to_an_earlier_step():
    mask, offsets = np.ones((5, 6, 7), dtype=bool), causal_offsets(9)
    wavefront = Wavefront(mask, offsets)
    step_of = np.zeros(mask.shape, dtype=np.int64)
    for number, step in enumerate(wavefront.steps()):
        step_of.reshape(-1)[wavefront.flat[step]] = number
    padded = np.pad(step_of, 3, constant_values=-1)
    for offset in offsets:
        moved = padded[tuple(slice(3 + o, 3 + o + n) for o, n in zip(offset, mask.shape, strict=True))]
        assert (moved < step_of).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 2), (4, 5, 6), (6, 2, 11)])
def test_neighbours_in_memory_are_those_in_space(shape):
    offsets = causal_offsets(9)
    values = np.arange(1, np.prod(shape) + 1).reshape(shape)
    padded = np.pad(values, 3)
    wavefront = Wavefront(np.ones(shape, dtype=bool), offsets)
    cells = np.zeros(wavefront.size, dtype=np.int64)
    cells[wavefront.place] = cells[wavefront.twin] = values.reshape(-1)[wavefront.flat]
    z, y, x = (i + 3 for i in np.unravel_index(wavefront.flat, shape))
    for offset, shift in zip(offsets, wavefront.shifts(offsets), strict=True):
        expected = padded[z + offset[0], y + offset[1], x + offset[2]]
        assert np.array_equal(cells[wavefront.place + shift], expected)


def test_only_the_voxels_of_the_mask_are_taken_each_once():
    mask = np.random.default_rng(0).random((5, 6, 7)) < 0.4
    assert np.array_equal(np.sort(Wavefront(mask, causal_offsets(3)).flat), np.flatnonzero(mask))
