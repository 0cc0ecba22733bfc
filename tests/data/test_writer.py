import gzip

import nibabel as nib
import numpy as np
import pytest

from mrrecon.data import AtomicNibabelWriter

AFFINE = np.array([[-1.2, 0, 0.1, 3], [0, 0.9, 0, 4], [0, 0.1, 2, 5], [0, 0, 0, 1]])


def write(path, values, **meta):
    writer = AtomicNibabelWriter(output_dtype=np.float32)
    writer.set_data_array(values, channel_dim=None)
    writer.set_metadata({"affine": AFFINE, **meta}, resample=False)
    writer.write(path)
    return nib.load(path)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_values_and_affine_are_read_back_as_they_were(tmp_path, name):
    values = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    image = write(tmp_path / name, values)
    assert np.array_equal(image.get_fdata(dtype=np.float32), values)
    np.testing.assert_allclose(image.affine, AFFINE, rtol=1e-6)
    assert image.header.get_xyzt_units()[0] == "mm"


def test_a_gzipped_file_holds_the_bytes_of_the_plain_one(tmp_path):
    values = np.zeros((5, 6, 7), np.float32)
    write(tmp_path / "a.nii", values)
    write(tmp_path / "a.nii.gz", values)
    assert gzip.decompress((tmp_path / "a.nii.gz").read_bytes()) == (tmp_path / "a.nii").read_bytes()


def test_the_codes_of_the_affines_are_those_of_the_source(tmp_path):
    image = write(tmp_path / "a.nii", np.zeros((5, 6, 7)), qform_code=np.array(0), sform_code=np.array(4))
    assert (int(image.header["qform_code"]), int(image.header["sform_code"])) == (0, 4)


def test_a_source_without_codes_gets_scanner_coordinates(tmp_path):
    image = write(tmp_path / "a.nii", np.zeros((5, 6, 7)))
    assert (int(image.header["qform_code"]), int(image.header["sform_code"])) == (1, 1)
