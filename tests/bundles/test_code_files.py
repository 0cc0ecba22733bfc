"""Scans to code files and back by the bundle's config."""

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import itk
import nibabel as nib
import numpy as np
import pytest
import torch
from bundles.inference import SMALL, half_written, scan, small_bundle, workflow

from mrrecon.codec import pack_vqz, read_vqz
from mrrecon.errors import decisive_error
from mrrecon.networks import MultiLevelVQVAE

OBLIQUE = np.array([[0.9, 0.3, 0.1, -20], [-0.28, 0.95, 0.12, 30], [-0.06, -0.14, 4.9, 7], [0, 0, 0, 1]])
FLIPPED = np.array([[0, 0, -1.2, 80], [-1, 0, 0, 90], [0, 1, 0, -70], [0, 0, 0, 1.0]])


def do(run_id: str, ckpt: Path, given: Path, output_dir: Path, **overrides: Any) -> None:
    flow = workflow(ckpt, output_dir, dataset_dir=str(given), **overrides)
    flow.run_id = run_id
    flow.run()


def refusal(run_id: str, ckpt: Path, given: Path, output_dir: Path, **overrides: Any) -> str:
    with pytest.raises((RuntimeError, ValueError)) as caught:
        do(run_id, ckpt, given, output_dir, **overrides)
    assert half_written(output_dir) == []
    return str(decisive_error(caught.value))


def there_and_back(ckpt: Path, path: Path, folder: Path, **overrides: Any) -> nib.Nifti1Image:
    do("encode", ckpt, path, folder / "files", **overrides)
    do("decode", ckpt, folder / "files", folder / "images", **overrides)
    (image,) = (folder / "images").glob("*_recon.nii.gz")
    return nib.load(image)


def other_weights(folder: Path) -> Path:
    torch.manual_seed(1)
    path = folder / "other.pt"
    torch.save(MultiLevelVQVAE(**SMALL).state_dict(), path)
    return path


def numbers(dtype: str, shape: tuple[int, ...] = (12, 9, 10)) -> np.ndarray:
    random = np.random.default_rng(0)
    if np.dtype(dtype).kind == "f":
        return random.normal(0, 1000, shape).astype(dtype)
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def stored(path: Path, dtype: str, *, slope: float = 1.0, inter: float = 0.0, endian: str = "<") -> Path:
    """NIfTI file with these very numbers behind a header with scale factors and two different affines."""
    header = nib.Nifti1Header(endianness=endian)
    header.set_data_shape((12, 9, 10))
    header.set_data_dtype(dtype)
    header.set_slope_inter(slope, inter)
    header.set_qform(FLIPPED, code=1)
    header.set_sform(OBLIQUE, code=4)
    header["magic"], header["vox_offset"], header["descrip"] = b"n+1", 352, b"as it was"
    order = np.dtype(dtype).newbyteorder(endian)
    path.write_bytes(header.binaryblock + bytes(4) + numbers(dtype).astype(order).tobytes(order="F"))
    return path


