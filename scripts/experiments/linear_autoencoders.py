"""Linear autoencoders that learn from observed pixels alone, with what their encoder sees of the holes."""

import sys
from typing import Any

import torch
from torch import Tensor, nn

from mrrecon.losses import ObservedELBOLoss
from mrrecon.networks import LinearSubspace, SparseLinear
from scripts.experiments.images import Observed, Split, interpolated, observe
from scripts.experiments.methods import mean_image

AUTOENCODERS = ("zero", "mean", "interpolation", "sparse", "sparse + ridge")

Row = dict[str, Any]


class FilledAutoencoder(nn.Module):
    """A fully connected layer to the code, and another one back, for images whose holes were filled."""

    def __init__(self, mean: Tensor, n_latents: int) -> None:
        super().__init__()
        self.encoder = nn.Linear(len(mean), n_latents)
        self.decoder = nn.Linear(n_latents, len(mean))
        with torch.no_grad():
            self.decoder.bias.copy_(mean)

    def forward(self, shown: Tensor, _mask: Tensor) -> Tensor:
        """Images (batch, pixels)."""
        return self.decoder(self.encoder(shown))


class SparseAutoencoder(nn.Module):
    """The sparse layer, eq. 10, and the way back with the same weights."""

    def __init__(self, mean: Tensor, n_latents: int) -> None:
        super().__init__()
        self.layer = SparseLinear(len(mean), n_latents)
        with torch.no_grad():
            self.layer.mean.copy_(mean)

    def forward(self, shown: Tensor, mask: Tensor) -> Tensor:
        """Images (batch, pixels)."""
        return self.layer.decode(self.layer(shown, mask))


def curves(
    data: str,
    split: Split,
    *,
    sparsity: int,
    epochs: int,
    seed: int,
    n_latents: int = 10,
    batch: int = 64,
    lr: float = 1e-2,
) -> list[Row]:
    """Mean squared errors on the validation images after each epoch of each autoencoder.

    Args:
        data: name of the data set, for the rows.
        split: complete images; the autoencoders see a part of each.
        sparsity: what is missing, in percent.
        epochs: passes through the training set.
        seed: of masks, weights and order.
        n_latents: length of the code.
        batch: images of a step.
        lr: learning rate of Adam.
    """
    training = observe(split.training, sparsity=sparsity, kind="pixels", seed=seed + 1)
    validation = observe(split.validation, sparsity=sparsity, kind="pixels", seed=seed + 2)
    truth = split.validation.x.flatten(1)
    mean = mean_image(training)
    rows = []
    for filling in AUTOENCODERS:
        torch.manual_seed(seed)
        network = _network(filling, mean, n_latents)
        optimizer = torch.optim.Adam(network.parameters(), lr)
        shown = _shown(filling, training, mean)
        judged = _shown(filling, validation, mean)
        y, mask = training.flat
        for epoch in range(1, epochs + 1):
            for chosen in torch.randperm(len(y)).split(batch):
                optimizer.zero_grad(set_to_none=True)
                _loss(network, shown[chosen], y[chosen], mask[chosen]).backward()
                optimizer.step()
            errors = _errors(network, judged, validation, truth)
            rows.append({"data": data, "sparsity": sparsity, "filling": filling, "epoch": epoch, **errors})
        print(f"{data}: autoencoder, {filling}: done", file=sys.stderr, flush=True)
    return rows


def _network(filling: str, mean: Tensor, n_latents: int) -> nn.Module:
    if filling == "sparse + ridge":
        # The ridge is the variance of the noise, which it learns by eq. 9 and 14.
        network = LinearSubspace((1, mean.numel()), n_latents, sigma=0.1)
        with torch.no_grad():
            network.linear.mean.copy_(mean.flatten())
        return network
    kind = SparseAutoencoder if filling == "sparse" else FilledAutoencoder
    return kind(mean.flatten(), n_latents)


def _shown(filling: str, observed: Observed, mean: Tensor) -> Tensor:
    if filling == "mean":
        return torch.where(observed.mask > 0, observed.y, mean).flatten(1)
    if filling == "interpolation":
        return interpolated(observed, "linear").flatten(1)
    return observed.y.flatten(1)


def _loss(network: nn.Module, shown: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    if isinstance(network, LinearSubspace):
        # As images of one row: it works on their pixels.
        x = torch.stack([shown, mask], 1).unsqueeze(2)
        network.train()
        pred, mean, log_variance, log_sigma = network(x)
        loss: Tensor = ObservedELBOLoss()(
            (pred, mean, log_variance, log_sigma), (y[:, None, None], mask[:, None, None])
        )
        return loss
    error = (network(shown, mask) - y).square() * mask
    return error.sum() / mask.sum()


@torch.no_grad()
def _errors(network: nn.Module, shown: Tensor, observed: Observed, truth: Tensor) -> dict[str, float]:
    mask = observed.mask.flatten(1)
    if isinstance(network, LinearSubspace):
        pred = network.eval()(torch.stack([shown, mask], 1).unsqueeze(2)).flatten(1)
    else:
        pred = network(shown, mask)
    error = (pred - truth).square()
    return {
        "observed": float((error * mask).sum() / mask.sum()),
        "missing": float((error * (1 - mask)).sum() / (1 - mask).sum()),
        "all": float(error.mean()),
    }
