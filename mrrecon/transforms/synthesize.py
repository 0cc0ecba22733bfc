"""Synthetic scans drawn while the data are loaded."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data.meta_tensor import MetaTensor
from monai.data.utils import affine_to_spacing
from monai.transforms.transform import MapTransform, Randomizable
from torch import Tensor

from mrrecon.simulate.acquisition import BRAIN_SCANNER, HEAD_SCANNER, Scanner
from mrrecon.simulate.brains import SyntheticScan, synthesize_brain
from mrrecon.simulate.contrast import FREESURFER_TISSUES
from mrrecon.simulate.deformation import DEFAULT_WARP, Warp
from mrrecon.simulate.fields import Number
from mrrecon.simulate.heads import synthesize_head

__all__ = ["SynthesizeBraind", "SynthesizeHeadd"]


class SynthesizeBraind(MapTransform, Randomizable):
    """Random T1-like brain, made from an average scan and its maps of grey and white matter.

    The inputs stay in the dictionary; behind a cache they cost nothing. Nothing is to be inverted: the brain
    did not exist before.

    Args:
        keys: keys of the average scan and of the fractions of grey and of white matter, in this order;
            channel first, in the orientation RAS. The fractions are divided by their maximum.
        output_key: where the brain goes.
        label_key: where its labels go (0 background, 1 fluid, 2 grey, 3 white), or None.
        patch_size: voxels of a patch at a random place, or None for the whole.
        warp: ranges of the deformation, or None for the default ones.
        scanner: ranges of the scan, or None for the default ones.
        folding: how far the folds depart from the average ones.

    Raises:
        ValueError: there are not three keys.

    Example:
        >>> average = {key: torch.ones(1, 16, 16, 16) for key in ("t1", "gm", "wm")}
        >>> synthesize = SynthesizeBraind(("t1", "gm", "wm"), patch_size=(8, 8, 8)).set_random_state(0)
        >>> synthesize(average)["image"].shape
        torch.Size([1, 8, 8, 8])
    """

    def __init__(
        self,
        keys: KeysCollection = ("t1", "gm", "wm"),
        output_key: str = "image",
        label_key: str | None = None,
        patch_size: Sequence[int] | None = None,
        warp: Warp | None = None,
        scanner: Scanner | None = None,
        folding: Number = 2.5,
    ) -> None:
        super().__init__(keys)
        if len(self.keys) != 3:
            raise ValueError(f"keys={self.keys} must name the average scan, grey and white matter")
        self.output_key = output_key
        self.label_key = label_key
        self.patch_size = patch_size
        self.warp = warp or DEFAULT_WARP
        self.scanner = scanner or BRAIN_SCANNER
        self.folding = folding
        self.seed = 0

    def randomize(self, data: Any = None) -> None:  # noqa: ARG002 - MONAI's interface
        """Draw the seed of the next brain."""
        self.seed = int(self.R.randint(np.iinfo(np.int32).max))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add a brain to the dictionary."""
        self.randomize()
        d = dict(data)
        t1, grey, white = (_plain(d[key])[0].float() for key in self.keys)
        scan = synthesize_brain(
            t1,
            grey / grey.max().clamp(min=1e-6),
            white / white.max().clamp(min=1e-6),
            generator=torch.Generator().manual_seed(self.seed),
            spacing=_spacing(d[self.keys[0]]),
            patch_size=self.patch_size,
            warp=self.warp,
            scanner=self.scanner,
            folding=self.folding,
        )
        return _add(d, scan, source=d[self.keys[0]], output_key=self.output_key, label_key=self.label_key)


class SynthesizeHeadd(MapTransform, Randomizable):
    """Random T1-like head, or brain, made from a label map.

    Args:
        keys: key of the label map, channel first, in the orientation RAS.
        output_key: where the scan goes.
        label_key: where its deformed labels go, or None.
        tissues: tissue of each label, by default of FreeSurfer's; the labels may be strings, as in JSON.
        patch_size: voxels of a patch at a random place, or None for the whole.
        brain_only: remove all but the brain.
        warp: ranges of the deformation, or None for the default ones.
        scanner: ranges of the scan, or None for the default ones.

    Raises:
        ValueError: there is not one key.

    Example:
        >>> synthesize = SynthesizeHeadd("label", patch_size=(8, 8, 8)).set_random_state(0)
        >>> synthesize({"label": torch.full((1, 16, 16, 16), 2)})["image"].shape
        torch.Size([1, 8, 8, 8])
    """

    def __init__(
        self,
        keys: KeysCollection = "label",
        output_key: str = "image",
        label_key: str | None = None,
        tissues: Mapping[Any, str] | None = None,
        patch_size: Sequence[int] | None = None,
        brain_only: bool = False,
        warp: Warp | None = None,
        scanner: Scanner | None = None,
    ) -> None:
        super().__init__(keys)
        if len(self.keys) != 1:
            raise ValueError(f"keys={self.keys} must name one label map")
        self.output_key = output_key
        self.label_key = label_key
        self.tissues = {int(label): name for label, name in (tissues or FREESURFER_TISSUES).items()}
        self.patch_size = patch_size
        self.brain_only = brain_only
        self.warp = warp or DEFAULT_WARP
        self.scanner = scanner or (BRAIN_SCANNER if brain_only else HEAD_SCANNER)
        self.seed = 0

    def randomize(self, data: Any = None) -> None:  # noqa: ARG002 - MONAI's interface
        """Draw the seed of the next head."""
        self.seed = int(self.R.randint(np.iinfo(np.int32).max))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add a head to the dictionary."""
        self.randomize()
        d = dict(data)
        labels = d[self.keys[0]]
        plain = _plain(labels)[0]
        scan = synthesize_head(
            plain.round().to(torch.int32) if plain.is_floating_point() else plain,
            generator=torch.Generator().manual_seed(self.seed),
            tissues=self.tissues,
            spacing=_spacing(labels),
            patch_size=self.patch_size,
            brain_only=self.brain_only,
            warp=self.warp,
            scanner=self.scanner,
        )
        return _add(d, scan, source=labels, output_key=self.output_key, label_key=self.label_key)


def _plain(image: Tensor) -> Tensor:
    # Each operation on a MetaTensor copies its metadata: too slow for hundreds of them.
    return image.as_tensor() if isinstance(image, MetaTensor) else image


def _spacing(image: Tensor) -> list[float]:
    return affine_to_spacing(image.affine).tolist() if isinstance(image, MetaTensor) else [1.0] * 3


def _add(
    data: dict[Hashable, Any], scan: SyntheticScan, *, source: Tensor, output_key: str, label_key: str | None
) -> dict[Hashable, Any]:
    affine = source.affine.clone() if isinstance(source, MetaTensor) else torch.eye(4, dtype=torch.float64)
    affine[:3, 3] += affine[:3, :3] @ torch.tensor(scan.start, dtype=affine.dtype)
    data[output_key] = MetaTensor(scan.image[None], affine=affine)
    if label_key is not None:
        data[label_key] = MetaTensor(scan.labels[None], affine=affine.clone())
    return data
