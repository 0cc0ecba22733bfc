"""What an image is worth where nothing was observed, and whether its uncertainty is right."""

import math
from typing import Any

from scipy.stats import t as student
from torch import Tensor

from mrrecon.metrics.ssim import gaussian_taps, smooth

__all__ = ["INTERVALS", "coverage", "missing_metrics", "similarity_map"]

WINDOW = 7
"""Width of SSIM's window in pixels, as for the whole image."""

INTERVALS = (50, 80, 95)
"""Percent of the truth that an interval is to hold."""

TISSUE = 0.05
"""Voxels of a label above this part of its range are tissue, the others background."""


def missing_metrics(
    pred: Tensor, label: Tensor, seen: Tensor, *, std: Tensor | None = None, n_completions: int = 0
) -> dict[str, Any]:
    """Share of the missing voxels; over them, MSE, PSNR (dB, range of the label), SSIM, coverage.

    SSIM is the mean over missing voxels of the map over slices across the shortest axis; left out where
    slices are smaller than its window.

    Args:
        pred: image (1, x, y, z).
        label: reference of the same shape.
        seen: True where a voxel was observed.
        std: standard deviation of the completions, or None.
        n_completions: how many there were.

    Example:
        >>> import torch
        >>> label = torch.eye(8).reshape(1, 8, 8, 1)
        >>> missing_metrics(label + 0.1, label, label > 0.5)["missing_psnr"]
        20.0
    """
    pred, label, missing = pred.double(), label.double(), ~seen
    row: dict[str, Any] = {"missing_share": round(float(missing.double().mean()), 5)}
    if not bool(missing.any()):
        return row
    data_range = float(label.max() - label.min()) or 1.0
    mse = float((pred - label)[missing].square().mean())
    row["missing_mse"] = float(f"{mse:.5g}")
    row["missing_psnr"] = round(10 * math.log10(data_range**2 / mse), 3) if mse > 0 else math.inf
    thin = min(range(1, 4), key=lambda axis: label.shape[axis])
    slices = [x.movedim(thin, 0) for x in (pred, label, missing)]
    if min(slices[0].shape[2:]) >= WINDOW:
        edge = WINDOW // 2
        where = slices[2][:, :, edge:-edge, edge:-edge]
        if bool(where.any()):
            similarity = similarity_map(slices[0], slices[1], data_range=data_range)
            row["missing_ssim"] = round(float(similarity[where].mean()), 5)
    if std is not None and n_completions > 1:
        tissue = missing & (label > label.min() + TISSUE * data_range)
        for name, where in (("", missing), ("_tissue", tissue)):
            if bool(where.any()):
                held = coverage((pred - label)[where], std.double()[where], n_completions=n_completions)
                row |= {f"coverage_{percent}{name}": value for percent, value in held.items()}
    return row


def coverage(error: Tensor, std: Tensor, *, n_completions: int) -> dict[int, float]:
    r"""Part of the errors inside the intervals that are to hold 50, 80 and 95 % of them.

    $$ |x - \bar x| \le t_{n-1} \, s \sqrt{1 + 1/n} $$

    If truth and completions are draws from one normal distribution, these hold just as many for any n.

    Args:
        error: mean of the completions minus truth.
        std: s, their standard deviation, of the same shape.
        n_completions: n, at least 2.

    Example:
        >>> import torch
        >>> coverage(torch.tensor([0.5, 3.0]), torch.ones(2), n_completions=1000)
        {50: 0.5, 80: 0.5, 95: 0.5}
    """
    wide = std * math.sqrt(1 + 1 / n_completions)
    found = {}
    for percent in INTERVALS:
        factor = float(student.ppf(0.5 + percent / 200, n_completions - 1))
        found[percent] = round(float((error.abs() <= factor * wide).double().mean()), 4)
    return found


def similarity_map(pred: Tensor, label: Tensor, *, data_range: float) -> Tensor:
    """Structural similarity at each pixel whose whole window lies in the image.

    Args:
        pred: slices (batch, 1, height, width).
        label: reference of the same shape.
        data_range: greatest possible intensity minus the least.

    Returns:
        (batch, 1, height - 6, width - 6).
    """
    taps = gaussian_taps(WINDOW, 1.5)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    a, b = smooth(pred, taps), smooth(label, taps)
    spread = smooth(pred.square(), taps) - a.square() + smooth(label.square(), taps) - b.square()
    shared = smooth(pred * label, taps) - a * b
    return (2 * a * b + c1) * (2 * shared + c2) / ((a.square() + b.square() + c1) * (spread + c2))
