"""What must not happen: bad input ends in one sentence and a non-zero exit, with nothing half written."""

import errno
import io
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from bundles.inference import half_written, infer, scan, small_bundle

from mrrecon.data import AtomicNibabelWriter
from mrrecon.errors import sentence

# MONAI's reader takes the real part, and numpy says so.
pytestmark = pytest.mark.filterwarnings("ignore:Casting complex values")


def refusal(ckpt: Path, output_dir: Path, **overrides: object) -> str:
    """The sentence that inference ends with. Nothing is left in the folder of the outputs."""
    with pytest.raises((RuntimeError, ValueError, OSError)) as caught:
        infer(ckpt, output_dir, **overrides)
    assert half_written(output_dir) == []
    said = sentence(caught.value)
    assert "\n" not in said
    return said


def volume(values: np.ndarray, path: Path) -> Path:
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)
    return path


def with_one(number: float) -> np.ndarray:
    values = np.ones((8, 8, 8), np.float32)
    values[3, 3, 3] = number
    return values


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.ones((8, 8), np.float32), "is two-dimensional"),
        (np.ones((8, 8, 1), np.float32), "is two-dimensional"),
        (np.ones((8, 8, 2), np.float32), "is too small (8 x 8 x 2): give at least 3"),
        (np.ones((8, 8, 8, 2), np.float32), "has several channels or time points"),
        (with_one(np.nan), "holds 1 voxels that are NaN or Inf"),
        (with_one(np.inf), "holds 1 voxels that are NaN or Inf"),
        (with_one(-np.inf), "holds 1 voxels that are NaN or Inf"),
        (np.ones((8, 8, 8), np.complex64), "is complex"),
    ],
    ids=["2-D", "one slice", "two slices", "4-D", "NaN", "Inf", "-Inf", "complex"],
)
def test_what_is_no_volume_of_numbers_is_refused_by_name(ckpt, tmp_path, values, said):
    path = volume(values, tmp_path / "scan.nii")
    assert refusal(ckpt, tmp_path / "out", dataset_dir=str(path)).startswith(f"{path} {said}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x1f\x8b\x08"], ids=["empty", "text", "stump"])
def test_a_file_that_is_no_image_is_refused_by_name(ckpt, tmp_path, content):
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(content)
    assert str(path) in refusal(ckpt, tmp_path / "out", dataset_dir=str(path))


def test_a_file_cut_off_on_its_way_is_refused_by_name(ckpt, tmp_path):
    path = volume(np.random.default_rng(0).random((20, 20, 20), np.float32), tmp_path / "scan.nii.gz")
    path.write_bytes(path.read_bytes()[:-5000])
    assert str(path) in refusal(ckpt, tmp_path / "out", dataset_dir=str(path))


def test_a_path_that_leads_nowhere_is_named(ckpt, tmp_path):
    assert "does not exist" in refusal(ckpt, tmp_path / "out", dataset_dir=str(tmp_path / "missing"))


def test_two_scans_whose_outputs_would_have_one_name_are_named(ckpt, tmp_path):
    for name in ("a.nii", "a.nii.gz"):
        scan(tmp_path / "in" / name, (8, 8, 8))
    assert "outputs of one name" in refusal(ckpt, tmp_path / "out", dataset_dir=str(tmp_path / "in"))


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (None, "does not exist"),
        (b"no weights", "is no checkpoint"),
        ({"conv.weight": torch.zeros(1)}, "holds the weights of another network"),
    ],
    ids=["missing", "corrupt", "foreign"],
)
def test_weights_that_do_not_fit_are_refused_before_any_scan_is_read(tmp_path, weights, said):
    path = tmp_path / "model.pt"
    if isinstance(weights, bytes):
        path.write_bytes(weights)
    elif weights is not None:
        torch.save(weights, path)
    assert said in refusal(path, tmp_path / "out", dataset_dir=str(scan(tmp_path / "a.nii", (8, 8, 8))))


def test_a_scan_that_cannot_be_read_does_not_stop_the_others(ckpt, tmp_path):
    folder = tmp_path / "in"
    scan(folder / "a.nii", (8, 8, 8))
    volume(with_one(np.nan), folder / "b.nii")
    scan(folder / "c.nii", (8, 8, 8))
    with pytest.raises(RuntimeError) as caught:
        infer(ckpt, tmp_path / "out", dataset_dir=str(folder))
    assert "1 of 3 scans could not be read" in str(caught.value.__cause__ or caught.value)
    assert sorted(path.name for path in (tmp_path / "out").glob("*.nii.gz")) == [
        "a_recon.nii.gz",
        "c_recon.nii.gz",
    ]
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert len(metrics["scans"]) == 2
    assert metrics["refused"] == [
        {
            "scan": f"{folder}/b.nii",
            "reason": f"{folder}/b.nii holds 1 voxels that are NaN or Inf: replace them by numbers",
        }
    ]


