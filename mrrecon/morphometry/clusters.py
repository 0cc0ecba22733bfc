"""Clusters of a t-map above a threshold, and how far two t-maps agree."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Real
from torch import Tensor

from mrrecon.morphometry.volumes import voxel_volume

__all__ = ["Cluster", "cluster_overlap", "find_clusters", "map_correlation"]


@dataclass(frozen=True)
class Cluster:
    """Voxels above a threshold that touch each other.

    Args:
        n_voxels: how many.
        ml: their volume.
        peak: value farthest from 0, with its sign.
        peak_mm: where it is, mm to the right, to the front and upwards.
    """

    n_voxels: int
    ml: float
    peak: float
    peak_mm: tuple[float, float, float]


def find_clusters(
    t: Float[Tensor, "x y z"],
    affine: Real[np.ndarray, "4 4"],
    *,
    threshold: float | int,
    two_sided: bool = True,
    min_ml: float = 0.0,
) -> list[Cluster]:
    """Clusters above a threshold, the largest first; voxels touch by a face or an edge (18 neighbours).

    Args:
        t: values.
        affine: voxel indices to mm.
        threshold: positive; a voxel belongs to a cluster where its value is greater.
        two_sided: find also where the value is below minus the threshold, as clusters of their own.
        min_ml: smallest cluster that is kept, ml.

    Raises:
        ValueError: the threshold is not positive, or the affine has no inverse.

    Example:
        >>> t = torch.zeros(4, 4, 4)
        >>> t[1, 1, 1:3] = torch.tensor([4.0, 5.0])
        >>> find_clusters(t, np.eye(4), threshold=3.0)
        [Cluster(n_voxels=2, ml=0.002, peak=5.0, peak_mm=(1.0, 1.0, 2.0))]
    """
    from scipy import ndimage

    _check_threshold(threshold)
    ml = voxel_volume(affine) / 1000
    values = t.detach().cpu().numpy()
    touching = ndimage.generate_binary_structure(3, 2)
    found = []
    for sign in (1, -1) if two_sided else (1,):
        labels, n = ndimage.label(sign * values > threshold, touching)
        if not n:
            continue
        numbers = np.arange(1, n + 1)
        sizes = np.bincount(labels.ravel())[1:]
        peaks = ndimage.maximum_position(sign * values, labels, numbers)
        for size, place in zip(sizes.tolist(), peaks, strict=True):
            if size * ml < min_ml * (1 - 1e-9):
                continue
            x, y, z = (float(mm) for mm in (np.asarray(affine, np.float64) @ [*place, 1.0])[:3])
            found.append(Cluster(size, size * ml, float(values[place]), (x, y, z)))
    return sorted(found, key=lambda cluster: (-cluster.n_voxels, -abs(cluster.peak)))


def cluster_overlap(
    a: Float[Tensor, "..."], b: Float[Tensor, "..."], *, threshold: float | int, two_sided: bool = True
) -> float:
    """Dice coefficient of what lies above a threshold in two t-maps; a voxel overlaps with its own sign only.

    Args:
        a: values.
        b: values on the same grid.
        threshold: positive.
        two_sided: whether values below minus the threshold count as well.

    Returns:
        From 0 to 1; 1 where neither has such a voxel.

    Raises:
        ValueError: the shapes differ, or the threshold is not positive.

    Example:
        >>> cluster_overlap(torch.tensor([4.0, 4.0, 0.0]), torch.tensor([4.0, 0.0, 0.0]), threshold=3.0)
        0.666...
    """
    _check_threshold(threshold)
    _check_shapes(a, b)
    both = total = 0
    for sign in (1, -1) if two_sided else (1,):
        first, second = sign * a > threshold, sign * b > threshold
        both += int((first & second).sum())
        total += int(first.sum()) + int(second.sum())
    return 2 * both / total if total else 1.0


def map_correlation(
    a: Float[Tensor, "..."], b: Float[Tensor, "..."], *, mask: Bool[Tensor, "..."] | None = None
) -> float:
    """Pearson correlation of the values of two maps.

    Args:
        a: values.
        b: values on the same grid.
        mask: voxels that count; by default all.

    Raises:
        ValueError: the shapes differ, or one of the maps is constant.

    Example:
        >>> round(map_correlation(torch.tensor([1.0, 2, 3]), torch.tensor([3.0, 5, 7])), 6)
        1.0
    """
    _check_shapes(a, b)
    if mask is not None:
        _check_shapes(a, mask)
        a, b = a[mask], b[mask]
    first, second = (values.double().flatten() - values.double().mean() for values in (a, b))
    lengths = torch.stack([first.norm(), second.norm()])
    for name, values, length in (("a", a, lengths[0]), ("b", b, lengths[1])):
        if not length > 1e-12 * values.double().norm():
            raise ValueError(f"{name} is constant where it is compared: there is no correlation")
    return float(first @ second / lengths.prod())


def _check_threshold(threshold: float | int) -> None:
    if not threshold > 0:
        raise ValueError(f"threshold={threshold} must be positive")


def _check_shapes(a: Tensor, b: Tensor) -> None:
    if a.shape != b.shape:
        raise ValueError(f"the maps must have one shape, got {list(a.shape)} and {list(b.shape)}")
