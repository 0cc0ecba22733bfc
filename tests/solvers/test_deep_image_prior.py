import pytest
import torch

from mrrecon.networks import SkipNetwork
from mrrecon.operators import Identity, Mask
from mrrecon.solvers import deep_image_prior

SMALL = {"down": (8, 8), "up": (8, 8), "skip": (2, 2)}


def seeded(n: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(n)


def disc() -> torch.Tensor:
    u = torch.linspace(-1, 1, 32)
    return 0.2 + 0.6 * torch.sigmoid(20 * (0.5 - (u[:, None] ** 2 + u**2).sqrt()))[None, None]


def test_holes_are_filled_with_what_fits():
    mask = (torch.rand(32, 32) < 0.5).float()
    x, history = deep_image_prior(
        Mask(mask), disc() * mask, SkipNetwork(2, 8, **SMALL), shape=(32, 32), in_channels=8,
        max_iterations=400, generator=seeded(),
    )  # fmt: skip
    missing = (mask == 0).expand_as(x)
    assert float((x - disc())[missing].square().mean()) < 0.1 * float(disc()[missing].var())
    assert history.objective[-1] < 0.05 * history.objective[0]


def test_the_fit_stops_before_it_learns_the_noise():
    noisy = disc() + 0.2 * torch.randn(1, 1, 32, 32)
    network = SkipNetwork(2, 8, down=(32, 32), up=(32, 32), skip=(4, 4), sigmoid=False)
    x, history = deep_image_prior(
        Identity(), noisy, network, shape=(32, 32), in_channels=8, held_out=0.1, max_iterations=600,
        patience=60, input_noise=0.0, generator=seeded(),
    )  # fmt: skip
    assert history.iterations < 600
    assert float((x - disc()).square().mean()) < 0.5 * 0.2**2


def test_the_network_given_is_not_changed_and_the_same_seed_gives_the_same_image():
    network = SkipNetwork(2, 4, **SMALL)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    images = [
        deep_image_prior(
            Identity(), disc(), network, shape=(32, 32), in_channels=4, max_iterations=5, generator=seeded(3)
        )[0]
        for _ in range(2)
    ]
    assert torch.equal(*images)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_progress_is_told():
    told = []
    deep_image_prior(
        Identity(), disc(), SkipNetwork(2, 4, **SMALL), shape=(32, 32), in_channels=4, max_iterations=3,
        callback=lambda i, error, x: told.append((i, error > 0, tuple(x.shape))),
    )  # fmt: skip
    assert told == [(i, True, (1, 1, 32, 32)) for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"held_out": 1.0}, "held_out=1.0"),
        ({"averaging": -0.1}, "averaging=-0.1"),
        ({"patience": 0}, "patience=0"),
        ({"shape": (16, 16)}, "shape=\\(16, 16\\)"),
        ({"held_out": 1e-9}, "held_out=1e-09"),
    ],
)
def test_impossible_requests_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        deep_image_prior(
            Identity(), disc(), small_network(), **{"shape": (32, 32), "in_channels": 4, **arguments}
        )


def small_network() -> SkipNetwork:
    return SkipNetwork(2, 4, **SMALL)


def test_an_image_of_nothing_is_refused():
    with pytest.raises(ValueError, match="y is zero everywhere"):
        deep_image_prior(
            Identity(), torch.zeros(1, 1, 32, 32), small_network(), shape=(32, 32), in_channels=4
        )
