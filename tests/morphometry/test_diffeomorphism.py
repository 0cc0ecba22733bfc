import numpy as np
import pytest
import torch
from scipy import ndimage

from mrrecon.morphometry.diffeomorphism import exponential, gaussian_smooth, register_tissues
from mrrecon.morphometry.grid import grid_points, sample_linear


def velocity(size: float = 2.0) -> torch.Tensor:
    noise = torch.randn(3, 20, 22, 24, generator=torch.Generator().manual_seed(0))
    smooth = gaussian_smooth(noise, sigma=3.0)
    return smooth * size / smooth.abs().max()


# Numbers of 32 bits are smoothed by a kernel, others by torch; the last volume is smaller than the Gaussian.
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(2, 12, 13, 14), (1, 3, 1, 4)])
def test_smoothing_is_scipys(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    noise = torch.randn(*shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    expected = ndimage.gaussian_filter(noise.numpy(), 1.5, mode="nearest", radius=5, axes=(1, 2, 3))
    assert np.allclose(gaussian_smooth(noise, sigma=1.5).numpy(), expected, atol=1e-5)


def test_the_flow_of_a_linear_field_is_its_matrix_exponential() -> None:
    points = grid_points((21, 21, 21)) - 10
    flow = exponential(torch.stack([0.1 * points[1], -0.1 * points[0], torch.zeros_like(points[2])]))
    turned = torch.tensor([[np.cos(0.1), np.sin(0.1)], [-np.sin(0.1), np.cos(0.1)]], dtype=torch.float32)
    expected = torch.einsum("ij,jxyz->ixyz", turned, points[:2]) - points[:2]
    assert (flow[:2] - expected)[:, 4:17, 4:17].abs().max() < 0.03


def test_a_flow_and_its_reverse_undo_each_other() -> None:
    there, back = exponential(velocity()), exponential(-velocity())
    points = grid_points(there.shape[1:])
    left = there + sample_linear(back, points + there, outside="border")
    assert left[:, 4:-4, 4:-4, 4:-4].abs().max() < 0.1


def test_no_flow_folds() -> None:
    slopes = torch.stack(torch.gradient(exponential(velocity(size=4.0)), dim=(1, 2, 3)), dim=-1)
    jacobian = torch.linalg.det(slopes.permute(1, 2, 3, 0, 4) + torch.eye(3))
    assert jacobian.min() > 0


def test_registration_finds_a_known_flow() -> None:
    points = grid_points((20, 22, 24))
    distance = (points - torch.tensor([10.0, 11, 12]).view(3, 1, 1, 1)).norm(dim=0)
    moving = torch.stack(
        [torch.sigmoid(6 - distance), torch.sigmoid(distance - 6) * torch.sigmoid(9 - distance)]
    )
    fixed = sample_linear(moving, points + exponential(velocity()), outside="border")
    found = exponential(register_tissues(fixed, moving, levels=((2, 20), (1, 20))))
    left = sample_linear(moving, points + found, outside="border") - fixed
    assert left.square().mean() < 0.1 * (moving - fixed).square().mean()
