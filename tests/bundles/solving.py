"""The bundles that solve, in this process, and small measurements for them."""

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from monai.bundle import ConfigWorkflow

BUNDLES = Path(__file__).parents[2] / "bundles"
MR, CT, IMAGE = "mr_compressed_sensing", "ct_reconstruction", "image_restoration"


def solve(bundle: str, output_dir: Path, *overlays: str, **overrides: Any) -> dict[str, Any]:
    """What the run of a bundle leaves in metrics.json."""
    options = {"output_dir": str(output_dir), "save_page": False, "quiet": True, "device": "cpu", **overrides}
    flow = ConfigWorkflow(
        config_file=[str(BUNDLES / bundle / "configs" / name) for name in ("inference.json", *overlays)],
        workflow_type="inference",
        logging_file=False,
        **options,
    )
    flow.initialize()
    flow.run()
    metrics: dict[str, Any] = json.loads((output_dir / "metrics.json").read_text(encoding="utf-8"))
    return metrics


def disc(n: int = 40, *, radius: float = 0.35) -> np.ndarray:
    """Image (n, n) of a disc with a smaller, brighter one in it, between 0 and 2."""
    y, x = np.meshgrid(*2 * [np.arange(n) / n - 0.5], indexing="ij")
    inner = np.hypot(x - 0.1, y + 0.05) < radius / 3
    return (np.hypot(x, y) < radius) * 1.0 + inner


def maps_of(n_coils: int = 4, n: int = 40) -> np.ndarray:
    """Smooth maps (coils, n, n) whose squares sum to 1."""
    y, x = np.meshgrid(*2 * [np.arange(n) / n - 0.5], indexing="ij")
    turns = 2 * np.pi * np.arange(n_coils) / n_coils
    maps = [(1.2 + x * np.cos(t) + y * np.sin(t)) * np.exp(1j * (t + x)) for t in turns]
    return np.stack(maps) / np.sqrt(np.sum(np.abs(maps) ** 2, axis=0))


def kspace_of(image: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """K-space (coils, n, n) of an image, centred and orthonormal."""
    seen = np.fft.ifftshift(maps * image, axes=(-2, -1))
    return np.fft.fftshift(np.fft.fft2(seen, norm="ortho"), axes=(-2, -1)).astype(np.complex64)


def third_of(kspace: np.ndarray, centre: int = 16) -> np.ndarray:
    """The same with a third of its columns and all of those in the middle."""
    n = kspace.shape[-1]
    columns = np.arange(n) % 3 == 0
    columns[n // 2 - centre // 2 : n // 2 + centre // 2] = True
    return kspace * columns


def chords(n_views: int, n: int, *, spacing: float, radius: float, offset: float = 0.0) -> np.ndarray:
    """Sinogram (views, detectors) of a disc of attenuation 1 around (offset, 0), in mm, views over 180°."""
    angles = np.pi * np.arange(n_views) / n_views
    places = (np.arange(n) - (n - 1) / 2) * spacing
    distance = places - offset * np.cos(angles)[:, None]
    return 2 * np.sqrt(np.clip(radius**2 - distance**2, 0, None))


def volume(path: Path, values: np.ndarray, affine: Any = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values.astype(np.float32), np.eye(4) if affine is None else affine), path)
    return path


def result(folder: Path, name: str = "a") -> nib.Nifti1Image:
    return nib.load(folder / f"{name}_recon.nii.gz")
