"""A bundle's inference in this process, with a network small enough for tests."""

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.bundle import ConfigWorkflow

from mrrecon.networks import MultiLevelVQVAE

CONFIGS = Path(__file__).parents[2] / "bundles" / "vqvae3d" / "configs"
SMALL = {"channels": [2, 2, 4, 4, 8, 8, 8], "code_channels": [2, 2, 2], "n_codes": 16}


def small_weights(folder: Path) -> Path:
    torch.manual_seed(0)
    path = folder / "model.pt"
    torch.save(MultiLevelVQVAE(**SMALL).state_dict(), path)
    return path


def small_bundle(folder: Path) -> Path:
    """Copy of the bundle whose network is small: what a user has, for the command line."""
    root = folder / "vqvae3d"
    shutil.copytree(CONFIGS, root / "configs")
    file = root / "configs" / "inference.json"
    config = json.loads(file.read_text())
    config["network_def"].update(SMALL)
    config["n_codes"] = SMALL["n_codes"]
    file.write_text(json.dumps(config))
    (root / "models").mkdir()
    small_weights(root / "models")
    return root


def workflow(ckpt: Path, output_dir: Path, *overlays: str, **overrides: Any) -> ConfigWorkflow:
    overrides = {
        **{f"network_def::{name}": SMALL[name] for name in ("channels", "code_channels")},
        "n_codes": SMALL["n_codes"],
        "ckpt": str(ckpt),
        "context": "",
        "output_dir": str(output_dir),
        "save_page": False,
        "quiet": True,
        "device": "cpu",
        **overrides,
    }
    flow = ConfigWorkflow(
        config_file=[str(CONFIGS / name) for name in ("inference.json", *overlays)],
        workflow_type="inference",
        logging_file=False,
        **overrides,
    )
    flow.initialize()
    return flow


def infer(ckpt: Path, output_dir: Path, *overlays: str, **overrides: Any) -> None:
    workflow(ckpt, output_dir, *overlays, **overrides).run()


def scan(
    path: Path, shape: tuple[int, ...] = (20, 24, 16), affine: Any = None, dtype: Any = np.int16
) -> Path:
    """Smooth image of values 0 to 120, with an affine that is neither identity nor diagonal unless given."""
    axes = np.meshgrid(*(np.linspace(0, np.pi, n) for n in shape), indexing="ij")
    image = 120 * np.prod([np.sin(axis) for axis in axes], axis=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(image.astype(dtype), np.eye(4) if affine is None else affine), path)
    return path


def half_written(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.is_file()] if folder.exists() else []
