import pytest
import torch
from sklearn.linear_model import orthogonal_mp

from mrrecon.solvers import learn_dictionary, matching_pursuit


def unit(atoms: torch.Tensor) -> torch.Tensor:
    return atoms / atoms.norm(dim=0)


def sparse_images(n: int, atoms: torch.Tensor, k: int) -> torch.Tensor:
    code = torch.zeros(n, atoms.shape[1], dtype=atoms.dtype)
    for row in code:
        row[torch.randperm(atoms.shape[1])[:k]] = torch.randn(k, dtype=atoms.dtype) + 2
    return code @ atoms.T


def test_with_everything_observed_it_is_the_pursuit_of_scikit_learn():
    atoms = unit(torch.randn(20, 30).double())
    y = torch.randn(7, 20).double()
    code = matching_pursuit(y, torch.ones_like(y), atoms=atoms, n_nonzero=4)
    expected = torch.tensor(orthogonal_mp(atoms.numpy(), y.T.numpy(), n_nonzero_coefs=4).T)
    torch.testing.assert_close(code, expected)


def test_through_a_mask_it_is_the_pursuit_with_the_observed_rows():
    atoms = unit(torch.randn(20, 30).double())
    y, mask = torch.randn(5, 20).double(), (torch.rand(5, 20) < 0.6).double()
    code = matching_pursuit(torch.where(mask > 0, y, torch.nan), mask, atoms=atoms, n_nonzero=3)
    for x, image, seen in zip(code, y, mask > 0, strict=True):
        lengths = atoms[seen].norm(dim=0)
        rows = (atoms[seen] / lengths).numpy()
        expected = torch.tensor(orthogonal_mp(rows, image[seen].numpy(), n_nonzero_coefs=3)) / lengths
        torch.testing.assert_close(x, expected)


def test_it_finds_the_code_of_a_sparse_image_from_half_of_it():
    atoms = unit(torch.randn(60, 40).double())
    y = sparse_images(10, atoms, 3)
    mask = (torch.rand(10, 60) < 0.6).double()
    code = matching_pursuit(y * mask, mask, atoms=atoms, n_nonzero=3)
    assert float((code @ atoms.T - y).square().mean()) < 0.05 * float(y.var())


def test_an_image_without_content_or_observation_has_no_code():
    atoms, y = unit(torch.randn(6, 4)), torch.randn(2, 6)
    mask = torch.tensor([[0.0], [1.0]]).expand(2, 6)
    y[1] = 0
    assert not matching_pursuit(y, mask, atoms=atoms, n_nonzero=2).any()


def test_chunks_change_nothing():
    atoms, y = unit(torch.randn(20, 30)), torch.randn(7, 20)
    whole, parts = (
        matching_pursuit(y, torch.ones_like(y), atoms=atoms, n_nonzero=4, chunk=n) for n in (64, 2)
    )
    torch.testing.assert_close(whole, parts)


def test_learned_atoms_fill_holes_that_the_mean_does_not(generator):
    atoms = unit(torch.randn(16, 8).double())
    y = sparse_images(600, atoms, 2)
    mask = (torch.rand(600, 16) < 0.75).double()
    found = learn_dictionary(y * mask, mask, n_atoms=12, n_nonzero=2, max_iterations=40, generator=generator)
    code = matching_pursuit((y - found.mean) * mask, mask, atoms=found.atoms, n_nonzero=2)
    missing = mask == 0
    error = (code @ found.atoms.T + found.mean - y)[missing].square().mean()
    assert float(error) < 0.5 * float((found.mean - y)[missing].square().mean())
    assert found.error[-1] < 0.5 * found.error[0]


@pytest.mark.parametrize("k", [0, 5])
def test_an_impossible_number_of_atoms_is_refused(k):
    y = torch.ones(3, 6)
    with pytest.raises(ValueError, match=f"n_nonzero={k}"):
        matching_pursuit(y, y, atoms=torch.eye(6)[:, :4], n_nonzero=k)
    with pytest.raises(ValueError, match=f"n_nonzero={k}"):
        learn_dictionary(y, y, n_atoms=4, n_nonzero=k)


def test_nothing_observed_is_refused():
    with pytest.raises(ValueError, match="observes nothing"):
        learn_dictionary(torch.ones(3, 6), torch.zeros(3, 6), n_atoms=4, n_nonzero=1)
