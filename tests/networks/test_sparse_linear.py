import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from mrrecon.networks import SparseLinear


def half_observed(n_images: int, n_features: int) -> torch.Tensor:
    return (torch.rand(n_images, n_features) < 0.5).float()


def test_coordinates_are_the_least_squares_of_the_observed_rows():
    layer = SparseLinear(60, 5, jitter=1e-9)
    layer.mean.data = torch.randn(60)
    y, mask = torch.randn(4, 60), half_observed(4, 60)
    for r, image, seen in zip(layer(y, mask), y, mask > 0, strict=True):
        expected = torch.linalg.lstsq(layer.weight[seen], (image - layer.mean)[seen, None]).solution[:, 0]
        torch.testing.assert_close(r, expected, atol=1e-4, rtol=1e-4)


def test_a_layer_too_wide_for_the_table_of_products_computes_the_same():
    layer = SparseLinear(2**11, 130)  # 2^11 * 130^2 entries are more than the table may have
    y, mask = torch.randn(2, 2**11), half_observed(2, 2**11)
    rows = [layer.weight[seen].double() for seen in mask > 0]
    right = [image[seen].double() for image, seen in zip(y, mask > 0, strict=True)]
    expected = [torch.linalg.lstsq(w, b[:, None]).solution[:, 0] for w, b in zip(rows, right, strict=True)]
    torch.testing.assert_close(layer(y, mask).double(), torch.stack(expected), atol=1e-3, rtol=1e-3)


def test_a_fully_observed_image_has_the_coordinates_of_pca():
    images = np.random.default_rng(0).normal(size=(50, 20)) @ np.random.default_rng(1).normal(size=(20, 20))
    pca = PCA(4).fit(images)
    layer = SparseLinear(20, 4, jitter=1e-9).double()
    layer.weight.data, layer.mean.data = torch.tensor(pca.components_.T), torch.tensor(pca.mean_)
    y = torch.tensor(images)
    torch.testing.assert_close(layer(y, torch.ones_like(y)), torch.tensor(pca.transform(images)))
    torch.testing.assert_close(
        layer.decode(layer(y, torch.ones_like(y))), torch.tensor(pca.inverse_transform(pca.transform(images)))
    )


def test_missing_entries_may_hold_anything():
    layer = SparseLinear(30, 4)
    y, mask = torch.randn(2, 30), half_observed(2, 30)
    expected = layer(y, mask)
    torch.testing.assert_close(layer(torch.where(mask > 0, y, torch.nan), mask), expected)


@pytest.mark.parametrize("n_observed", [0, 1, 3])
def test_fewer_entries_than_coordinates_give_the_shortest_that_explains_them(n_observed):
    layer = SparseLinear(30, 8, jitter=1e-9).double()
    mask = (torch.arange(30) < n_observed).double()[None]
    y = torch.randn(1, 30).double()
    expected = torch.linalg.pinv(layer.weight[:n_observed]) @ y[0, :n_observed]
    torch.testing.assert_close(layer(y, mask)[0], expected, atol=1e-4, rtol=1e-4)


def test_the_ridge_is_that_of_eq_15():
    layer = SparseLinear(30, 4, ridge=0.5, jitter=0.0).double()
    y, mask = torch.randn(1, 30).double(), half_observed(1, 30).double()
    w = layer.weight[mask[0] > 0]
    expected = torch.linalg.solve(w.T @ w + 0.5 * torch.eye(4), w.T @ y[0, mask[0] > 0])
    torch.testing.assert_close(layer(y, mask)[0], expected)


def test_the_posterior_has_the_diagonal_of_the_inverse():
    layer = SparseLinear(30, 4, jitter=0.0).double()
    y, mask = torch.randn(1, 30).double(), half_observed(1, 30).double()
    w = layer.weight[mask[0] > 0]
    torch.testing.assert_close(layer.posterior(y, mask)[1][0], torch.linalg.inv(w.T @ w).diagonal())


def test_the_gradient_is_that_of_the_values():
    layer = SparseLinear(6, 3, ridge=0.1, learned_ridge=True).double()
    y = torch.randn(2, 6, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[1.0, 1, 0, 1, 1, 0], [1, 0, 0, 0, 0, 0]], dtype=torch.float64)

    def coordinates(y, weight, mean, log_ridge):
        parameters = {"weight": weight, "mean": mean, "log_ridge": log_ridge}
        return torch.func.functional_call(layer, parameters, (y, mask))

    assert torch.autograd.gradcheck(coordinates, (y, layer.weight, layer.mean, layer.log_ridge))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"in_features": 0, "out_features": 1}, "in_features=0"),
        ({"in_features": 1, "out_features": 0}, "out_features=0"),
        ({"in_features": 1, "out_features": 1, "ridge": -1.0}, "ridge=-1.0"),
        ({"in_features": 1, "out_features": 1, "learned_ridge": True}, "ridge=0.0"),
    ],
)
def test_impossible_layers_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        SparseLinear(**arguments)


@pytest.mark.parametrize("n_coordinates", [8, 130])
def test_autocast_rounds_no_coordinate(n_coordinates):
    layer = SparseLinear(2**11, n_coordinates)
    y, mask = torch.randn(3, 2**11), (torch.rand(3, 2**11) < 0.07).float()
    expected = layer.posterior(y, mask)
    with torch.autocast("cpu", torch.bfloat16):
        found, factor = layer.posterior(y, mask), layer.factor(mask)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(factor, layer.factor(mask))