@pytest.mark.parametrize("affine", [OBLIQUE, FLIPPED], ids=["oblique", "flipped"])
@pytest.mark.parametrize("max_error", [None, 0, 3])
def test_decode_writes_the_very_file_that_run_writes(ckpt, tmp_path, affine, max_error):
    path = scan(tmp_path / "a.nii.gz", affine=affine)
    there_and_back(ckpt, path, tmp_path, max_error=max_error)
    do("run", ckpt, path, tmp_path / "run", max_error=max_error)
    name = "a_recon.nii.gz"
    assert (tmp_path / "images" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()
    assert (tmp_path / "files" / "a.vqz").read_bytes() == (tmp_path / "run" / "a.vqz").read_bytes()


def test_the_affine_comes_back_in_double_precision_in_the_header_of_the_file(ckpt, tmp_path):
    do("encode", ckpt, scan(tmp_path / "a.nii", affine=OBLIQUE), tmp_path)
    header = read_vqz(tmp_path / "a.vqz").header
    assert header["affine"] == nib.load(tmp_path / "a.nii").affine[:3].ravel().tolist()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32"])
@pytest.mark.parametrize(("slope", "inter", "endian"), [(1.0, 0.0, "<"), (-0.37, 12.5, ">")])
def test_stored_numbers_and_their_header_come_back_as_they_were(ckpt, tmp_path, dtype, slope, inter, endian):
    path = stored(tmp_path / "a.nii", dtype, slope=slope, inter=inter, endian=endian)
    there_and_back(ckpt, path, tmp_path, max_error=0)
    made = gzip.decompress((tmp_path / "images" / "a_recon.nii.gz").read_bytes())
    assert made == path.read_bytes()


@pytest.mark.parametrize(("dtype", "max_error"), [("int16", 100), ("uint32", 2.5e6), ("float32", 0.5)])
@pytest.mark.parametrize("slope", [1.0, 0.37])
def test_no_intensity_is_farther_off_than_allowed(ckpt, tmp_path, dtype, max_error, slope):
    path = stored(tmp_path / "a.nii", dtype, slope=slope, inter=-5)
    made = there_and_back(ckpt, path, tmp_path, max_error=max_error)
    assert made.get_data_dtype() == dtype
    error = np.abs(made.get_fdata() - nib.load(path).get_fdata()).max()
    assert 0 < error <= max_error * (1 + 1e-9)


def test_voxels_need_no_weights_to_be_decoded(ckpt, tmp_path):
    path = stored(tmp_path / "a.nii", "int16")
    do("encode", ckpt, path, tmp_path / "files", max_error=0)
    do("decode", other_weights(tmp_path), tmp_path / "files" / "a.vqz", tmp_path / "images")
    made = nib.load(tmp_path / "images" / "a_recon.nii.gz")
    np.testing.assert_array_equal(made.dataobj.get_unscaled(), numbers("int16"))


@pytest.mark.parametrize("run_id", ["encode", "run"])
def test_floating_point_numbers_are_not_stored_without_error_and_stop_no_other_scan(ckpt, tmp_path, run_id):
    for name, dtype in (("a", "float32"), ("b", "int16")):
        stored((tmp_path / name).with_suffix(".nii"), dtype)
    said = refusal(run_id, ckpt, tmp_path, tmp_path / "out", max_error=0)
    assert f"{tmp_path}/a.nii holds floating-point numbers (float32), which max_error=0 does not suit" in said
    assert [path.name for path in (tmp_path / "out").glob("*.vqz")] == ["b.vqz"]


def test_a_scan_of_another_format_comes_back_where_it_was(ckpt, tmp_path):
    image = itk.image_from_array(numbers("int16"))
    image.SetSpacing([1.5, 2.0, 3.0])
    image.SetOrigin([-9.0, 10.0, 3.0])
    itk.imwrite(image, str(tmp_path / "a.mha"))
    made = there_and_back(ckpt, tmp_path / "a.mha", tmp_path, max_error=0)
    np.testing.assert_array_equal(np.asanyarray(made.dataobj), numbers("int16").transpose(2, 1, 0))
    # ITK's axes run to the left and to the back.
    np.testing.assert_array_equal(made.affine, [[-1.5, 0, 0, 9], [0, -2, 0, -10], [0, 0, 3, 3], [0, 0, 0, 1]])


def test_what_is_there_already_is_not_made_again(ckpt, tmp_path, capsys):
    for name in "abc":
        scan(tmp_path / "in" / f"{name}.nii", (8, 8, 8 + ord(name) % 3))
    do("encode", ckpt, tmp_path / "in", tmp_path / "out")
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.vqz")}
    scan(tmp_path / "in" / "a.nii", (9, 8, 8))
    (tmp_path / "out" / "b.vqz").write_bytes((tmp_path / "out" / "b.vqz").read_bytes()[:-1])
    do("encode", ckpt, tmp_path / "in", tmp_path / "out", quiet=False)
    made = [name for name, time in times.items() if (tmp_path / "out" / name).stat().st_mtime_ns != time]
    assert sorted(made) == ["a.vqz", "b.vqz"]
    assert capsys.readouterr().err.count("was done before") == 1
    with (tmp_path / "out" / "metrics.csv").open(newline="") as stream:
        assert [Path(row["scan"]).name for row in csv.DictReader(stream)] == ["a.nii", "b.nii", "c.nii"]


@pytest.mark.parametrize("change", ["weights", "max_error"])
def test_a_file_made_otherwise_is_made_again(ckpt, tmp_path, change):
    path = scan(tmp_path / "a.nii")
    do("encode", ckpt, path, tmp_path)
    before = (tmp_path / "a.vqz").read_bytes()
    other = {"max_error": 1} if change == "max_error" else {}
    do("encode", other_weights(tmp_path) if change == "weights" else ckpt, path, tmp_path, **other)
    assert (tmp_path / "a.vqz").read_bytes() != before


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda _: b"", "is an empty file"),
        (lambda content: content[:-3], "is cut off: 3 bytes are missing"),
        (lambda content: content[:100], "is cut off or damaged: its header is not whole"),
        (lambda content: content[:-20] + b"x" + content[-19:], "is damaged: the checksum of its section"),
        (lambda content: gzip.compress(content), "is no code file (.vqz)"),
        (lambda _: pack_vqz({}, {}), "holds no scan: its sections are none"),
    ],
    ids=["empty", "cut", "stump", "flipped", "foreign", "other"],
)
def test_a_damaged_file_gives_one_sentence_and_no_image(ckpt, tmp_path, damage, said):
    do("encode", ckpt, scan(tmp_path / "a.nii"), tmp_path)
    file = tmp_path / "a.vqz"
    file.write_bytes(damage(file.read_bytes()))
    message = refusal("decode", ckpt, file, tmp_path / "out")
    assert message.startswith(f"{file} {said}")
    assert "\n" not in message
    assert not (tmp_path / "out").exists()


def test_a_scan_renamed_is_no_code_file(ckpt, tmp_path):
    file = scan(tmp_path / "a.nii").rename(tmp_path / "a.vqz")
    assert refusal("decode", ckpt, file, tmp_path / "out") == (
        f"{file} is no code file (.vqz): it begins with other bytes"
    )


