"""What inference by the bundle's config gives back for scans of all sorts."""

import csv
import json
from pathlib import Path
from typing import Any

import itk
import nibabel as nib
import numpy as np
import pytest
from bundles.inference import half_written, infer, scan, workflow
from monai.transforms import Compose, LoadImaged, SaveImaged

OBLIQUE = np.array([[0.9, 0.3, 0.1, -20], [-0.28, 0.95, 0.12, 30], [-0.06, -0.14, 4.9, 7], [0, 0, 0, 1]])
FLIPPED = np.array([[0, 0, -1.2, 80], [-1, 0, 0, 90], [0, 1, 0, -70], [0, 0, 0, 1.0]])
THICK = np.diag([0.5, 0.5, 5.0, 1.0])


@pytest.mark.parametrize("affine", [OBLIQUE, FLIPPED, THICK], ids=["oblique", "flipped", "5 mm"])
def test_the_reconstruction_lies_where_the_scan_lies(ckpt, tmp_path, affine):
    path = scan(tmp_path / "in" / "a.nii.gz", affine=affine)
    infer(ckpt, tmp_path / "out", dataset_dir=str(path))
    given, made = nib.load(path), nib.load(tmp_path / "out" / "a_recon.nii.gz")
    assert made.shape == given.shape
    np.testing.assert_allclose(made.affine, given.affine, atol=1e-5)
    assert nib.aff2axcodes(made.affine) == nib.aff2axcodes(given.affine)
    assert made.header.get_xyzt_units()[0] == "mm"


def test_a_perfect_network_gives_the_scan_back_voxel_for_voxel(ckpt, tmp_path):
    path = scan(tmp_path / "in" / "a.nii.gz", affine=FLIPPED)
    flow = workflow(ckpt, tmp_path / "out", dataset_dir=str(path))
    evaluator = flow.parser.get_parsed_content("evaluator")
    images: list[Any] = []
    encode = evaluator.inferer.encode
    evaluator.inferer.encode = lambda x, network: (images.append(x), encode(x, network))[1]
    evaluator.inferer.decode = lambda *_: images[-1]
    flow.run()
    made = nib.load(tmp_path / "out" / "a_recon.nii.gz").get_fdata()
    np.testing.assert_allclose(made, nib.load(path).get_fdata(), atol=1e-4)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_any_type_of_number_is_read(ckpt, tmp_path, dtype):
    path = scan(tmp_path / "in" / "a.nii", (12, 9, 10), dtype=dtype)
    infer(ckpt, tmp_path / "out", dataset_dir=str(path))
    reference = scan(tmp_path / "in" / "b.nii", (12, 9, 10), dtype="int16")
    infer(ckpt, tmp_path / "reference", dataset_dir=str(reference))
    made = nib.load(tmp_path / "out" / "a_recon.nii.gz")
    assert made.get_data_dtype() == np.float32
    expected = nib.load(tmp_path / "reference" / "b_recon.nii.gz").get_fdata()
    assert np.corrcoef(made.get_fdata().ravel(), expected.ravel())[0, 1] > 0.9


def test_intensities_come_back_in_the_units_of_the_scan(ckpt, tmp_path):
    small = scan(tmp_path / "in" / "a.nii", dtype="float64")
    large = nib.Nifti1Image(1e9 * nib.load(small).get_fdata(), np.eye(4))
    nib.save(large, tmp_path / "in" / "b.nii")
    infer(ckpt, tmp_path / "out", dataset_dir=str(tmp_path / "in"))
    a, b = (nib.load(tmp_path / "out" / f"{name}_recon.nii.gz").get_fdata() for name in "ab")
    assert np.abs(b - 1e9 * a).max() < 1e-3 * np.abs(b).max()


def test_a_constant_image_comes_back_exactly(ckpt, tmp_path):
    (tmp_path / "in").mkdir()
    nib.save(nib.Nifti1Image(np.full((9, 10, 11), 7.25, np.float32), np.eye(4)), tmp_path / "in" / "a.nii")
    infer(ckpt, tmp_path / "out", dataset_dir=str(tmp_path / "in"))
    made = nib.load(tmp_path / "out" / "a_recon.nii.gz")
    assert np.array_equal(made.get_fdata(), np.full((9, 10, 11), 7.25))


