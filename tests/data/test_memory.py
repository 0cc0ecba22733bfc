from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from mrrecon.data.memory import MemoryCheck, available_memory


def scan(path: Path) -> str:
    nib.save(nib.Nifti1Image(np.zeros((10, 20, 30), np.int16), np.eye(4)), path)
    return str(path)


def test_a_scan_passes_where_there_is_memory_and_not_where_there_is_a_byte_too_little(tmp_path):
    path = scan(tmp_path / "a.nii")
    MemoryCheck(bytes_per_voxel=7.0, available=7 * 6000)(path)
    with pytest.raises(ValueError, match=r"a\.nii has 10 x 20 x 30 voxels.*--roi_size 128"):
        MemoryCheck(bytes_per_voxel=7.0, available=7 * 6000 - 1)(path)


def test_in_tiles_a_scan_needs_less(tmp_path):
    path = scan(tmp_path / "a.nii")
    check = MemoryCheck(bytes_per_voxel=7.0, bytes_per_voxel_in_tiles=5.0, roi_size=64, available=30_000)
    check(path)
    with pytest.raises(ValueError, match="are free: give a machine with more"):
        MemoryCheck(bytes_per_voxel_in_tiles=5.1, roi_size=64, available=30_000)(path)


def test_what_does_not_tell_its_size_passes(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"no scan")
    MemoryCheck(available=0)(str(tmp_path / "a.nii"))


def test_the_machine_has_memory():
    available = available_memory()
    assert available is None or 1 << 20 < available < 1 << 50


def test_voxels_stored_one_by_one_need_more_and_tiles_do_not_help(tmp_path):
    path = scan(tmp_path / "a.nii")
    check = MemoryCheck(bytes_per_voxel_near_lossless=9.0, max_error=0, available=9 * 6000 - 1)
    with pytest.raises(ValueError, match="are free: give a machine with more"):
        check(path)
