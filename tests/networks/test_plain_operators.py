"""Operators written again for TorchScript are those of the package, to rounding."""

import math

import numpy as np
import pytest
import pywt
import torch

from mrrecon.networks import PlainImage, PlainRays, PlainSense
from mrrecon.networks.plain_wavelet import PlainWavelet
from mrrecon.operators import Blur, CartesianSense, FanBeam, Mask, Radon, gaussian_psf, super_resolution
from mrrecon.simulate import coil_maps
from mrrecon.solvers import filtered_back_projection
from mrrecon.tensors import complex_to_channels


def same(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", [(9, 12), (4, 5, 6)])
def test_sense_is_cartesian_sense(shape, generator):
    maps = coil_maps(shape, 3, dtype=torch.complex128)
    mask = torch.rand(shape, generator=generator) > 0.5
    k, x = (torch.randn(*n, *shape, dtype=torch.complex128, generator=generator) for n in ((3,), ()))
    A, plain = CartesianSense(mask, maps), PlainSense()
    y, constants = plain.split(complex_to_channels(torch.cat([k * mask, maps])[None]))
    same(plain.adjoint(y, constants)[0], torch.view_as_real(A.adjoint(k)).movedim(-1, 0))
    gram = plain.gram(torch.view_as_real(x).movedim(-1, 0)[None], constants)
    same(gram[0], torch.view_as_real(A.gram(x)).movedim(-1, 0))
    assert float(plain.bound(constants, gram)) == pytest.approx(A.norm_bound**2)


FAN = {"source_distance": 60.0, "detector_distance": 40.0}


@pytest.mark.parametrize(("arc", "fan"), [(180.0, {}), (360.0, {}), (360.0, FAN)])
def test_rays_are_those_of_radon_and_fan_beam(arc, fan, generator):
    n, n_views, spacing = 16, 12, 1.5
    plain = PlainRays(arc=arc, detector_spacing=spacing, detector_offset=0.2, **fan)
    angles = [math.radians(arc) * view / n_views for view in range(n_views)]
    options = {"n_detectors": n, "detector_spacing": spacing, "detector_offset": 0.2, "spacing": plain.pixel}
    A = FanBeam((n, n), angles, **fan, **options) if fan else Radon((n, n), angles, **options)
    x, y = (torch.rand(2, 1, *shape, dtype=torch.float64, generator=generator) for shape in ((n, n), (12, n)))
    _, constants = plain.split(y)
    same(plain.project(x, constants), A(x))
    same(plain.adjoint(y, constants), A.adjoint(y))
    same(plain.start(y, constants), filtered_back_projection(A, y))
    assert float(plain.bound(constants, x)) >= torch.linalg.eigvalsh(dense(A.gram, n))[-1]


def dense(linear, n):
    columns = torch.eye(n * n, dtype=torch.float64).reshape(-1, n, n)
    return linear(columns).reshape(n * n, n * n)


@pytest.mark.parametrize(("factor", "fwhm"), [((1, 1), (0, 0)), ((2, 3), (0, 0)), ((1, 2), (2.0, 3.0))])
def test_image_is_holes_means_and_blur(factor, fwhm, generator):
    plain = PlainImage(factor, fwhm)
    y = torch.rand(1, 1, 24, 12, dtype=torch.float64, generator=generator)
    y[0, 0, :3, 4] = torch.nan
    seen = y.isfinite()
    parts = [Mask(seen), super_resolution(factor), Blur(gaussian_psf(fwhm), "reflect")]
    A = parts[0] @ parts[1] @ parts[2]
    filled, constants = plain.split(y)
    x = torch.rand(1, 1, 24 * factor[0], 12 * factor[1], dtype=torch.float64, generator=generator)
    same(plain.adjoint(filled, constants), A.adjoint(filled))
    same(plain.gram(x, constants), A.gram(x))


@pytest.mark.parametrize("wavelet", ["haar", "db4", "sym3"])
def test_wavelet_is_that_of_pywavelets(wavelet, generator):
    W = PlainWavelet(wavelet, levels=2)
    x = torch.rand(1, 1, 48, 64, dtype=torch.float64, generator=generator)
    expected = pywt.coeffs_to_array(pywt.wavedec2(x[0, 0].numpy(), wavelet, "periodization", level=2))[0]
    np.testing.assert_allclose(W.analyze(x)[0, 0].numpy(), expected, atol=1e-9)
    same(W.synthesize(W.analyze(x[..., :-1]), [48, 63]), x[..., :-1])


def test_voxels_that_were_seen_stay_only_beside_holes():
    plain = PlainImage([1, 1], [0.0, 0.0], keep_observed=True)
    y = torch.ones(2, 1, 2, 2)
    y[0, 0, 0, 0] = torch.nan
    filled, constants = plain.split(y)
    x = plain.finish(torch.full((2, 1, 2, 2), 5.0), filled, constants)
    assert x[:, 0].tolist() == [[[5, 1], [1, 1]], [[5, 5], [5, 5]]]


def test_views_over_other_arcs_are_refused():
    with pytest.raises(ValueError, match=r"arc=200\.0 must be 180 or 360 degrees"):
        PlainRays(arc=200.0)


def test_details_are_shrunk_and_averages_are_not():
    shrunk = PlainWavelet("haar", levels=1).shrink(torch.ones(1, 1, 4, 4), 0.25)
    assert shrunk[0, 0, :2, :2].unique().tolist() == [1]
    assert shrunk[0, 0, 2:].unique().tolist() == [0.75]
