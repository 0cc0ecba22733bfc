"""Maps read from files, a block at a time."""

import gzip

import nibabel as nib
import numpy as np
import pytest
import torch

from mrrecon.morphometry import analysis_mask, family_wise, streaming, t_map, two_sample_design
from mrrecon.morphometry.streaming import open_maps

AFFINE = np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 2.5, -72], [0, 0, 0, 1]])
DESIGN = two_sample_design(["a", "b", "a", "b", "a", "b"])


@pytest.fixture
def maps(generator):
    """Values of six maps."""
    return torch.rand(6, 5, 6, 7, generator=generator)


@pytest.fixture
def write(tmp_path):
    """Writes maps as files."""

    def _write(maps, ending, *, dtype=np.float32, affine=AFFINE):
        paths = [tmp_path / f"{number}{ending}" for number in range(len(maps))]
        for path, values in zip(paths, maps.numpy(), strict=True):
            image = nib.Nifti1Image(values.astype(np.float32), affine)
            image.set_data_dtype(dtype)
            nib.save(image, path)
        return paths

    return _write


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks that end within a row of voxels."""
    monkeypatch.setattr(streaming, "_BLOCK", 6 * 4 * 17)
    monkeypatch.setattr(streaming, "_LEAST", 17)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_files_give_what_the_tensor_gives(maps, write, ending):
    mask = torch.rand(5, 6, 7) < 0.7
    expected = t_map(maps, DESIGN, [1, -1], mask=mask)
    found = t_map(write(maps, ending), DESIGN, [1, -1], mask=mask)
    torch.testing.assert_close(found.t, expected.t)
    assert found.mask.equal(mask)
    np.testing.assert_array_equal(found.affine, AFFINE)


@pytest.mark.usefixtures("small_blocks")
def test_scaled_integers_are_read_as_their_values(maps, write):
    paths = write(maps, ".nii", dtype=np.dtype(">i2"))
    stored = torch.from_numpy(np.stack([nib.load(path).get_fdata() for path in paths]))
    found = t_map(paths, DESIGN, [1, -1])
    torch.testing.assert_close(found.effect, t_map(stored, DESIGN, [1, -1]).effect, atol=1e-6, rtol=1e-4)
    assert analysis_mask(paths, above=0.5).equal(stored.mean(0) > 0.5)


def test_permutations_of_files_are_those_of_the_tensor(maps, write):
    def run(maps):
        return family_wise(maps, DESIGN, [1, -1], generator=torch.Generator().manual_seed(0))

    torch.testing.assert_close(run(write(maps, ".nii")).maxima, run(maps).maxima)


def test_permutations_unpack_each_file_once(maps, write, monkeypatch):
    unpacked, unpack = [], streaming._unpack
    monkeypatch.setattr(
        streaming, "_unpack", lambda *arguments: unpacked.append(arguments[0].path) or unpack(*arguments)
    )
    paths = write(maps, ".nii.gz")
    family_wise(paths, DESIGN, [1, -1], generator=torch.Generator())
    assert unpacked == paths


def test_unpacked_files_leave_nothing_behind(maps, write, tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    with open_maps(write(maps, ".nii.gz"), folder=folder, stored_as="float16") as source:
        found = torch.cat([values for _, values in source.blocks()], dim=1)
        assert sum(path.stat().st_size for path in folder.rglob("*.raw")) == 2 * maps.numel()
    torch.testing.assert_close(source.volume(found), maps.half().float())
    assert list(folder.iterdir()) == []


def test_maps_of_different_grids_are_refused(maps, write):
    paths = write(maps, ".nii")
    nib.save(nib.Nifti1Image(np.zeros((5, 6, 8), np.float32), AFFINE), paths[3])
    with pytest.raises(ValueError, match=r"3\.nii has the shape \(5, 6, 8\), .*0\.nii has \(5, 6, 7\)"):
        t_map(paths, DESIGN, [1, -1])
    moved = AFFINE.copy()
    moved[0, 3] += 1
    nib.save(nib.Nifti1Image(maps[3].numpy(), moved), paths[3])
    with pytest.raises(ValueError, match=r"3\.nii lies elsewhere than .*0\.nii"):
        t_map(paths, DESIGN, [1, -1])


def test_a_map_of_several_volumes_is_refused(maps, write):
    paths = write(maps, ".nii")
    nib.save(nib.Nifti1Image(np.zeros((5, 6, 7, 2), np.float32), AFFINE), paths[0])
    with pytest.raises(ValueError, match="must hold one map of three axes"):
        t_map(paths, DESIGN, [1, -1])


def test_what_cannot_be_read_is_named(maps, write):
    paths = write(maps, ".nii.gz")
    paths[1].write_bytes(gzip.compress(gzip.decompress(paths[1].read_bytes())[:-40]))
    with pytest.raises(OSError, match=r"1\.nii\.gz cannot be unpacked"):
        t_map(paths, DESIGN, [1, -1])
    paths[1].write_text("no image")
    with pytest.raises(OSError, match=r"1\.nii\.gz cannot be read as NIfTI"):
        t_map(paths, DESIGN, [1, -1])
    paths[1].unlink()
    with pytest.raises(FileNotFoundError, match=r"1\.nii\.gz is not there"):
        t_map(paths, DESIGN, [1, -1])


def test_a_file_cut_short_is_named(maps, write):
    paths = write(maps, ".nii")
    paths[2].write_bytes(paths[2].read_bytes()[:-40])
    with pytest.raises(OSError, match=r"2\.nii ends before its last voxel"):
        t_map(paths, DESIGN, [1, -1])


def test_no_map_and_no_room_are_refused(maps, write, monkeypatch):
    with pytest.raises(ValueError, match="maps is empty"):
        t_map([], DESIGN, [1, -1])
    monkeypatch.setattr(streaming.shutil, "disk_usage", lambda _: type("", (), {"free": 100}))
    with pytest.raises(OSError, match="unpacking 6 maps needs"):
        t_map(write(maps, ".nii.gz"), DESIGN, [1, -1])
