"""Readers of k-space: files written by other libraries come back sample by sample."""

import re
from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import numpy as np
import pytest
from monai.transforms import LoadImage

from mrrecon.data import KspaceReader, read_cfl, read_kspace, write_cfl
from mrrecon.errors import sentence

HEADER = """<?xml version="1.0"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
<experimentalConditions><H1resonanceFrequency_Hz>1</H1resonanceFrequency_Hz></experimentalConditions>
<encoding>
<encodedSpace><matrixSize><x>{nx}</x><y>{ny}</y><z>{nz}</z></matrixSize>
<fieldOfView_mm><x>{fx}</x><y>{fy}</y><z>{fz}</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>{rx}</x><y>{ny}</y><z>{nz}</z></matrixSize>
<fieldOfView_mm><x>{rfx}</x><y>{fy}</y><z>{fz}</z></fieldOfView_mm></reconSpace>
<encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>{y1}</maximum><center>{yc}</center>
</kspace_encoding_step_1></encodingLimits>
<trajectory>{trajectory}</trajectory></encoding></ismrmrdHeader>"""


def header(**changes: Any) -> str:
    sizes = {"nx": 8, "ny": 6, "nz": 1, "fx": 16, "fy": 18, "fz": 5, "rx": 8, "rfx": 16}
    return HEADER.format(**{**sizes, "y1": 5, "yc": 3, "trajectory": "cartesian", **changes})


def samples(*shape: int) -> np.ndarray:
    draw = np.random.default_rng(0)
    return (draw.standard_normal(shape) + 1j * draw.standard_normal(shape)).astype(np.complex64)


def readout(line: np.ndarray, y: int, *flags: int, z: int = 0, position: Any = (0, 0, 0), **idx: int) -> Any:
    acquisition = ismrmrd.Acquisition.from_array(np.ascontiguousarray(line))
    acquisition.center_sample = line.shape[1] // 2
    acquisition.idx.kspace_encode_step_1 = y
    acquisition.idx.kspace_encode_step_2 = z
    for name, number in idx.items():
        setattr(acquisition.idx, name, number)
    acquisition.position[:] = position
    acquisition.read_dir[:], acquisition.phase_dir[:], acquisition.slice_dir[:] = (
        (1, 0, 0),
        (0, 1, 0),
        (0, 0, 1),
    )
    for flag in flags:
        acquisition.setFlag(flag)
    return acquisition


def raw_file(path: Path, acquisitions: list[Any], **changes: Any) -> Path:
    with ismrmrd.Dataset(str(path)) as file:
        file.write_xml_header(header(**changes).encode())
        for acquisition in acquisitions:
            file.append_acquisition(acquisition)
    return path


def load(path: Path, **options: Any) -> Any:
    return LoadImage(reader=KspaceReader(**options), ensure_channel_first=True, dtype=np.complex64)(path)


def test_readouts_lie_on_the_line_they_were_measured_on(tmp_path):
    k = samples(3, 6, 8)
    path = raw_file(tmp_path / "a.h5", [readout(k[:, y], y) for y in (5, 0, 3)])
    found = load(path)
    assert found.shape == (3, 1, 6, 8)
    expected = np.zeros_like(k)
    expected[:, [0, 3, 5]] = k[:, [0, 3, 5]]
    np.testing.assert_array_equal(found[:, 0].numpy(), expected)


def test_noise_scans_are_passed_over_averages_averaged_and_reversed_lines_turned(tmp_path):
    k = samples(2, 6, 8)
    reverse, noise = ismrmrd.ACQ_IS_REVERSE, ismrmrd.ACQ_IS_NOISE_MEASUREMENT
    backwards = readout(k[:, 2, ::-1], 2, reverse)
    backwards.center_sample = 3  # of eight samples, the one that is number 4 when turned
    lines = [
        readout(9 * k[:, 0], 0, noise),
        readout(k[:, 1], 1),
        readout(3 * k[:, 1], 1, average=1),
        backwards,
    ]
    found = load(raw_file(tmp_path / "a.mrd", lines)).numpy()
    np.testing.assert_allclose(found[:, 0, 1], 2 * k[:, 1], rtol=1e-6)
    np.testing.assert_array_equal(found[:, 0, 2], k[:, 2])
    assert not found[:, 0, 0].any()


def test_slices_are_in_the_order_of_their_positions(tmp_path):
    k = samples(3, 2, 6, 8)
    places = {0: (0, 0, 10.0), 1: (0, 0, -10.0), 2: (0, 0, 0.0)}
    lines = [readout(k[s][:, y], y, slice=s, position=places[s]) for s in places for y in range(6)]
    found = load(raw_file(tmp_path / "a.h5", lines))
    np.testing.assert_array_equal(found.numpy(), k[[1, 2, 0]].swapaxes(0, 1))
    # LPS to RAS: the lowest slice at z = -10, voxels of 10 x 3 x 2 mm, centre of the slice at index 3, 4.
    np.testing.assert_allclose(
        found.affine, [[0, 0, -2, 8], [0, -3, 0, 9], [10, 0, 0, -10], [0, 0, 0, 1]], atol=1e-6
    )


def test_a_volume_has_three_frequencies(tmp_path):
    k = samples(2, 4, 6, 8)
    lines = [readout(k[:, z, y], y, z=z) for z in range(4) for y in range(6)]
    found = load(raw_file(tmp_path / "a.h5", lines, nz=4, fz=20))
    np.testing.assert_array_equal(found.numpy(), k)
    assert found.meta["n_fourier"] == 3
    np.testing.assert_allclose(found.affine[:3, 3], [8, 9, -10])


