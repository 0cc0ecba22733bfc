import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor

import mrrecon.report.compression
from mrrecon.report import CompressionPage
from mrrecon.transforms import ScaleIntensityRobustd

ROW = {
    "scan": "/in/sub-1.nii",
    "psnr": 30.0,
    "ms_ssim": 0.98,
    "bytes_float32": 4000,
    "bytes_codes": 40,
    "bytes_entropy": 30,
    "percent": 1.0,
    "bits_per_voxel": 0.3,
    "seconds_encode": 1.0,
    "seconds_decode": 2.0,
}
CODES = [np.zeros((3, 3, 3), np.uint8), np.ones((1, 1, 1), np.uint8)]


@pytest.fixture
def scaled():
    values = torch.linspace(0, 500, 1000).reshape(1, 10, 10, 10)
    image = ScaleIntensityRobustd("image", lower=0, upper=100)({"image": MetaTensor(values)})["image"]
    return image[None], values[None]


def test_images_are_shown_in_the_units_of_the_scan(scaled, tmp_path, monkeypatch):
    image, values = scaled
    shown = []
    monkeypatch.setattr(mrrecon.report.compression.Report, "add", lambda _, scan: shown.append(scan))
    page = CompressionPage(tmp_path / "report.html")
    page.add(image, image.as_tensor() + 0.1, CODES, ROW)
    np.testing.assert_allclose(shown[0].original, values[0, 0], atol=1e-3)
    np.testing.assert_allclose(shown[0].reconstruction, values[0, 0] + 50, atol=1e-3)
    assert [level.name for level in shown[0].codes] == [
        "level 1, 1/4 of the resolution",
        "level 2, 1/16 of the resolution",
    ]


def test_the_page_is_whole_when_it_is_closed_and_not_there_before(scaled, tmp_path):
    image, _ = scaled
    page = CompressionPage(tmp_path / "new" / "report.html")
    page.add(image, image.as_tensor(), CODES, ROW)
    assert not (tmp_path / "new" / "report.html").exists()
    page.close()
    assert "sub-1.nii" in (tmp_path / "new" / "report.html").read_text(encoding="utf-8")


def test_a_page_of_no_scans_is_not_written(tmp_path):
    CompressionPage(tmp_path / "report.html").close()
    assert list(tmp_path.iterdir()) == []
