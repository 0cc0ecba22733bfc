import pytest
from monai.transforms import Compose, Lambdad

from mrrecon.data import ScanDataset


def refuse(value):
    if value == "bad":
        raise ValueError("bad has no voxels")
    return value.upper()


SCANS = [{"image": "good"}, {"image": "bad"}, {"image": "fine"}]


def test_a_refused_scan_gives_its_reason_in_place_of_an_image():
    data = ScanDataset(SCANS, Compose([Lambdad("image", refuse)]))
    assert [data[i] for i in range(3)] == [
        {"image": "GOOD"},
        {"scan": "bad", "refused": "bad has no voxels"},
        {"image": "FINE"},
    ]


def test_a_reason_that_names_no_scan_is_given_its_name():
    data = ScanDataset([{"image": "bad"}], Compose([Lambdad("image", lambda _: 1 / 0)]))
    assert data[0]["refused"] == "bad: division by zero"


def test_the_keyboard_is_no_reason():
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ScanDataset(SCANS, stop)[0]
