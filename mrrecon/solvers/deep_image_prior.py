"""An image fitted to one measurement through a network that has seen no other."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mrrecon.operators import LinearOperator
from mrrecon.solvers.checks import check_measurement
from mrrecon.solvers.history import Callback, History, Recorder

__all__ = ["deep_image_prior"]


def deep_image_prior(
    A: LinearOperator,
    y: Tensor,
    network: nn.Module,
    *,
    shape: Sequence[int],
    in_channels: int = 32,
    code: Tensor | None = None,
    max_iterations: int = 3000,
    learning_rate: float = 0.01,
    input_noise: float = 0.03,
    averaging: float = 0.99,
    held_out: float = 0.05,
    patience: int = 300,
    generator: torch.Generator | None = None,
    callback: Callback | None = None,
) -> tuple[Tensor, History]:
    r"""Image that a network makes of fixed noise, its weights fitted to the measurement.

    $$ \hat\theta = \arg\min_\theta \| M_1 (A f_\theta(z) - y) \|^2, \quad z \sim U(0, 0.1), \quad
       \hat x = f_{\hat\theta}(z) $$

    The shape of the network is the prior: it finds images sooner than noise. So the fit must stop in time,
    and that without the true image: a random share of the measurement, ``M_2``, is kept out of the fit, and
    the image whose error there is least is returned. The images compared are running means of the iterates.

    Args:
        A: operator; it takes images of ``(1, channels, *spatial)`` and their batch axis.
        y: measurement of one image, real, of about the range of the network's output (a ``SkipNetwork`` with
            its sigmoid: 0 to 1). Entries where ``A`` measures nothing must be 0.
        network: image of noise, ``(1, in_channels, *spatial)``. It is copied, not changed; its present
            weights are the start.
        shape: spatial size of the image.
        in_channels: channels of the noise.
        code: what the network makes the image of, for networks that want something else than uniform noise
            of the image's size: a decoder, say. None: that noise.
        max_iterations: steps of Adam at most.
        learning_rate: of Adam. 0.01 for most tasks, 0.001 where most voxels are measured.
        input_noise: standard deviation of what is added to the noise anew at every step; 0 for none.
        averaging: weight of the past in the running mean, from 0 (the iterate itself) to below 1; in step i
            at most i / (i + 10).
        held_out: share of the measured entries kept from the fit, from 0 to below 1. With 0 the last running
            mean is returned.
        patience: steps without a new best error on them after which the fit ends.
        generator: source of the noise and of the choice of ``M_2``.
        callback: called after each step with its number, the error on ``M_2`` and the running mean.

    Returns:
        Image (1, channels, *shape), and the history: objective, the mean squared error on ``M_1``; criterion,
        on ``M_2`` (on ``M_1`` when nothing is kept), to which no tolerance applies.

    Raises:
        ValueError: ``y`` is not usable, a share is out of range, or too little is measured to keep some back.

    Example:
        >>> from mrrecon.networks import SkipNetwork
        >>> from mrrecon.operators import Identity
        >>> network = SkipNetwork(2, 2, 1, down=[4], up=[4], skip=[0])
        >>> x, history = deep_image_prior(
        ...     Identity(), torch.rand(1, 1, 8, 8), network, shape=(8, 8), in_channels=2, max_iterations=3
        ... )
        >>> x.shape, history.iterations
        (torch.Size([1, 1, 8, 8]), 3)

    Reference:
        Ulyanov, Vedaldi, Lempitsky. Deep image prior. IJCV 2020. https://doi.org/10.1007/s11263-020-01303-4
    """
    check_measurement(A, y)
    for name, share in (("averaging", averaging), ("held_out", held_out)):
        if not 0 <= share < 1:
            raise ValueError(f"{name}={share} must be at least 0 and below 1")
    if input_noise < 0 or max_iterations < 1 or patience < 1:
        raise ValueError(
            f"input_noise={input_noise} must be at least 0, max_iterations={max_iterations} and "
            f"patience={patience} at least 1"
        )
    z = code
    if z is None:
        z = 0.1 * torch.rand((1, in_channels, *shape), generator=generator, dtype=y.dtype, device=y.device)
    network = copy.deepcopy(network).to(y.device, y.dtype).train()
    fitted, kept = _split(A, y, torch.Size((1, 1, *shape)), held_out, generator)
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    recorder = Recorder(tolerance=float("-inf"), callback=callback)
    mean = best = torch.zeros(0)
    least, since = float("inf"), 0
    for iteration in range(max_iterations + 1):
        noise = torch.randn(z.shape, generator=generator, dtype=z.dtype, device=z.device)
        x = network(z + input_noise * noise)
        residual = A(x) - y
        loss = (fitted * residual.square()).sum() / fitted.sum()
        with torch.no_grad():
            image = x.detach()
            # At first a shorter memory: the first images have nothing to do with the last.
            past = min(averaging, iteration / (iteration + 10))
            mean = past * mean + (1 - past) * image if iteration else image.clone()
            error = float((kept * (A(mean) - y).square()).sum() / kept.sum())
        recorder.add(mean, criterion=error, objective=float(loss.detach()))
        if error < least:
            least, best, since = error, mean.clone(), 0
        else:
            since += 1
        if (held_out > 0 and since >= patience) or iteration == max_iterations:
            break
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return (best if held_out > 0 else mean), recorder.history()


def _split(
    A: LinearOperator, y: Tensor, shape: torch.Size, held_out: float, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Weights, 0 or 1, of the measured entries that are fitted and of those that are kept back."""
    probe = torch.rand(shape, generator=generator, dtype=y.dtype, device=y.device) + 0.5
    with torch.no_grad():
        measured = A(probe)
    if measured.shape != y.shape:
        raise ValueError(
            f"shape={tuple(shape[2:])} is measured as {tuple(measured.shape)}, but y has {tuple(y.shape)}"
        )
    measured = (measured != 0).to(y.dtype)
    if held_out == 0:
        return measured, measured
    chosen = torch.rand(y.shape, generator=generator, dtype=y.dtype, device=y.device) < held_out
    kept = measured * chosen
    if not bool(kept.any()) or not bool((measured - kept).any()):
        raise ValueError(
            f"held_out={held_out} of {int(measured.sum())} measured entries leaves nothing to keep back or "
            "to fit: give 0 to keep none"
        )
    return measured - kept, kept
