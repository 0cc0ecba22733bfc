"""The code blocks of the README run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from mrrecon.simulate import ellipsoid_phantom

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the bundles, a scan and a folder of scans in it."""
    (tmp_path / "bundles").symlink_to(ROOT / "bundles")
    (tmp_path / "scans").mkdir()
    head = (255 * ellipsoid_phantom((64, 64, 64)).numpy()).astype(np.int16)
    for name in ("my_scan", "scans/sub-1", "scans/sub-2"):
        nib.Nifti1Image(head, np.diag([-2.0, 2, 2, 1])).to_filename(tmp_path / f"{name}.nii.gz")
    return tmp_path


def run(language: str, code: str, folder: Path) -> str:
    first = f"{Path(sys.executable).parent}{os.pathsep}"
    environment = {**os.environ, "PATH": first + os.environ["PATH"], "OMP_WAIT_POLICY": "passive"}
    command = ["bash", "-euc", code] if language == "bash" else [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("language", "code"), BLOCKS, ids=[code.split()[1][-40:] for _, code in BLOCKS])
def test_the_block_runs(language: str, code: str, desk: Path) -> None:
    if "scripts/test.sh" in code:
        pytest.skip("is what runs this test")
    output = run(language, code, ROOT if "scripts/demo.sh" in code else desk)
    if "decode" in code and language == "bash":
        stored = {path.name for path in (desk / "stored").iterdir()}
        assert stored == {"metrics.csv", "sub-1.vqz", "sub-2.vqz"}
        assert len(list((desk / "back").glob("sub-?_recon.nii.gz"))) == 2
    elif "inference.json" in code:
        assert {path.name for path in (desk / "output" / "mine").iterdir()} == {
            "my_scan_recon.nii.gz",
            "my_scan.vqz",
            "metrics.csv",
            "metrics.json",
            "report.html",
        }
    if "total_variation" in code:
        assert output.startswith("Mask @ Fourier(-2, -1) @ Coils torch.Size([96, 96]) ")
    elif language == "python":
        assert output.strip().endswith("[(1, 16, 16, 16), (1, 4, 4, 4), (1, 1, 1, 1)] (1, 1, 64, 64, 64)")


def test_every_file_the_readme_links_to_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", TEXT) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
