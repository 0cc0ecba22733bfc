"""Images of the experiments: digits, patches and slices of brains, each with a mask that never changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from scipy.ndimage import rotate
from torch import Tensor

from mrrecon.data import read_idx, scan_list, subject_of
from mrrecon.simulate import random_pixels, rotated_lines
from mrrecon.solvers import interpolate_missing

SLICE = (160, 144)
PATCH = (64, 64)
KEPT_FIRST, KEPT_STEP = 4, 5
"""Of the sorted list of subjects, the fifth, the tenth, ... are kept for the test."""


@dataclass(frozen=True)
class Images:
    """Complete images, to be judged by or to be made incomplete.

    Args:
        x: (images, height, width), about 0 to 1.
        group: number of the subject of each image; of digits, of the digit itself.
    """

    x: Tensor
    group: Tensor

    def some(self, n: int, seed: int) -> "Images":
        """As many as ``n`` of them, drawn at random."""
        chosen = torch.randperm(len(self.x), generator=torch.Generator().manual_seed(seed))[:n].sort().values
        return Images(self.x[chosen], self.group[chosen])


@dataclass(frozen=True)
class Split:
    """Three sets that share no digit and no subject."""

    training: Images
    validation: Images
    test: Images


@dataclass(frozen=True)
class Observed:
    """What was measured of some images: all that a method may learn from.

    Args:
        y: (images, height, width), 0 in the holes.
        mask: 1 where observed, 0 where missing.
    """

    y: Tensor
    mask: Tensor

    @property
    def flat(self) -> tuple[Tensor, Tensor]:
        """Both as (images, pixels)."""
        return self.y.flatten(1), self.mask.flatten(1)


def observe(images: Images, *, sparsity: int | Sequence[int], kind: str, seed: int) -> Observed:
    """Images of which a part is missing, drawn once for each.

    Args:
        images: the images.
        sparsity: what is missing, in percent; of several the images take turns.
        kind: ``"pixels"``, single ones at random, or ``"lines"``, all but every n-th line, at any angle.
        seed: of the masks.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = list(images.x.shape[1:])
    turns = [sparsity] if isinstance(sparsity, int) else list(sparsity)
    masks = []
    for number in range(len(images.x)):
        acceleration = 100 / (100 - turns[number % len(turns)])
        if kind == "lines":
            masks.append(rotated_lines(shape, acceleration=round(acceleration), generator=generator))
        else:
            masks.append(random_pixels(shape, acceleration=acceleration, generator=generator))
    mask = torch.stack(masks).float()
    return Observed(images.x * mask, mask)


def interpolated(observed: Observed, method: str) -> Tensor:
    """Images whose holes are interpolated between what was observed; beyond its hull the nearest pixel.

    Args:
        observed: images with holes.
        method: ``"linear"`` or ``"cubic"``, over the triangles of the observed pixels.

    Returns:
        (images, height, width).
    """
    pairs = zip(observed.y, observed.mask > 0, strict=True)
    return torch.stack([interpolate_missing(y, seen, method=method) for y, seen in pairs])


def digits(
    folder: str | Path, *, only: int | None = None, rotated: bool = False, n_test: int = 2000, seed: int = 0
) -> Split:
    """Digits of idx files; the last sixth of those for training is the validation.

    Args:
        folder: holds ``train*-images-idx3-ubyte``, ``t10k-images-idx3-ubyte`` and their labels, plain or .gz.
        only: one digit (or kind of clothes) alone; None for all.
        rotated: whether each is turned by a random angle, once.
        n_test: test images used, drawn at random; 0 for all.
        seed: of angles and choice.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file is broken, or images and labels do not belong together.
    """
    known, test = (_labelled(folder, name, only) for name in ("train*", "t10k"))
    if rotated:
        draw = np.random.default_rng(seed)
        known, test = _turned(known, draw), _turned(test, draw)
    n_training = len(known) * 5 // 6
    unseen = Images(test, torch.arange(len(test)))
    return Split(
        Images(known[:n_training], torch.arange(n_training)),
        Images(known[n_training:], torch.arange(len(known) - n_training)),
        unseen.some(n_test or len(test), seed),
    )


def _labelled(folder: str | Path, name: str, only: int | None) -> Tensor:
    folder = Path(folder).expanduser()
    images = read_idx(_one_file(folder, f"{name}-images-idx3-ubyte*"))
    if images.ndim != 3:
        raise ValueError(f"{folder}: {name}-images must have three axes, got {images.shape}")
    if only is not None:
        labels = read_idx(_one_file(folder, f"{name}-labels-idx1-ubyte*"))
        if labels.shape != images.shape[:1]:
            raise ValueError(f"{folder}: {len(images)} images of {name} have {labels.shape} labels")
        images = images[labels == only]
    if len(images) < 6:
        raise ValueError(f"{folder}: only {len(images)} images of {name}, at least 6 are needed")
    return torch.from_numpy(images.astype(np.float32) / 255)