@pytest.mark.parametrize("removed", [True, False])
def test_oversampling_of_the_readout_is_removed_where_asked(tmp_path, removed):
    image = np.zeros((1, 6, 8))
    image[0, 1:5, 2:6] = 1 + np.arange(16).reshape(4, 4)  # nothing outside the middle half
    k = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(image, (1, 2)), norm="ortho"), (1, 2))
    lines = [readout(k[:, y].astype(np.complex64), y) for y in range(6)]
    path = raw_file(tmp_path / "a.h5", lines, rx=4, rfx=8)
    found = load(path, remove_oversampling=removed).numpy()[0, 0]
    back = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(found), norm="ortho"))
    np.testing.assert_allclose(back, image[0, :, 2:6] if removed else image[0], atol=1e-5)


def fastmri_file(path: Path, k: np.ndarray, **more: Any) -> Path:
    with h5py.File(path, "w") as file:
        file["kspace"] = k
        for name, values in more.items():
            file[name] = values
    return path


def test_fastmri_gives_slices_their_size_and_field_of_view(tmp_path):
    k = samples(5, 3, 8, 6)
    found = load(fastmri_file(tmp_path / "a.h5", k, ismrmrd_header=header(rx=4, rfx=8)))
    np.testing.assert_array_equal(found.numpy(), k.swapaxes(0, 1))
    assert [np.linalg.norm(found.affine[:, i]) for i in range(3)] == pytest.approx([5, 2, 3])
    assert found.meta["field_of_view"] == [5, 4, 6]


def test_fastmri_s_mask_says_what_was_measured(tmp_path):
    k, mask = samples(2, 8, 6), np.array([1, 0, 1, 1, 0, 1], np.float32)
    found = load(fastmri_file(tmp_path / "a.h5", k, mask=mask)).numpy()
    np.testing.assert_array_equal(found[0], k * mask)


def test_bart_s_files_survive_writing_and_reading(tmp_path):
    values = samples(2, 3, 1, 4)
    write_cfl(tmp_path / "a", values)
    assert (tmp_path / "a.hdr").read_text().split()[:6] == ["#", "Dimensions", "2", "3", "1", "4"]
    assert np.fromfile(tmp_path / "a.cfl", "<c8")[1] == values[1, 0, 0, 0]  # the readout varies fastest
    assert np.array_equal(read_cfl(tmp_path / "a.cfl"), values)
    np.testing.assert_array_equal(load(tmp_path / "a.cfl").numpy(), values.transpose(3, 2, 1, 0))


def test_numpy_s_files_are_read_with_their_mask(tmp_path):
    k, mask = samples(3, 6, 8), np.random.default_rng(1).random((6, 8)) > 0.5
    np.savez(tmp_path / "a.npz", ksp=k, mask=mask, spacing=[5.0, 3.0, 2.0])
    found = load(tmp_path / "a.npz")
    np.testing.assert_array_equal(found[:, 0].numpy(), k * mask)
    assert [np.linalg.norm(found.affine[:, i]) for i in range(3)] == pytest.approx([5, 3, 2])


def broken(folder: Path) -> dict[str, Path]:
    paths = {name: folder / name for name in ("cut.h5", "text.h5", "text.npz", "text.cfl", "real.npy")}
    fastmri_file(paths["cut.h5"], samples(4, 3, 64, 64))
    paths["cut.h5"].write_bytes(paths["cut.h5"].read_bytes()[:-20000])
    for name in ("text.h5", "text.npz", "text.cfl"):
        paths[name].write_bytes(b"no k-space")
    paths["text.cfl"].with_suffix(".hdr").write_text("# Dimensions\n4 4\n")
    np.save(paths["real.npy"], np.ones((4, 4)))
    for name, k in {
        "nan": samples(4, 4) * np.nan,
        "zero": np.zeros((4, 4), complex),
        "1-D": samples(4),
    }.items():
        paths[name] = folder / f"{name}.npy"
        np.save(paths[name], k)
    return paths


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cut.h5", "is no HDF5 file, or is cut off"),
        ("text.h5", "is no HDF5 file, or is cut off"),
        ("text.npz", "is no file of NumPy, or is cut off"),
        ("text.cfl", "has 10 bytes, and its header asks for 128"),
        ("real.npy", "holds real numbers (float64): k-space must be complex"),
        ("nan", "holds 16 samples that are NaN or Inf"),
        ("zero", "holds nothing but zeros"),
        ("1-D", "has 1 axes"),
    ],
)
def test_what_is_no_kspace_is_refused_in_one_sentence(tmp_path, name, said):
    path = broken(tmp_path)[name]
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        load(path)
    assert sentence(caught.value).startswith(f"{path} {said}")


def test_a_radial_trajectory_is_refused(tmp_path):
    path = raw_file(tmp_path / "a.h5", [readout(samples(2, 8), 0)], trajectory="radial")
    with pytest.raises(ValueError, match="has the trajectory radial: only cartesian"):
        read_kspace(path)


def test_a_missing_library_is_named_with_the_way_to_get_it(tmp_path, monkeypatch):
    path = fastmri_file(tmp_path / "a.h5", samples(2, 8, 6))
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(RuntimeError, match=r"needs the library h5py.* pip install 'mrrecon\[kspace\]'"):
        read_kspace(path)
