"""Studies of made-up tissues whose answers are known."""

import csv
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import stats

from mrrecon.engines import MorphometryStudy
from mrrecon.engines.study_scans import study_scans
from mrrecon.morphometry import two_sample_design

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
SHAPE = (16, 18, 14)
N = 12


def tissues(seed: int, shrink: float = 0.0) -> np.ndarray:
    """Three fractions (x, y, z, 3) of a ball; of one half, a part of the grey matter is lost."""
    draw = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij"))
    ball = np.linalg.norm(grid, axis=0) < 0.8
    parts = draw.dirichlet([2.0, 4.0, 3.0], SHAPE) * ball[..., None]
    lost = shrink * parts[..., 1] * (grid[0] > 0.2)
    parts[..., 1] -= lost
    parts[..., 0] += lost
    return parts.astype(np.float32)


def save(folder: Path, name: str, maps: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("tissues", "template"):
        nib.save(nib.Nifti1Image(maps, affine), folder / f"{name}_{kind}.nii.gz")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve subjects, six with atrophy; a codec without error, and one that blurs the groups."""
    folder = tmp_path_factory.mktemp("study")
    rows = ["participant_id,age,group"]
    for subject in range(N):
        ill = subject % 2 == 0
        name = f"sub-{subject}_T1w"
        maps = tissues(subject, shrink=0.5 if ill else 0.0)
        save(folder / "original", name, maps)
        save(folder / "exact", f"{name}_recon", maps)
        save(folder / "coarse", f"{name}_recon", 0.7 * maps + 0.3 * tissues(100 + subject))
        rows.append(f"sub-{subject},{40 + (7 * subject) % 11},{'ill' if ill else 'well'}")
    (folder / "participants.csv").write_text("\n".join(rows) + "\n")
    return folder


def study(data: Path, output_dir: Path, **changes) -> MorphometryStudy:
    codecs = {"exact": data / "exact", "coarse": data / "coarse"}
    given = {
        "participants": data / "participants.csv",
        "covariates": ["age"],
        "n_permutations": 20,
        "fwhm": 4,
    }
    return MorphometryStudy(
        data / "original", codecs, output_dir=output_dir, quiet=True, **{**given, **changes}
    )


@pytest.fixture(scope="module")
def found(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    folder = tmp_path_factory.mktemp("out")
    return study(data, folder).run(), folder


def table(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "agreement.csv").read_text().splitlines()))


def test_a_codec_without_error_changes_nothing(found):
    result, _ = found
    exact = result["agreement"]["exact"]
    assert exact["dice_gm"]["mean"] == exact["soft_dice_wm"]["mean"] == 1.0
    assert exact["gm_error"]["mean"] == exact["bland_altman_gm"]["sd"] == 0.0
    rows = {(row["contrast"], row["source"]): row for row in result["maps"]}
    same = rows["ill minus well", "exact"]
    assert same["correlation"] == pytest.approx(1.0)
    assert same["rms_change"] == 0.0
    assert same["t_max"] == rows["ill minus well", "original"]["t_max"]


def test_dice_and_volumes_are_those_of_the_definition(data, found):
    rows = table(found[1])
    row = next(row for row in rows if row["scan"] == "sub-3_T1w" and row["codec"] == "coarse")
    a, b = (
        nib.load(data / place / f"sub-3_T1w{end}_tissues.nii.gz").get_fdata()
        for place, end in (("original", ""), ("coarse", "_recon"))
    )
    grey = [(maps.argmax(3) == 1) & (maps.max(3) > 1 - maps.sum(3)) for maps in (a, b)]
    dice = 2 * (grey[0] & grey[1]).sum() / (grey[0].sum() + grey[1].sum())
    assert float(row["dice_gm"]) == pytest.approx(dice, abs=1e-6)
    assert float(row["gm_ml"]) == pytest.approx(0.008 * b[..., 1].sum(), rel=1e-5)
    assert float(row["gm_error"]) == pytest.approx(b[..., 1].sum() / a[..., 1].sum() - 1, abs=1e-5)


def test_the_better_codec_is_found_by_signed_ranks(found):
    result, folder = found
    rows = [row for row in table(folder) if row["codec"]]
    values = {
        codec: [float(r["dice_wm"]) for r in rows if r["codec"] == codec] for codec in ("exact", "coarse")
    }
    expected = stats.wilcoxon(values["exact"], values["coarse"]).pvalue
    assert result["wilcoxon"]["dice_wm"] == {"coarse": pytest.approx(expected)}
    assert "| exact | **1.0000 ± 0.0000** |" in (folder / "study.md").read_text()


def test_the_atrophy_is_seen_where_it_is(found):
    result, folder = found
    rows = {(row["contrast"], row["source"]): row for row in result["maps"]}
    assert rows["ill minus well", "original"]["t_max"] < -8
    assert rows["ill minus well", "original"]["p_family_wise"] <= 0.1
    assert rows["ill minus well", "coarse"]["correlation"] < 0.99
    t = nib.load(folder / "t_ill_minus_well_original.nii.gz").get_fdata()
    assert t[11:13, 8:10, 7].mean() < -4
    assert abs(t[3:5, 8:10, 7].mean()) < 3
    assert json.loads((folder / "study.json").read_text())["scans"] == N


def test_the_model_has_the_intracranial_volume_of_its_own_scans(data, tmp_path, monkeypatch):
    seen = []

    def design(groups, covariates):
        seen.append(covariates)
        return two_sample_design(groups, covariates)

    monkeypatch.setattr("mrrecon.engines.group_maps.two_sample_design", design)
    study(data, tmp_path, covariates=[]).run()
    for covariates, place, end in zip(
        seen, ("original", "exact", "coarse"), ("", *2 * ["_recon"]), strict=True
    ):
        path = data / place / f"sub-3_T1w{end}_tissues.nii.gz"
        names = sorted(f"sub-{subject}_T1w" for subject in range(N))
        found = covariates["intracranial_ml"][names.index("sub-3_T1w")]
        assert found == pytest.approx(0.008 * nib.load(path).get_fdata().sum(), rel=1e-5)


def test_the_same_study_gives_the_same_bytes(data, found, tmp_path):
    study(data, tmp_path).run()
    for name in ("study.json", "agreement.csv", "maps.csv"):
        assert (tmp_path / name).read_bytes() == (found[1] / name).read_bytes()


def test_what_cannot_take_part_is_named_and_the_rest_goes_on(data, tmp_path):
    originals = tmp_path / "original"
    for subject in range(N):
        save(originals, f"sub-{subject}_T1w", tissues(subject))
    save(originals, "sub-99_T1w", tissues(99))
    save(originals, "sub-1_T1w", tissues(1)[:-1])
    task = MorphometryStudy(originals, {"exact": data / "exact"}, output_dir=tmp_path / "out", quiet=True)
    with pytest.raises(
        RuntimeError, match=r"(?s)sub-99_T1w: exact has no tissues.*sub-1_T1w: exact has the grid"
    ):
        task.run()
    assert json.loads((tmp_path / "out" / "study.json").read_text())["scans"] == N - 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "participant_id,group\n" + "".join(f"sub-{i},well\n" for i in range(N)),
            "two groups, neither empty",
        ),
        ("participant_id,group\n" + "sub-0,a\nsub-1,b\nsub-2,a\n", "3 maps are too few"),
    ],
)
def test_a_group_test_that_cannot_be_made_does_not_stop_the_tissues(data, tmp_path, rows, said):
    (tmp_path / "participants.csv").write_text(rows)
    task = study(data, tmp_path / "out", participants=tmp_path / "participants.csv", covariates=[])
    with pytest.raises(RuntimeError, match=said):
        task.run()
    result = json.loads((tmp_path / "out" / "study.json").read_text())
    assert result["agreement"]["exact"]["dice_gm"]["mean"] == 1.0
    assert result["maps"] == []


def test_a_missing_covariate_leaves_its_subject_out(data, tmp_path):
    text = (data / "participants.csv").read_text().replace("sub-4,46", "sub-4,n/a")
    (tmp_path / "p.csv").write_text(text)
    scans, left_out = study_scans(data / "original", {}, participants=tmp_path / "p.csv", covariates=["age"])
    assert len(scans) == N - 1
    assert left_out == [{"scan": "sub-4_T1w", "reason": "sub-4_T1w: age='n/a' is no number"}]
    assert {scan.name: scan.covariates for scan in scans}["sub-1_T1w"] == {"age": 47.0}


def test_a_subject_is_not_taken_for_another_whose_number_begins_alike(data):
    scans, _ = study_scans(data / "original", {}, participants=data / "participants.csv")
    groups = {scan.name: scan.group for scan in scans}
    assert groups["sub-1_T1w"] == "well"
    assert groups["sub-10_T1w"] == "ill"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"group": "diagnosis"}, "has no column 'diagnosis'; there are participant_id, age, group"),
        ({"participants": "nowhere.csv"}, "participants='nowhere.csv' does not exist"),
        ({"covariates": ["iq"]}, "has no column 'iq'"),
    ],
)
def test_a_wrong_table_is_named(data, tmp_path, changes, said):
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        study(data, tmp_path, **changes).run()
    assert not (tmp_path / "study.json").exists()


@pytest.mark.parametrize("names", [("a b", "a/b"), ("original", "b"), ("?", "b")])
def test_codecs_need_names_that_files_can_have(data, names):
    with pytest.raises(ValueError, match="must name codecs differently"):
        study_scans(data / "original", dict.fromkeys(names, data / "exact"))


def test_a_wrong_tissue_or_folder_is_named(data, tmp_path):
    with pytest.raises(RuntimeError, match="tissue='bone' must be one of csf, gm, wm"):
        study(data, tmp_path, tissue="bone").run()
    with pytest.raises(FileNotFoundError, match="is no folder: give one with tissues"):
        MorphometryStudy(tmp_path / "none", {"a": data / "exact"}, output_dir=tmp_path).run()
    with pytest.raises(ValueError, match="names no codec"):
        MorphometryStudy(data / "original", {}, output_dir=tmp_path)