class FullDisk(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, content: object) -> int:  # noqa: ARG002
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_stops_the_run_and_keeps_what_is_finished(ckpt, tmp_path, monkeypatch):
    for name in ("a.nii", "b.nii", "c.nii"):
        scan(tmp_path / "in" / name, (8, 8, 8))
    opened = Path.open

    def full(self: Path, mode: str = "r", *arguments: object, **options: object) -> object:
        stream = opened(self, mode, *arguments, **options)
        if mode == "wb" and "b_recon" in self.name:
            with stream:
                stream.write(b"half of a file")
            return FullDisk()
        return stream

    monkeypatch.setattr(Path, "open", full)
    said = refusal(ckpt, tmp_path / "out", dataset_dir=str(tmp_path / "in"))
    assert said.startswith(
        f"{tmp_path}/out/b_recon.nii.gz cannot be written: [Errno 28] No space left on device"
    )
    assert [path.name for path in (tmp_path / "out").glob("*recon*")] == ["a_recon.nii.gz"]


def test_an_interrupted_writer_leaves_nothing(ckpt, tmp_path, monkeypatch):
    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(AtomicNibabelWriter, "write", interrupted)
    path = scan(tmp_path / "a.nii", (8, 8, 8))
    with pytest.raises(KeyboardInterrupt):
        infer(ckpt, tmp_path / "out", dataset_dir=str(path))
    assert half_written(tmp_path / "out") == []


def command(root: Path, output_dir: Path, dataset_dir: Path) -> list[str]:
    config = str(root / "configs" / "inference.json")
    options = ["--dataset_dir", str(dataset_dir), "--output_dir", str(output_dir), "--save_page", "False"]
    return [sys.executable, "-m", "monai.bundle", "run", "--config_file", config, *options]


def test_the_command_ends_with_the_sentence_and_says_that_it_failed(tmp_path):
    root = small_bundle(tmp_path)
    folder = tmp_path / "in"
    scan(folder / "a.nii", (70, 70, 70))
    path = volume(with_one(np.nan), folder / "b.nii")
    done = subprocess.run(
        command(root, tmp_path / "out", folder), capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 1
    *_, head, last = done.stderr.strip().splitlines()
    assert head == "error: 1 of 2 scans could not be read:"
    assert last == f"  {path} holds 1 voxels that are NaN or Inf: replace them by numbers"
    assert "Traceback" not in done.stderr
    assert "terminating due to exception" not in done.stderr
    assert "a.nii" in done.stdout


def test_the_command_on_a_full_disk_says_so_and_leaves_no_stump(tmp_path):
    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))

    root, path = small_bundle(tmp_path), scan(tmp_path / "in" / "a.nii", (70, 70, 70))
    start = command(root, tmp_path / "out", path)
    done = subprocess.run(start, capture_output=True, text=True, preexec_fn=little_room, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        f"error: {tmp_path}/out/a_recon.nii.gz cannot be written: [Errno 27] File too large"
    )
    assert half_written(tmp_path / "out") == []


def test_the_command_stopped_by_the_keyboard_leaves_no_stump(tmp_path):
    for name in "abcdefghijklmnopqrst":  # so many that the run cannot be over before it hears of it
        scan(tmp_path / "in" / f"{name}.nii", (70, 70, 70))
    start = command(small_bundle(tmp_path), tmp_path / "out", tmp_path / "in")
    said = ""
    # Whoever starts the tests in the background lets them ignore the keyboard: what they start must not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(start, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as running:
        signal.signal(signal.SIGINT, before)
        assert running.stderr is not None
        while "encoding" not in said:
            assert running.poll() is None, said
            said += os.read(running.stderr.fileno(), 4096).decode()
        running.send_signal(signal.SIGINT)
        said += running.communicate(timeout=300)[1].decode()
    assert running.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
    assert said.strip().splitlines()[-1].startswith("stopped by the keyboard")
    assert "Traceback" not in said
    assert half_written(tmp_path / "out") == []
