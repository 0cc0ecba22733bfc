"""Coil maps from the data."""

import importlib

import pytest
import torch
from torch import Tensor

from mrrecon.operators import Fourier
from mrrecon.simulate import coil_maps, ellipsoid_phantom
from mrrecon.solvers import espirit
from mrrecon.solvers.dominant_eigenvectors import dominant_eigenvectors


def _scan(
    *shape: int, n_coils: int = 4, dtype: torch.dtype = torch.complex64
) -> tuple[Tensor, Tensor, Tensor]:
    maps = coil_maps(shape, n_coils, n_rings=1, dtype=dtype)
    image = ellipsoid_phantom((*shape, 1))[..., 0] if len(shape) == 2 else ellipsoid_phantom(shape)
    return maps, image, Fourier(len(shape))(maps * image.to(dtype.to_real()))


def _misfit(maps: Tensor, truth: Tensor, inside: Tensor) -> float:
    """What of the true maps lies outside the estimated ones, whatever their phase."""
    return (1 - (maps.conj() * truth).sum(0).abs()[inside]).max().item()


@pytest.mark.parametrize(("shape", "kernel"), [((48, 40), 6), ((24, 24, 20), 4)])
def test_maps_of_a_phantom_are_found(shape: tuple[int, ...], kernel: int) -> None:
    truth, image, kspace = _scan(*shape)
    maps, values = espirit(kspace, calibration=16, kernel=kernel)
    inside = image > 0.1
    assert (values[inside] > 0.95).float().mean() > 0.97
    assert _misfit(maps, truth, inside & (values > 0.95)) < 5e-3


def test_maps_agree_with_sigpys() -> None:
    app = pytest.importorskip("sigpy.mri.app")
    _, _, kspace = _scan(32, 32)
    kspace = kspace + 1e-2 * torch.randn_like(kspace)
    options = {
        "calib_width": 20,
        "kernel_width": 5,
        "crop": 0,
        "max_iter": 2000,
        "show_pbar": False,
        "output_eigenvalue": True,
    }
    expected, eigenvalues = app.EspiritCalib(kspace.numpy(), **options).run()
    maps, values = espirit(kspace, calibration=20, kernel=5, crop=0)
    sure = values > 0.9
    torch.testing.assert_close(values[sure], torch.from_numpy(eigenvalues)[0][sure], rtol=1e-4, atol=1e-4)
    assert _misfit(maps, torch.from_numpy(expected), sure) < 1e-4


def test_eigenvectors_are_lapacks() -> None:
    vectors = torch.linalg.qr(torch.randn(7, 33, 5, 5, dtype=torch.complex128)).Q
    spectrum = torch.tensor([0.1, 0.2, 0.3, 0.5, 0.9], dtype=torch.complex128)
    matrices = vectors * spectrum @ vectors.mH
    upper = torch.triu_indices(5, 5)
    entries = torch.view_as_real(matrices[..., upper[0], upper[1]]).permute(0, 2, 3, 1).contiguous()
    found, values = torch.empty(5, 7, 2, 33).double(), torch.empty(7, 33).double()
    dominant_eigenvectors(entries.numpy(), found.numpy(), values.numpy())
    torch.testing.assert_close(values, torch.full((7, 33), 0.9).double(), rtol=1e-7, atol=0)
    overlap = (torch.complex(found[:, :, 0], found[:, :, 1]).permute(1, 2, 0).conj() * vectors[..., -1]).sum(
        -1
    )
    torch.testing.assert_close(overlap.abs(), torch.ones(7, 33).double(), rtol=1e-8, atol=0)


def test_maps_have_unit_length_and_are_zero_outside() -> None:
    maps, values = espirit(_scan(40, 40)[2], calibration=20, crop=0.9)
    length = maps.abs().square().sum(0)
    torch.testing.assert_close(length, (values > 0.9).float())


def test_phase_is_smooth_within_the_object() -> None:
    _, image, kspace = _scan(64, 64)
    maps, _ = espirit(kspace, calibration=20, kernel=5, crop=0)
    inside = (image[1:] > 0.1) & (image[:-1] > 0.1)
    assert (maps[:, 1:] - maps[:, :-1]).abs().amax(0)[inside].max() < 0.2


def test_phase_is_that_of_the_combination_with_the_most_energy() -> None:
    kspace = _scan(32, 32)[2]
    maps, _ = espirit(kspace, calibration=20, crop=0)
    block = kspace[:, 6:26, 6:26].flatten(1)
    combined = torch.tensordot(torch.linalg.svd(block).U[:, 0].conj(), maps, 1)
    turned = combined / combined[16, 16]
    assert turned.imag.abs().max() < 1e-3 * turned.abs().max()
    assert turned.real.min() > -1e-3


def test_plain_and_compiled_eigenvectors_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    kspace = _scan(24, 20, dtype=torch.complex128)[2]
    compiled, values = espirit(kspace, calibration=16, kernel=4)
    module = importlib.import_module("mrrecon.solvers.espirit")
    monkeypatch.setattr(module, "_largest", module._largest_plain)
    plain, expected = espirit(kspace, calibration=16, kernel=4)
    torch.testing.assert_close(values, expected, rtol=1e-3, atol=1e-3)
    assert _misfit(compiled, plain, (values > 0.951) & (expected > 0.951)) < 1e-8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"calibration": 50}, r"calibration=50 must be a block within a k-space of shape \(32, 32\)"),
        ({"calibration": (8, 8, 8)}, r"calibration=\(8, 8, 8\) must be a block"),
        ({"kernel": 1}, r"kernel=1 must be at least 2 and fit the block calibration=24"),
        ({"kernel": 25}, r"kernel=25 must be at least 2 and fit"),
        ({"threshold": 0.0}, r"threshold=0.0 must lie between 0 and 1"),
        ({"crop": 1.0}, r"crop=1.0 between 0 and below 1"),
    ],
)
def test_bad_arguments_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        espirit(torch.ones(2, 32, 32) + 0j, **options)


def test_bad_k_space_is_refused() -> None:
    kspace = torch.randn(2, 32, 32, dtype=torch.complex64)
    with pytest.raises(TypeError, match=r"kspace is torch.float32 and must be complex"):
        espirit(kspace.real)
    with pytest.raises(ValueError, match=r"kspace of shape \(2, 32\) must have coils and two or three axes"):
        espirit(kspace[:, 0])
    with pytest.raises(ValueError, match=r"kspace is zero in all of the calibration block"):
        espirit(0 * kspace)
    with pytest.raises(ValueError, match=r"kspace must be finite, it holds NaN"):
        espirit(kspace / 0 * 0)
    kspace[:, 10] = 0
    with pytest.raises(ValueError, match=r"kspace was not measured at 24 of the 576 points"):
        espirit(kspace)


def test_noise_alone_leaves_no_pixel() -> None:
    kspace = torch.randn(4, 32, 32, dtype=torch.complex64)
    with pytest.raises(ValueError, match=r"crop=0.99 leaves no pixel: the largest eigenvalue is 0\.\d+"):
        espirit(kspace, threshold=0.5, crop=0.99)
