"""The paper's table by the config of scripts/morphometry: a scan, a network, two resolutions."""

import csv
import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow

from mrrecon.data import template_path
from mrrecon.networks import AlphaWGAN

CONFIGS = Path(__file__).parents[2] / "scripts" / "morphometry"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the template in voxels of 3 mm with a network that knows nothing."""
    folder = tmp_path_factory.mktemp("table")
    image: Any = nib.load(template_path("t1"))
    coarse = nib.as_closest_canonical(image).slicer[::3, ::3, ::3]
    values = np.asarray(coarse.dataobj, dtype=np.float32)
    nib.save(nib.Nifti1Image(values, coarse.affine), folder / "sub-1_T1w.nii.gz")
    torch.manual_seed(0)
    network = AlphaWGAN(channels=(1, 1, 1, 1), latent=2)
    torch.save(network.state_dict(), folder / "model.pt")
    flow = ConfigWorkflow(
        config_file=str(CONFIGS / "table.json"),
        meta_file=str(CONFIGS / "metadata.json"),
        workflow_type="inference",
        logging_file=False,
        quiet=True,
        device="cpu",
        dataset_dir=str(folder / "sub-1_T1w.nii.gz"),
        output_dir=str(folder / "out"),
        trained=[["untrained", "H", "low", "alpha_wgan", str(folder / "model.pt")]],
        high=[64, 72, 64],
        **{"views::high::spacing": 3.0, "alpha_wgan::channels": [1, 1, 1, 1], "alpha_wgan::latent": 2},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.excepthook", None)
        flow.initialize()
        with pytest.raises(RuntimeError, match=r"table.*run"):
            flow.run()
    return folder / "out"


def test_there_is_a_row_at_each_resolution(output):
    rows = list(csv.DictReader((output / "table.csv").read_text().splitlines()))
    assert [(row["network"], row["metric"]) for row in rows] == [("low", "low"), ("low", "high")]
    assert all(0 <= float(row["ms_ssim"]) < 0.5 for row in rows)
    assert "untrained" in (output / "table.md").read_text()
    assert (output / "table.html").exists()


def test_a_reconstruction_without_a_brain_has_no_dice_and_is_named(output):
    table = json.loads((output / "table.json").read_text())
    assert all("dice_gm" not in line for line in table["summary"])
    assert any("untrained, H, low" in words for words in table["left_out"])


def test_the_tissues_of_the_view_are_there_for_a_study(output):
    folder = output / "tissues" / "original" / "controls"
    tissues = nib.load(folder / "sub-1_T1w_tissues.nii.gz")
    assert tissues.shape == (64, 72, 64, 3)
    assert nib.load(folder / "sub-1_T1w_template.nii.gz").shape[3] == 3
    ml = tissues.get_fdata().sum((0, 1, 2)) * 27 / 1000
    assert 1000 < ml.sum() < 2200
    assert tissues.get_data_dtype() == np.uint8