def _one_file(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise FileNotFoundError(f"{folder} holds no {pattern}: give a folder of idx files")
    return found[0]


def _turned(x: Tensor, draw: np.random.Generator) -> Tensor:
    turned = [
        rotate(image, angle, reshape=False, order=1)
        for image, angle in zip(x.numpy(), draw.uniform(0, 360, len(x)), strict=True)
    ]
    return torch.from_numpy(np.stack(turned))


def brains(source: str | Path, *, kind: str, n_images: Sequence[int], seed: int = 0) -> Split:
    """Coronal slices of brains, or patches of them, split by subject.

    Scans are turned to RAS and scaled to 0 ... 1 by the 0.05th and the 99.95th percentile; slices of which
    less than 15 % lies in the brain are left out. A patch has its centre in the brain.

    Args:
        source: folder or list of scans of extracted brains.
        kind: ``"slices"`` of 160 x 144 pixels, or ``"patches"`` of 64 x 64.
        n_images: how many in training, validation and test; they are spread evenly over the subjects.
        seed: of the choice.

    Raises:
        FileNotFoundError: there is no scan.
        ValueError: fewer than ten subjects.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"brains={str(source)!r} does not exist: give a folder or a list of scans")
    is_list = path.suffix.lower() in (".json", ".csv")
    scans = [item["image"] for item in (scan_list(datalist=path) if is_list else scan_list(path))]
    names = sorted({subject_of(scan) for scan in scans})
    kept = names[KEPT_FIRST::KEPT_STEP]
    rest = [name for name in names if name not in kept]
    if len(names) < 10:
        raise ValueError(f"{source} holds {len(names)} subjects: at least 10 are needed")
    # Of those that may be learned from, each sixth judges the training.
    validation = rest[5::6]
    sets = [[name for name in rest if name not in validation], validation, kept]
    split = []
    for number, (members, total) in enumerate(zip(sets, n_images, strict=True)):
        draw = np.random.default_rng([seed, number])
        images, groups = [], []
        for i, name in enumerate(members):
            each = total * (i + 1) // len(members) - total * i // len(members)
            volume = _coronal(next(scan for scan in scans if subject_of(scan) == name))
            found = _slices(volume, each) if kind == "slices" else _patches(volume, each, draw)
            images += found
            groups += [i] * len(found)
        split.append(Images(torch.from_numpy(np.stack(images).astype(np.float32)), torch.tensor(groups)))
    return Split(*split)


def _coronal(path: str) -> np.ndarray:
    """Coronal slices (slices, 160, 144) that show enough brain."""
    scan = nib.as_closest_canonical(nib.load(path))
    volume = np.asarray(scan.dataobj, dtype=np.float32)
    low, high = np.percentile(volume, [0.05, 99.95])
    volume = (volume.transpose(1, 0, 2) - low) / (high - low)
    for axis, size in ((1, SLICE[0]), (2, SLICE[1])):
        missing = max(0, size - volume.shape[axis])
        widths = [(0, 0)] * 3
        widths[axis] = (missing // 2, missing - missing // 2)
        first = max(0, volume.shape[axis] - size) // 2
        volume = np.pad(volume, widths).take(range(first, first + size), axis)
    enough = (volume > 0.05).mean((1, 2)) > 0.15
    return volume[enough]


def _slices(volume: np.ndarray, n: int) -> list[np.ndarray]:
    """``n`` slices, evenly spread from front to back."""
    places = ((np.arange(n) + 0.5) * len(volume) / max(n, 1)).astype(int)
    return [volume[place].copy() for place in places]


def _patches(volume: np.ndarray, n: int, draw: np.random.Generator) -> list[np.ndarray]:
    """``n`` patches whose centres lie in the brain, at random places of random slices."""
    half = [size // 2 for size in PATCH]
    inner = volume[:, half[0] : SLICE[0] - half[0], half[1] : SLICE[1] - half[1]]
    centres = np.argwhere(inner > 0.1)
    if not len(centres):
        raise ValueError("a scan shows no brain where a patch could lie: give scans of extracted brains")
    chosen = centres[draw.integers(len(centres), size=n)]
    return [volume[k, i : i + PATCH[0], j : j + PATCH[1]].copy() for k, i, j in chosen]
