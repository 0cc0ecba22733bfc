"""Least squares of each voxel over the images that observed it."""

import torch

from mrrecon.solvers.voxelwise import voxelwise_least_squares


def problem(generator: torch.Generator) -> tuple[torch.Tensor, ...]:
    codes = torch.randn(30, 4, generator=generator)
    spread = torch.randn(30, 4, 4, generator=generator)
    moments = codes[:, :, None] * codes[:, None] + spread @ spread.transpose(1, 2)
    mask = (torch.rand(30, 9, generator=generator) < 0.6).float()
    return torch.randn(30, 9, generator=generator) * mask, mask, codes, moments


def direct(y: torch.Tensor, mask: torch.Tensor, codes: torch.Tensor, moments: torch.Tensor) -> torch.Tensor:
    left = torch.stack([moments[seen > 0].sum(0) for seen in mask.T])
    right = torch.stack([(codes * values[:, None]).sum(0) for values in y.T])
    return torch.linalg.solve(left, right)


def test_each_voxel_is_the_solution_of_its_own_images(generator: torch.Generator) -> None:
    y, mask, codes, moments = problem(generator)
    found = voxelwise_least_squares(y, mask, codes=codes, moments=moments, chunk=4)
    torch.testing.assert_close(found, direct(y, mask, codes, moments), rtol=1e-4, atol=1e-5)


def test_sums_that_are_not_positive_are_solved_beside_others_that_are(generator: torch.Generator) -> None:
    y, mask, codes, moments = problem(generator)
    # The first ten images are those of voxel 3 alone.
    mask[:10], mask[10:, 3], mask[:10, 3] = 0, 0, 1
    y = y * mask
    moments[:10, 0, 0] -= 40
    found = voxelwise_least_squares(y, mask, codes=codes, moments=moments)
    signs = [torch.linalg.eigvalsh(moments[seen > 0].sum(0)).min() > 0 for seen in mask.T]
    assert {bool(sign) for sign in signs} == {True, False}
    torch.testing.assert_close(found, direct(y, mask, codes, moments), rtol=1e-3, atol=1e-4)


def test_a_voxel_that_nobody_observed_has_no_weights(generator: torch.Generator) -> None:
    y, mask, codes, moments = problem(generator)
    mask[:, 2] = y[:, 2] = 0
    found = voxelwise_least_squares(y, mask, codes=codes, moments=moments)
    assert not bool(found[2].any())
