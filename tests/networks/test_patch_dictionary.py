import pytest
import torch

from mrrecon.networks import PatchDictionary
from mrrecon.networks.patch_dictionary import pursue
from mrrecon.solvers import matching_pursuit


def dictionary(**options) -> PatchDictionary:
    torch.manual_seed(0)
    return PatchDictionary((4, 4), 12, n_nonzero=2, stride=2, **options).double()


def half_observed(*shape: int) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.stack([torch.rand(shape), (torch.rand(shape) < 0.5).float()], 1).double()


def test_its_pursuit_is_that_of_the_solver():
    y, mask, atoms = (
        torch.randn(9, 20).double(),
        (torch.rand(9, 20) < 0.6).double(),
        torch.randn(20, 30).double(),
    )
    expected = matching_pursuit(y, mask, atoms=atoms, n_nonzero=4)
    torch.testing.assert_close(pursue(y, mask, atoms, 4, 0.0, 4), expected)


def test_the_ridge_is_that_of_regularised_least_squares():
    atom, y = torch.tensor([[3.0], [4.0]]).double(), torch.tensor([[5.0, 7.0]]).double()
    code = pursue(y, torch.tensor([[1.0, 0.0]]).double(), atom, 1, 2.0, 1)
    assert float(code) == pytest.approx(3 * 5 / (9 + 2))


def test_one_patch_is_its_code_times_the_atoms():
    network = dictionary()
    network.mean.data = torch.rand(16).double()
    x = half_observed(3, 4, 4)
    y, mask = x[:, 0].flatten(1), x[:, 1].flatten(1)
    code = matching_pursuit((y - network.mean) * mask, mask, atoms=network.atoms, n_nonzero=2)
    torch.testing.assert_close(network(x).flatten(1), code @ network.atoms.T + network.mean)


def test_patches_that_overlap_are_averaged_by_what_was_seen_of_them():
    network = dictionary()
    x = half_observed(1, 4, 6)
    parts = [network(x[..., :4]), network(x[..., 2:])]
    shares = [x[:, 1, :, :4].mean() + 1e-4, x[:, 1, :, 2:].mean() + 1e-4]
    middle = (parts[0][..., 2:] * shares[0] + parts[1][..., :2] * shares[1]) / sum(shares)
    torch.testing.assert_close(network(x)[..., 2:4], middle)
    torch.testing.assert_close(network(x)[..., :2], parts[0][..., :2])


def test_what_stands_in_the_holes_has_no_influence():
    network, x = dictionary(), half_observed(2, 7, 9)
    other = x.clone()
    other[:, 0][x[:, 1] == 0] = torch.nan
    torch.testing.assert_close(network(other), network(x), rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(4, 4), (3, 2), (9, 13)])
def test_an_image_of_any_size_comes_back_in_its_size(shape):
    assert dictionary()(half_observed(2, *shape)).shape == (2, 1, *shape)


def test_where_nothing_was_observed_stands_the_mean():
    network = dictionary()
    network.mean.data.fill_(0.3)
    torch.testing.assert_close(
        network(torch.zeros(1, 2, 6, 6).double()), torch.full((1, 1, 6, 6), 0.3).double()
    )


def test_script_and_eager_are_alike():
    network, x = dictionary(ridge=0.01, chunk=5), half_observed(2, 7, 9)
    torch.testing.assert_close(torch.jit.script(network)(x), network(x), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"patch": (4,)}, r"patch=\(4,\)"),
        ({"n_nonzero": 0}, "n_nonzero=0"),
        ({"n_nonzero": 257}, "n_nonzero=257"),
        ({"stride": 0}, "stride=0"),
        ({"stride": 17}, "stride=17"),
        ({"ridge": -1.0}, "ridge=-1.0"),
        ({"chunk": 0}, "chunk=0"),
    ],
)
def test_impossible_dictionaries_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        PatchDictionary(**arguments)
