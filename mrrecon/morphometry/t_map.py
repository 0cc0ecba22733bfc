"""Student's t at every voxel: a linear model of many maps, in one pass over them."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mrrecon.morphometry.designs import Contrast, Design
from mrrecon.morphometry.partition import split_design
from mrrecon.morphometry.streaming import Maps, MapSource, open_maps
from mrrecon.morphometry.voxel_fits import fit_voxels, voxel_means

__all__ = ["TMap", "analysis_mask", "t_map", "t_map_of"]


@dataclass(frozen=True)
class TMap:
    """Student's t of a contrast at every voxel.

    Args:
        t: values; 0 outside the mask and where there is no variance.
        effect: the contrast of the estimated coefficients, in units of the maps.
        degrees_of_freedom: of t.
        no_variance: voxels inside the mask whose residuals are all 0, where t is not defined.
        mask: where the test was made.
        affine: voxel indices to mm; None where the maps were tensors.
    """

    t: Float[Tensor, "*grid"]
    effect: Float[Tensor, "*grid"]
    degrees_of_freedom: int
    no_variance: Bool[Tensor, "*grid"]
    mask: Bool[Tensor, "*grid"]
    affine: np.ndarray | None = None

    def p_values(self, *, two_sided: bool = True) -> Float[Tensor, "*grid"]:
        """Probability of so great a t by chance, uncorrected, in float64; 1 where no test was made.

        Args:
            two_sided: whether great negative values count as well.

        Example:
            >>> maps = torch.tensor([[1.0], [2.0], [3.0]])
            >>> from mrrecon.morphometry import one_sample_design
            >>> t_map(maps, one_sample_design(3), [1]).p_values()
            tensor([0.0742], dtype=torch.float64)
        """
        from scipy.stats import t as student

        values = self.t.double().cpu().numpy()
        tail = student.sf(np.abs(values) if two_sided else values, self.degrees_of_freedom)
        p = torch.from_numpy(np.asarray(2 * tail if two_sided else tail)).to(self.t.device)
        return p.where(self.mask & ~self.no_variance, 1.0)


def t_map(maps: Maps, design: Design, contrast: Contrast, *, mask: Bool[Tensor, "..."] | None = None) -> TMap:
    r"""Student's t of a contrast of a linear model at every voxel.

    $$ t = \frac{c^\top \hat\beta}{\hat\sigma \sqrt{c^\top (X^\top X)^{-1} c}}, \qquad
       \hat\sigma^2 = \frac{\| y - X \hat\beta \|^2}{n - p} $$

    The design is factored once; one pass over the maps takes all sums, in float64. Files are read a block at
    a time.

    Args:
        maps: values, a row a map, or one NIfTI file a map, all on one grid.
        design: X, a row a map.
        contrast: c, weights of the columns of the design.
        mask: where to test; by default everywhere.

    Raises:
        ValueError: maps and design do not match, the maps are on different grids, or one is not finite.
        OSError: a file cannot be read.

    Example:
        >>> from mrrecon.morphometry import two_sample_design
        >>> maps = torch.tensor([[1.0], [2.0], [5.0], [6.0]])
        >>> t_map(maps, two_sample_design(["a", "a", "b", "b"]), {"b": 1, "a": -1}).t
        tensor([5.6569])
    """
    with open_maps(maps) as source:
        return t_map_of(source, design, contrast, mask=mask)


def t_map_of(
    source: MapSource, design: Design, contrast: Contrast, *, mask: Bool[Tensor, "..."] | None = None
) -> TMap:
    """``t_map`` of maps that are open.

    Args:
        source: of ``open_maps``.
        design: X, a row a map.
        contrast: c, weights of the columns of the design.
        mask: where to test; by default everywhere.

    Raises:
        ValueError: as ``t_map``.
        OSError: likewise.
    """
    part = split_design(design, contrast)
    inside = _check(source, design, mask)
    t, effect = torch.zeros(2, len(inside), device=inside.device)
    flat = torch.zeros_like(inside)
    for first, values in source.large_blocks():
        here = slice(first, first + values.shape[1])
        fit_voxels(values, part, source.names, inside[here], into=(t[here], effect[here], flat[here]))
    return TMap(
        source.volume(t),
        source.volume(effect),
        part.degrees_of_freedom,
        source.volume(flat),
        source.volume(inside),
        source.affine,
    )


def analysis_mask(maps: Maps, *, above: float = 0.1) -> Bool[Tensor, "*grid"]:
    """Voxels where the mean of the maps is above a threshold, as is usual for tissue probabilities.

    Args:
        maps: values, a row a map, or one NIfTI file a map.
        above: least mean; modulated tissue probability, for example 0.1 or 0.2.

    Raises:
        ValueError: no voxel is left, or the maps are on different grids.

    Example:
        >>> analysis_mask(torch.tensor([[0.0, 0.3], [0.1, 0.5]]))
        tensor([False,  True])
    """
    with open_maps(maps) as source:
        found = torch.cat([voxel_means(values) > above for _, values in source.large_blocks()])
        if not found.any():
            raise ValueError(f"above={above} leaves no voxel: the mean of the maps is nowhere so high")
        return source.volume(found)


def _check(source: MapSource, design: Design, mask: Tensor | None) -> Tensor:
    n_rows = design.matrix.shape[0]
    if len(source.names) != n_rows:
        raise ValueError(f"maps holds {len(source.names)} maps, the design {n_rows} rows: one row a map")
    if mask is None:
        return source.flat(torch.ones(source.grid, dtype=torch.bool))
    if tuple(mask.shape) != source.grid:
        raise ValueError(f"mask has the shape {tuple(mask.shape)}, the maps have {source.grid}")
    if not mask.any():
        raise ValueError("mask is empty: it must hold at least one voxel")
    return source.flat(mask)
