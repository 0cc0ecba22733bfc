from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mrrecon.report import reconstruction_figure


def picture(*args, **kwargs):
    return np.asarray(Image.open(BytesIO(reconstruction_figure(*args, **kwargs)))).astype(int)


def test_the_picture_has_the_width_asked_for(scan):
    assert picture(scan.original, scan.reconstruction, data_range=(0.0, 1.0), width=500).shape[1:] == (500, 3)


def test_a_perfect_reconstruction_has_a_black_difference(scan):
    found = picture(scan.original, scan.original, data_range=(0.0, 1.0), width=480)
    # Right column, between the heading and the bars.
    assert found[20 : -3 * 16, 330:].max() == 0


def test_a_reconstruction_that_is_too_bright_is_orange_and_one_too_dark_is_blue():
    zero, one = np.zeros((8, 8, 8)), np.ones((8, 8, 8))
    for original, reconstruction, greater in ((zero, one, 0), (one, zero, 2)):
        found = picture(original, reconstruction, data_range=(0.0, 1.0), difference_range=2.0, width=480)
        colour = found[60, 400]
        assert colour[greater] > colour[2 - greater] + 100


def test_the_patients_right_is_on_the_left_and_the_top_on_top():
    image = np.zeros((8, 8, 8))
    image[4:, :, 4:] = 1.0  # to the patient's right, upper half
    found = picture(image, image, data_range=(0.0, 1.0), width=960)
    margin, cell = 28, (960 - 4 * 28) // 3
    coronal = found[2 * margin + cell : 2 * margin + 2 * cell, margin : margin + cell, 0]
    third = cell // 3
    assert coronal[third, third] == 255
    assert coronal[third, -third] == coronal[-third, third] == coronal[-third, -third] == 0


def test_thick_slices_are_drawn_thick():
    image = np.ones((10, 10, 4))
    found = picture(image, image, data_range=(0.0, 1.0), spacing=(1.0, 1.0, 5.0), width=960)
    cell = (960 - 4 * 28) // 3
    column = found[:, 28 + cell // 4, 0]
    # Axial 10 mm high, coronal and sagittal 20 mm, in a cell 10 mm wide.
    assert np.count_nonzero(column[28 : 5 * cell + 84] == 255) == pytest.approx(5 * cell, abs=30)


@pytest.mark.parametrize(
    "wrong",
    [{"data_range": (1.0, 1.0)}, {"difference_range": 0.0}, {"width": 100}, {"spacing": (0.0, 1.0, 1.0)}],
)
def test_arguments_out_of_range_are_refused(wrong):
    image = np.zeros((4, 4, 4))
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}="):
        reconstruction_figure(image, image, **{"data_range": (0.0, 1.0), **wrong})
