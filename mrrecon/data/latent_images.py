"""New images of a network with one code an image: drawn from its prior, or between two scans."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor

from mrrecon.data.writer import write_nifti
from mrrecon.templates import template_path

__all__ = ["InterpolatedImages", "SampledImages"]

UNVOUCHED = (1, 1)
"""NIfTI's code of an affine that stands for no atlas."""

MNI = (0, 4)
"""NIfTI's codes of an affine in the space of the MNI152 template."""


class SampledImages:
    """Writes images ``sample_001.nii.gz``, ... that a network draws, intensities from 0 to 1.

    They lie in the space of the MNI152 template as the scans of the training do in theirs: the middle of the
    cube is the middle of the template's brain. Nothing was registered.

    Args:
        network: what samples: ``sample(n, generator)`` -> (n, 1, side, side, side), an ``AlphaWGAN``.
        view: what brings a scan to the grid of the network: ``mrrecon.transforms.FieldOfViewd``.
        output_dir: folder of the images.
        n: how many, at least 1.
        seed: another seed, other images; image k of a seed is the same whatever ``n``.
        quiet: whether to say nothing.

    Raises:
        ValueError: ``n`` is below 1.
    """

    def __init__(
        self,
        network: Any,
        view: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        output_dir: str | Path,
        n: int = 8,
        seed: int = 0,
        quiet: bool = False,
    ) -> None:
        if n < 1:
            raise ValueError(f"n={n} must be at least 1")
        self.network = network
        self.view = view
        self.output_dir = Path(output_dir)
        self.n = n
        self.seed = seed
        self.quiet = quiet

    @torch.no_grad()
    def run(self) -> list[Path]:
        """Draw and write all images."""
        affine = self._affine()
        self.network.eval()
        paths = []
        for k in range(self.n):
            words = np.random.SeedSequence((self.seed, k)).generate_state(1)
            image = self.network.sample(1, torch.Generator().manual_seed(int(words[0])))[0, 0]
            path = self.output_dir / f"sample_{k + 1:03d}.nii.gz"
            _write(path, image, affine, codes=MNI)
            paths.append(path)
            _say(f"{k + 1}/{self.n} {path.name}", quiet=self.quiet)
        _say(f"outputs: {self.output_dir.resolve()}", quiet=self.quiet)
        return paths

    def _affine(self) -> np.ndarray:
        template: Any = nib.load(template_path("t1"))
        values = torch.from_numpy(np.asarray(template.dataobj, dtype=np.float32))[None]
        image = MetaTensor(values / values.max(), affine=torch.from_numpy(template.affine))
        return np.asarray(self.view({"image": image})["image"].affine)


class InterpolatedImages:
    """Writes images between two scans as one of four dimensions, ``<first>_to_<second>.nii.gz``.

    They lie on the straight line between the codes of the scans, the first one being the reconstruction of
    the first scan, the last one that of the second; intensities from 0 to 1, on the grid of the first cube.

    Args:
        network: what interpolates: ``interpolate(x0, x1, weights)``, an ``AlphaWGAN``.
        dataset: two scans as they enter the network: a ``ScanDataset``.
        device: where the network is.
        output_dir: folder of the image.
        n: how many images, at least 2.
        quiet: whether to say nothing.

    Raises:
        ValueError: ``n`` is below 2.
    """

    def __init__(
        self,
        network: Any,
        dataset: Any,
        *,
        device: torch.device | str,
        output_dir: str | Path,
        n: int = 9,
        quiet: bool = False,
    ) -> None:
        if n < 2:
            raise ValueError(f"n={n} must be at least 2: the reconstructions of both scans")
        self.network = network
        self.dataset = dataset
        self.device = torch.device(device)
        self.output_dir = Path(output_dir)
        self.n = n
        self.quiet = quiet

    @torch.no_grad()
    def run(self) -> Path:
        """Interpolate and write.

        Raises:
            ValueError: there are not two scans, or one cannot be read.
        """
        if len(self.dataset) != 2:
            raise ValueError(
                f"{len(self.dataset)} scans are given: interpolation is between two; give a folder or a "
                "datalist of two"
            )
        items = [self.dataset[k] for k in range(2)]
        for item in items:
            if "refused" in item:
                raise ValueError(item["refused"])
        first, second = (item["image"] for item in items)
        self.network.eval()
        weights = torch.linspace(0, 1, self.n, device=self.device)
        x0, x1 = (image.as_tensor()[None].to(self.device) for image in (first, second))
        images = self.network.interpolate(x0, x1, weights)[:, 0]
        names = [_name(image.meta["filename_or_obj"]) for image in (first, second)]
        path = self.output_dir / f"{names[0]}_to_{names[1]}.nii.gz"
        _write(path, images.movedim(0, -1), np.asarray(first.affine), codes=UNVOUCHED)
        _say(f"{self.n} images: {path.resolve()}", quiet=self.quiet)
        return path


def _name(source: Any) -> str:
    name = Path(str(source)).name
    return name.removesuffix(".gz").rpartition(".")[0] or name


def _write(path: Path, image: Tensor, affine: np.ndarray, *, codes: tuple[int, int]) -> None:
    write_nifti(path, nib.Nifti1Image(image.float().cpu().numpy(), affine), form_codes=codes)


def _say(words: str, *, quiet: bool) -> None:
    if not quiet:
        print(words, file=sys.stderr, flush=True)  # noqa: T201