def test_other_weights_are_named_beside_those_wanted(ckpt, tmp_path):
    do("encode", ckpt, scan(tmp_path / "a.nii"), tmp_path)
    do("encode", other := other_weights(tmp_path), tmp_path / "a.nii", tmp_path / "other")
    mine, theirs = (read_vqz(tmp_path / name).header["weights"] for name in ("a.vqz", "other/a.vqz"))
    message = refusal("decode", other, tmp_path / "a.vqz", tmp_path / "out")
    assert f"was made with the weights {mine}, and these are {theirs}" in message
    assert "--ckpt" in message


def test_a_file_that_cannot_be_decoded_does_not_stop_the_others(ckpt, tmp_path):
    for name in "abc":
        scan(tmp_path / "in" / f"{name}.nii", (8, 8, 8))
    do("encode", ckpt, tmp_path / "in", tmp_path / "files")
    (tmp_path / "files" / "b.vqz").write_bytes(b"")
    assert "1 of 3 files could not be worked on" in refusal(
        "decode", ckpt, tmp_path / "files", tmp_path / "out"
    )
    assert sorted(path.name[0] for path in (tmp_path / "out").glob("*_recon.nii.gz")) == ["a", "c"]


@pytest.mark.parametrize("run_id", ["encode", "run"])
def test_an_empty_file_stops_no_other_and_an_earlier_run_is_no_input(ckpt, tmp_path, run_id):
    scan(tmp_path / "a.nii", (8, 8, 8))
    (tmp_path / "e.nii").write_bytes(b"")
    for _ in range(2):
        said = refusal(run_id, ckpt, tmp_path, tmp_path)
        assert said.startswith("1 of 2 ")
        assert f"{tmp_path}/e.nii is an empty file" in said
    assert [path.name for path in tmp_path.glob("*.vqz")] == ["a.vqz"]


@pytest.mark.parametrize("run_id", ["encode", "run"])
def test_a_scan_too_large_for_memory_is_refused_by_its_header(ckpt, tmp_path, run_id):
    header = nib.Nifti1Header()
    header.set_data_shape((30_000, 30_000, 30_000))
    header["magic"], header["vox_offset"] = b"n+1", 352
    (tmp_path / "a.nii").write_bytes(header.binaryblock + bytes(4))
    said = refusal(run_id, ckpt, tmp_path / "a.nii", tmp_path / "out")
    assert "has 30000 x 30000 x 30000 voxels, which need about" in said
    assert "--roi_size" in said


def test_a_missing_context_model_is_said_once(ckpt, tmp_path, capsys):
    for name in "ab":
        scan(tmp_path / "in" / f"{name}.nii", (8, 8, 8))
    do("encode", ckpt, tmp_path / "in", tmp_path, quiet=False, context=str(tmp_path / "none.pt"))
    assert capsys.readouterr().err.count("none.pt' is not there: codes of the weights") == 1


def test_run_counts_in_every_way(ckpt, tmp_path):
    do("run", ckpt, scan(tmp_path / "a.nii", (70, 60, 50)), tmp_path)
    (row,) = json.loads((tmp_path / "metrics.json").read_text())["scans"]
    n_sites = [32 * 16 * 16, 8 * 4 * 4, 2]  # padded to 128 x 64 x 64
    assert row["bytes_file"] == (tmp_path / "a.vqz").stat().st_size
    assert row["bytes_codes"] == sum(n_sites)
    assert row["bytes_paper"] == sum(2 * n for n in n_sites)
    assert row["bytes_int16"] == 2 * 70 * 60 * 50
    values = np.asanyarray(nib.load(tmp_path / "a.nii").dataobj)
    assert row["bytes_gzip"] == pytest.approx(len(gzip.compress(values.tobytes(order="F"), 6)), abs=30)
    assert row["percent_file"] == pytest.approx(100 * row["bytes_file"] / (4 * values.size), abs=1e-4)


def test_the_commands_end_with_the_sentence_and_say_that_they_failed(tmp_path):
    config = str(small_bundle(tmp_path) / "configs" / "inference.json")
    scan(tmp_path / "in" / "a.nii", (8, 8, 8))
    (tmp_path / "in" / "b.nii").write_bytes(b"")
    start = [sys.executable, "-m", "monai.bundle", "run", "--config_file", config, "--output_dir"]
    ends = [[str(tmp_path / "files"), "--dataset_dir", str(tmp_path / "in"), "--run_id", "encode"]]
    (tmp_path / "c.vqz").write_bytes(b"GIF89a")
    ends += [[str(tmp_path), "--dataset_dir", str(tmp_path / "c.vqz"), "--run_id", "decode"]]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    children = [subprocess.Popen([*start, *end], **pipes) for end in ends]
    errors = [child.communicate()[1] for child in children]
    assert [child.returncode for child in children] == [1, 1]
    for error, said in zip(errors, ["b.nii is an empty file", "c.vqz is no code file"], strict=True):
        assert said in error.strip().splitlines()[-1]
        assert "Traceback" not in error
    assert (tmp_path / "files" / "a.vqz").is_file()
