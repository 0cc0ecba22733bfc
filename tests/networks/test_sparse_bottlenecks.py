import pytest
import torch

from mrrecon.networks.sparse_bottlenecks import ConvolutionalBottleneck, LinearBottleneck, LocalBottleneck


@pytest.mark.parametrize(
    "bottleneck",
    [
        ConvolutionalBottleneck(2, 3, 5),
        LinearBottleneck(3, (4, 4), 5),
        LocalBottleneck(3, (4, 4), (2, 2), 5),
    ],
    ids=["conv", "FC", "local"],
)
def test_the_variance_of_an_odd_image_grows_no_faster_than_its_features_and_can_come_back(bottleneck):
    torch.nn.init.constant_(bottleneck.to_log_variance.bias, 1e4)
    h = torch.randn(1, 3, 4, 4, requires_grad=True)
    torch.nn.init.normal_(bottleneck.to_log_variance.weight)
    _, log_variance = bottleneck(h, torch.ones(1, 1, 4, 4))
    torch.testing.assert_close(log_variance.exp().mean(), torch.tensor(1e4), rtol=0.01, atol=0.0)
    log_variance.sum().backward()
    assert float(h.grad.abs().max()) > 0


def test_below_that_of_the_prior_the_log_variance_is_what_the_layer_says():
    bottleneck = ConvolutionalBottleneck(2, 3, 3)
    bottleneck.to_log_variance.weight.data = torch.eye(3)[..., None, None]
    bottleneck.to_log_variance.bias.data.zero_()
    h = torch.tensor([-3.0, 0.0, -0.5])[None, :, None, None]
    _, log_variance = bottleneck(h, torch.ones(1, 1, 1, 1))
    torch.testing.assert_close(log_variance, h)
