"""Holes filled by interpolation, against scipy and by hand."""

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline, griddata

from mrrecon.simulate import rotated_slices
from mrrecon.solvers import interpolate_missing

KNOTS = [2, 3, 7, 12, 18]


def slices(axis=1, shape=(5, 20, 6)):
    y = torch.from_numpy(np.random.default_rng(0).random(shape))
    seen = torch.zeros(shape, dtype=torch.bool)
    seen.index_fill_(axis, torch.tensor(KNOTS), True)
    return torch.where(seen, y, torch.nan), seen


def test_between_whole_slices_lines_are_drawn():
    y, seen = slices()
    found = interpolate_missing(y, seen)
    for column in ((0, 0), (4, 5)):
        line = found[column[0], :, column[1]].numpy()
        known = y[column[0], KNOTS, column[1]].numpy()
        np.testing.assert_allclose(line, np.interp(range(20), KNOTS, known), atol=1e-12)


def test_between_whole_slices_natural_splines_are_drawn_and_beyond_them_the_last_stays():
    y, seen = slices()
    found = interpolate_missing(y, seen, method="cubic").numpy()
    spline = CubicSpline(KNOTS, y[:, KNOTS].numpy(), axis=1, bc_type="natural")
    np.testing.assert_allclose(found[:, 2:19], spline(np.arange(2, 19)), atol=1e-12)
    np.testing.assert_array_equal(found[:, 0], y[:, 2].numpy())
    np.testing.assert_array_equal(found[:, 19], y[:, 18].numpy())


@pytest.mark.parametrize("method", ["linear", "cubic"])
def test_in_two_dimensions_it_is_scipy_s_griddata(method, generator):
    y = torch.rand(20, 24, generator=generator, dtype=torch.float64)
    seen = torch.rand(20, 24, generator=generator) < 0.3
    found = interpolate_missing(y, seen, method=method).numpy()
    grid = tuple(np.meshgrid(np.arange(20), np.arange(24), indexing="ij"))
    places, values = np.argwhere(seen.numpy()), y[seen].numpy()
    expected = griddata(places, values, grid, method)
    nearest = griddata(places, values, grid, "nearest")
    inside = np.isfinite(expected)
    np.testing.assert_allclose(found[inside], expected[inside], atol=1e-9)
    # Outside of the triangles the nearest, of which there may be several.
    assert (found[~inside] == nearest[~inside]).mean() > 0.8


@pytest.mark.parametrize("method", ["linear", "cubic"])
def test_a_slope_is_found_between_rotated_slices(method, generator):
    seen = rotated_slices([24, 20, 22], generator=generator)
    axes = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in seen.shape), indexing="ij")
    y = 3 * axes[0] - axes[1] + 0.5 * axes[2]
    found = interpolate_missing(torch.where(seen, y, 0), seen, method=method)
    torch.testing.assert_close(found[8:16, 8:12, 8:14], y[8:16, 8:12, 8:14], atol=0.8, rtol=0)
    assert torch.equal(found[seen], y[seen])


def test_an_axis_counts_by_how_near_its_voxels_are():
    y, seen = torch.zeros(5, 5, 5), torch.zeros(5, 5, 5, dtype=torch.bool)
    for place, value in (((1, 2, 2), 0.0), ((3, 2, 2), 2.0), ((2, 0, 2), 7.0), ((2, 4, 2), 9.0)):
        y[place], seen[place] = value, True
    # 1 with the weight 2 / (1 * 1), and 8 with the weight 4 / (2 * 2).
    assert interpolate_missing(y, seen)[2, 2, 2] == pytest.approx((2 * 1 + 1 * 8) / 3)


@pytest.mark.parametrize("method", ["nearest", "mean", "linear", "cubic"])
@pytest.mark.parametrize("shape", [(9, 8), (9, 8, 7), (9, 1, 7)])
def test_observed_voxels_survive_every_method(method, shape, generator):
    y = torch.rand(shape, generator=generator)
    seen = torch.rand(shape, generator=generator) < 0.4
    found = interpolate_missing(torch.where(seen, y, torch.nan), seen, method=method)
    assert torch.equal(found[seen], y[seen])
    assert found.isfinite().all()


def test_nearest_and_mean_are_so():
    y, seen = torch.tensor([[1.0, 0, 0, 0, 7.0]]), torch.tensor([[True, False, False, False, True]])
    assert interpolate_missing(y, seen, method="nearest")[0, [1, 3]].tolist() == [1, 7]
    assert interpolate_missing(y, seen, method="mean").tolist() == [[1, 4, 4, 4, 7]]


@pytest.mark.parametrize("method", ["linear", "cubic"])
def test_a_single_line_has_no_triangles_and_is_continued(method):
    y, seen = torch.zeros(6, 7), torch.zeros(6, 7, dtype=torch.bool)
    y[2], seen[2] = torch.arange(7.0), True
    torch.testing.assert_close(interpolate_missing(y, seen, method=method), torch.arange(7.0).expand(6, 7))


@pytest.mark.parametrize(
    ("y", "seen", "method", "said"),
    [
        (torch.ones(2, 2), torch.zeros(2, 2, dtype=torch.bool), "linear", "nothing was observed"),
        (torch.ones(4), torch.ones(4, dtype=torch.bool), "linear", "of two or three axes"),
        (torch.ones(2, 2), torch.ones(2, 2, dtype=torch.bool), "magic", "method='magic' must be one of"),
    ],
)
def test_what_cannot_be_interpolated_is_refused(y, seen, method, said):
    with pytest.raises(ValueError, match=said):
        interpolate_missing(y, seen, method=method)