@pytest.mark.parametrize(
    "shape", [(8, 8, 8), (400, 8, 9), (3, 65, 4)], ids=lambda shape: "x".join(map(str, shape))
)
def test_any_number_of_voxels_goes_in_and_comes_out(ckpt, tmp_path, shape):
    path = scan(tmp_path / "in" / "a.nii", shape)
    infer(ckpt, tmp_path / "out", dataset_dir=str(path), save_indices=True)
    assert nib.load(tmp_path / "out" / "a_recon.nii.gz").shape == shape
    codes = np.load(tmp_path / "out" / "a_codes.npz")
    padded = [-(-side // 64) * 64 for side in shape]
    assert [codes[f"codes{level}"].shape for level in (1, 2, 3)] == [
        tuple(side // stride for side in padded) for stride in (4, 16, 64)
    ]
    assert tuple(codes["shape"]) == shape


def test_scans_of_one_name_in_two_folders_keep_their_own_outputs(ckpt, tmp_path):
    for subject in ("sub-1", "sub-2"):
        scan(tmp_path / "in" / subject / "t1.nii", (8, 8, 8))
    infer(ckpt, tmp_path / "out", dataset_dir=str(tmp_path / "in"))
    for subject in ("sub-1", "sub-2"):
        assert sorted(path.name for path in (tmp_path / "out" / subject).iterdir()) == [
            "t1.vqz",
            "t1_recon.nii.gz",
        ]


def test_a_list_of_scans_decides_what_is_done(ckpt, tmp_path):
    for name in "abc":
        scan(tmp_path / f"{name}.nii", (8, 8, 8))
    (tmp_path / "list.json").write_text(json.dumps({"training": ["c.nii", {"image": "a.nii"}]}))
    infer(ckpt, tmp_path / "out", datalist=str(tmp_path / "list.json"))
    with (tmp_path / "out" / "metrics.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [Path(row["scan"]).name for row in rows] == ["c.nii", "a.nii"]


def test_the_page_holds_each_scan(ckpt, tmp_path):
    scan(tmp_path / "in" / "head.nii", (20, 20, 20))
    infer(ckpt, tmp_path / "out", dataset_dir=str(tmp_path / "in"), save_page=True)
    assert "head.nii" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert half_written(tmp_path / "out") == []


def test_evaluation_writes_metrics_and_nothing_else(ckpt, tmp_path, capsys):
    for name in "abc":
        scan(tmp_path / "in" / f"{name}.nii", (20 + ord(name) % 3, 20, 20))
    infer(ckpt, tmp_path / "out", "evaluate.json", dataset_dir=str(tmp_path / "in"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["metrics.csv", "metrics.json"]
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    values = [row["psnr"] for row in metrics["scans"]]
    summary = metrics["summary"]["psnr"]
    assert len(values) == 3
    assert summary == pytest.approx(
        {"mean": np.mean(values), "sd": np.std(values, ddof=1), "worst": min(values)}
    )
    printed = capsys.readouterr().out
    assert all(f"\n{word} " in printed for word in ("mean", "sd", "worst"))


def test_what_is_no_brain_keeps_its_other_metrics(ckpt, tmp_path, capsys):
    scan(tmp_path / "in" / "a.nii")
    infer(ckpt, tmp_path / "out", "evaluate.json", dataset_dir=str(tmp_path / "in"), tissues=True)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert set(metrics["summary"]) >= {"psnr", "ms_ssim", "log_mmd"}
    assert not any(name.startswith("dice") for name in metrics["summary"])
    assert "the scan: the image shows a slab" in metrics["tissues_not_found"][0]["reason"]
    assert "without Dice, as no tissues were found: a.nii (the scan: the" in capsys.readouterr().out


def test_evaluation_writes_images_where_asked(ckpt, tmp_path):
    scan(tmp_path / "in" / "a.nii", (8, 8, 8))
    infer(ckpt, tmp_path / "out", "evaluate.json", dataset_dir=str(tmp_path / "in"), save_images=True)
    assert (tmp_path / "out" / "a_recon.nii.gz").is_file()


def test_tiles_give_the_codes_and_the_image_of_one_pass(ckpt, tmp_path):
    path = scan(tmp_path / "in" / "a.nii", (120, 60, 60))
    infer(ckpt, tmp_path / "one", dataset_dir=str(path), save_indices=True)
    infer(ckpt, tmp_path / "tiles", dataset_dir=str(path), roi_size=64, halo=64, save_indices=True)
    one, tiles = (np.load(tmp_path / name / "a_codes.npz") for name in ("one", "tiles"))
    assert all(np.array_equal(one[name], tiles[name]) for name in one)
    images = [nib.load(tmp_path / name / "a_recon.nii.gz").get_fdata() for name in ("one", "tiles")]
    np.testing.assert_allclose(*images, atol=1e-3)


def test_a_line_tells_how_far_each_scan_is(ckpt, tmp_path, capsys):
    scan(tmp_path / "in" / "a.nii", (70, 8, 8))
    infer(ckpt, tmp_path / "out", dataset_dir=str(tmp_path / "in"), quiet=False, roi_size=64)
    said = capsys.readouterr().err
    assert "1/1 a.nii: reading, encoding.., decoding.., measuring, saving, " in said


def dicom_series(folder: Path, *, n_slices: int = 6) -> np.ndarray:
    """Slices of 12 x 10 pixels of 1.5 x 2 mm, 3 mm apart. Their values, by slice, row and column."""
    folder.mkdir(parents=True)
    values = np.random.default_rng(0).integers(0, 1000, (n_slices, 10, 12)).astype(np.int16)
    for i, pixels in enumerate(values):
        image = itk.image_from_array(pixels[None])
        image.SetSpacing([1.5, 2.0, 3.0])
        image.SetOrigin([-9.0, -10.0, 3.0 * i])
        tags = image.GetMetaDataDictionary()
        for tag, value in {
            "0008|0060": "MR",
            "0020|000d": "1.2.3.4",
            "0020|000e": "1.2.3.4.5",
            "0020|0013": str(i + 1),
            "0020|0032": f"-9\\-10\\{3 * i}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0008|0018": f"1.2.3.4.5.{i + 1}",
        }.items():
            tags[tag] = value
        writer_io = itk.GDCMImageIO.New(KeepOriginalUID=True)
        itk.imwrite(image, str(folder / f"{i:03}.dcm"), imageio=writer_io)
    return values


def test_a_dicom_series_is_read_as_one_scan_in_patient_space(ckpt, tmp_path):
    values = dicom_series(tmp_path / "in" / "1.2.840.11")
    dicom_series(tmp_path / "in" / "1.2.840.12")
    flow = workflow(ckpt, tmp_path / "out", dataset_dir=str(tmp_path / "in"))
    image = flow.parser.get_parsed_content("preprocessing").transforms[0](
        flow.parser.get_parsed_content("scans")[0]
    )["image"]
    # DICOM's axes run to the left and to the back, NIfTI's to the right and to the front.
    np.testing.assert_allclose(
        image.affine, [[-1.5, 0, 0, 9], [0, -2, 0, 10], [0, 0, 3, 0], [0, 0, 0, 1]], atol=1e-5
    )
    assert np.array_equal(image[0].numpy(), values.transpose(2, 1, 0))
    flow.run()
    for name in ("1.2.840.11", "1.2.840.12"):
        made = nib.load(tmp_path / "out" / f"{name}_recon.nii.gz")
        assert made.shape == (12, 10, 6)
        np.testing.assert_allclose(made.affine, image.affine, atol=1e-5)


def test_an_application_finds_what_it_takes_from_the_config(ckpt, tmp_path):
    # MONAI Label reads these, and takes loading and saving out by class.
    parser = workflow(ckpt, tmp_path).parser
    for name in ("network_def", "preprocessing", "postprocessing", "inferer", "device"):
        assert parser.get_parsed_content(name) is not None
    before, after = (parser.get_parsed_content(name) for name in ("preprocessing", "postprocessing"))
    assert isinstance(before, Compose)
    assert isinstance(before.transforms[0], LoadImaged)
    assert isinstance(after.transforms[-1], SaveImaged)
