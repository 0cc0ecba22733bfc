"""Splits by subject."""

import pytest

from mrrecon.data.subjects import split_by_subject, subject_of

SCANS = [{"image": f"d/sub-{s:02d}/ses-{n}/sub-{s:02d}_T1w.nii.gz"} for s in range(20) for n in (1, 2, 3)]


def test_no_subject_is_on_both_sides_and_no_scan_is_lost() -> None:
    kept, held = split_by_subject(SCANS, fraction=0.2)
    sides = [{subject_of(item["image"]) for item in side} for side in (kept, held)]
    assert not sides[0] & sides[1]
    assert len(sides[1]) == 4
    assert sorted(item["image"] for item in kept + held) == sorted(item["image"] for item in SCANS)


def test_split_depends_on_the_seed_and_not_on_the_order() -> None:
    held = split_by_subject(SCANS, fraction=0.3, seed=1)[1]
    again = split_by_subject(SCANS[::-1], fraction=0.3, seed=1)[1]
    other = split_by_subject(SCANS, fraction=0.3, seed=2)[1]
    assert held == again[::-1]
    assert held != other


def test_new_subjects_leave_the_rank_of_the_old_ones() -> None:
    held = {item["image"] for item in split_by_subject(SCANS[:30], fraction=0.5)[1]}
    more = {item["image"] for item in split_by_subject(SCANS, fraction=0.25)[1]}
    assert more & {item["image"] for item in SCANS[:30]} <= held


@pytest.mark.parametrize(
    ("path", "subject", "name"),
    [
        ("x/sub-A1_ses-2_T1w.nii", None, "A1"),
        ("IXI012-HH-1211-T1.nii.gz", None, "IXI012-HH-1211-T1"),
        ("IXI012-HH-1211-T1.nii.gz", r"IXI\d+", "IXI012"),
        ("p/17/t1.nii", r"p/(\d+)/", "17"),
        ("series/patient.7", None, "patient"),
    ],
)
def test_name_of_the_subject(path: str, subject: str | None, name: str) -> None:
    assert subject_of(path, subject=subject) == name


def test_expression_that_fits_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"subject='IXI' finds nothing in 'a.nii'"):
        subject_of("a.nii", subject="IXI")


@pytest.mark.parametrize(("fraction", "message"), [(1.5, "must lie in"), (0.5, "at least two subjects")])
def test_split_that_cannot_be_is_refused(fraction: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split_by_subject(SCANS[:3], fraction=fraction)
