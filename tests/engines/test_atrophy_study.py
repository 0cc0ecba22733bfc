"""Losses of tissue that were put in by hand, and what a study of them says."""

import csv
import itertools
import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from scipy import stats

from mrrecon.engines import AtrophyStudy
from mrrecon.engines.atrophy_findings import loss_map
from mrrecon.engines.atrophy_maps import AtrophySpace, SourceMaps, ball, open_space, read_source

N = 6
SHAPE = (14, 13, 12)
AFFINE = np.array([[2.0, 0, 0, -14], [0, 2, 0, -13], [0, 0, 2, -12], [0, 0, 0, 1]])
CENTRE, RADIUS = (-4.0, 1.0, 0.0), 4.0
LOST = {10: 0.1, 30: 0.3}


def distance() -> np.ndarray:
    indices = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    return np.linalg.norm(indices @ AFFINE[:3, :3].T + AFFINE[:3, 3] - CENTRE, axis=-1)


def tissues(subject: int, lost: float, noise: float, seed: int) -> np.ndarray:
    """Half of each voxel grey, with the subject's own size; the ball loses a part; the scan has noise."""
    grey = np.full(SHAPE, 0.5 + 0.02 * subject) * np.where(distance() <= RADIUS, 1 - lost, 1.0)
    grey += noise * np.random.default_rng([seed, subject]).standard_normal(SHAPE)
    maps = np.stack([np.full(SHAPE, 0.1), grey, np.full(SHAPE, 0.2)], -1)
    return maps.astype(np.float32)


def put(
    folder: Path, *, noise: float, shown: float = 1.0, end: str = "", affine: np.ndarray = AFFINE
) -> None:
    """Scans of all percentages; of the loss, a codec shows a part."""
    for number, (percent, lost) in enumerate([(0, 0.0), *LOST.items()]):
        place = folder.parent / str(percent) / folder.name
        place.mkdir(parents=True, exist_ok=True)
        for subject in range(N):
            maps = tissues(subject, shown * lost, noise, seed=10 * number + len(folder.name))
            nib.save(nib.Nifti1Image(maps, affine), place / f"sub-{subject}_T1w{end}_template.nii.gz")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Originals with little noise, a codec that shows half of the loss, and one that shows noise alone."""
    folder = tmp_path_factory.mktemp("tissues")
    put(folder / "original", noise=0.01)
    put(folder / "half", noise=0.01, shown=0.5, end="_recon")
    put(folder / "noise", noise=0.05, shown=0.0, end="_recon")
    return folder


def study(tissues: Path, output_dir: Path, **changes) -> AtrophyStudy:
    options = {"centres": [CENTRE], "radius": RADIUS, "fwhm": 0.0, "n_permutations": 200, "quiet": True}
    return AtrophyStudy(tissues, output_dir, **{**options, **changes})


@pytest.fixture(scope="module")
def found(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    folder = tmp_path_factory.mktemp("out")
    return study(data, folder).run(), folder


def rows_of(result: dict, **wanted) -> list[dict]:
    return [row for row in result["rows"] if all(row[key] == value for key, value in wanted.items())]


def only(result: dict, **wanted) -> dict:
    (row,) = rows_of(result, **wanted)
    return row


def test_the_paired_t_is_that_of_scipy(data, found):
    t = nib.load(found[1] / "t_paired_10_half.nii.gz").get_fdata()
    before, after = (
        np.stack([nib.load(path).get_fdata()[..., 1] for path in sorted((data / p / "half").iterdir())])
        for p in ("0", "10")
    )
    np.testing.assert_allclose(t, stats.ttest_rel(before, after).statistic, rtol=1e-3, atol=1e-3)
    row = only(found[0], source="half", percent=10, design="paired")
    assert row["t_peak"] == pytest.approx(t[distance() <= 2 * RADIUS].max(), rel=1e-5)
    assert row["degrees_of_freedom"] == N - 1


def test_the_two_groups_are_every_second_subject(data, found):
    t = nib.load(found[1] / "t_two_groups_30_original.nii.gz").get_fdata()
    scan = [
        nib.load(
            data / ("30" if s % 2 == 0 else "0") / "original" / f"sub-{s}_T1w_template.nii.gz"
        ).get_fdata()
        for s in range(N)
    ]
    grey = np.stack(scan)[..., 1]
    # Six subjects leave no room for intracranial volume in the model.
    np.testing.assert_allclose(t, stats.ttest_ind(grey[1::2], grey[::2]).statistic, rtol=1e-3, atol=1e-3)


def test_corrected_probabilities_count_the_turned_signs(data, found):
    files = [sorted((data / p / "noise").iterdir()) for p in ("0", "30")]
    lost = np.subtract(*(np.stack([nib.load(f).get_fdata()[..., 1] for f in one]) for one in files))
    signs = np.array(list(itertools.product([1, -1], repeat=N)))[..., None, None, None]
    for where, key in ((distance() > -1, "p_brain"), (distance() <= 2 * RADIUS, "p_region")):
        greatest = [stats.ttest_1samp(sign * lost, 0).statistic[where].max() for sign in signs]
        peak = stats.ttest_1samp(lost, 0).statistic[distance() <= 2 * RADIUS].max()
        expected = np.mean(np.array(greatest) >= peak * (1 - 1e-5))
        assert only(found[0], source="noise", percent=30, design="paired")[key] == pytest.approx(expected)


def test_the_power_of_two_groups_is_that_of_all_their_choices(data, found):
    near = distance() <= 2 * RADIUS
    before, after = (
        np.stack([nib.load(f).get_fdata()[near, 1] for f in sorted((data / p / "half").iterdir())])
        for p in ("0", "30")
    )
    choices = [np.isin(np.arange(N), ill) for ill in itertools.combinations(range(N), 3)]
    n_found = 0
    for ill in choices:
        maps = np.where(ill[:, None], after, before)
        greatest = [stats.ttest_ind(maps[~other], maps[other]).statistic.max() for other in choices]
        # 1 of 20 may reach it: the true choice itself.
        n_found += stats.ttest_ind(maps[~ill], maps[ill]).statistic.max() >= max(greatest) * (1 - 1e-5)
    assert only(found[0], source="half", percent=30, design="two groups")["found_share"] == n_found / 20
    assert "found_share" not in only(found[0], source="half", percent=30, design="paired")


def test_the_volume_that_is_lost_is_that_of_the_ball(found):
    inside = int((distance() <= RADIUS).sum())
    for percent, part in LOST.items():
        row = only(found[0], source="original", percent=percent, design="paired")
        # 8 mm³ a voxel; a subject's grey matter is 0.5 + 0.02 s, on the average 0.55.
        assert row["before_ml"] == pytest.approx(0.008 * inside * 0.55, rel=0.02)
        assert row["loss_ml"] == pytest.approx(part * 0.008 * inside * 0.55, rel=0.1)
        assert row["true_loss_ml"] == pytest.approx(percent / 100 * row["before_ml"])
        assert "loss_share" not in row
    assert only(found[0], source="half", percent=30, design="paired")["loss_share"] == pytest.approx(
        0.5, abs=0.05
    )
    assert abs(only(found[0], source="noise", percent=30, design="paired")["loss_share"]) < 0.3


def test_clusters_are_compared_with_the_ball_and_with_the_originals(found):
    t = {
        codec: nib.load(found[1] / f"t_paired_30_{codec}.nii.gz").get_fdata()
        for codec in ("original", "half")
    }
    limit = stats.t.isf(0.0005, N - 1)
    above = {codec: values > limit for codec, values in t.items()}
    ball_ = distance() <= RADIUS
    row = only(found[0], source="half", percent=30, design="paired")
    assert row["dice_truth"] == pytest.approx(
        2 * (above["half"] & ball_).sum() / (above["half"].sum() + ball_.sum())
    )
    both = 2 * (above["half"] & above["original"]).sum()
    assert row["overlap"] == pytest.approx(both / (above["half"].sum() + above["original"].sum()))
    near = distance() <= 2 * RADIUS
    for key, where in (("correlation", near | True), ("correlation_region", near)):
        assert row[key] == pytest.approx(np.corrcoef(t["half"][where], t["original"][where])[0, 1], abs=1e-4)


def test_the_smallest_loss_is_found_where_it_is_shown(found):
    result, folder = found
    least = {(row["source"], row["design"], row["where"]): row["percent"] for row in result["smallest"]}
    assert least["original", "paired", "brain"] == 10
    assert least["half", "paired", "region"] == 10
    assert least["noise", "paired", "brain"] is None
    assert only(result, source="original", percent=30, design="paired")["elsewhere_ml"] < 0.2
    assert (
        len(list(csv.DictReader((folder / "atrophy.csv").read_text().splitlines())))
        == len(result["rows"])
        == 3 * 2 * 2
    )
    assert "| noise | none | none | none | none |" in (folder / "atrophy.md").read_text()
    assert json.loads((folder / "atrophy.json").read_text())["subjects"] == N


def test_false_alarms_far_away_are_counted_and_are_no_find(data, tmp_path):
    shutil.copytree(data, tmp_path / "tissues")
    far = distance() > 2 * RADIUS + 4
    for path in (tmp_path / "tissues" / "30" / "noise").iterdir():
        maps = nib.load(path).get_fdata()
        maps[far, 1] -= 0.2
        nib.save(nib.Nifti1Image(maps.astype(np.float32), AFFINE), path)
    result = study(tmp_path / "tissues", tmp_path / "out", fwhm=4.0).run()
    row = only(result, source="noise", percent=30, design="paired")
    assert row["elsewhere_ml"] == pytest.approx(0.008 * far.sum(), rel=0.1)
    assert not row["found"]
    assert row["p_brain"] > 0.05


def test_a_codec_that_lacks_a_scan_or_has_another_grid_stops_no_other(data, tmp_path):
    shutil.copytree(data, tmp_path / "tissues")
    (tmp_path / "tissues" / "10" / "half" / "sub-3_T1w_recon_template.nii.gz").unlink()
    other = tmp_path / "tissues" / "0" / "noise" / "sub-1_T1w_recon_template.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4, 3), np.float32), AFFINE), other)
    (tmp_path / "tissues" / "notes").mkdir()
    with pytest.raises(RuntimeError) as error:
        study(tmp_path / "tissues", tmp_path / "out").run()
    assert "10/half lacks 1 of 6 scans: sub-3_T1w" in str(error.value)
    assert "sub-1_T1w_recon_template.nii.gz has the grid (4, 4, 4)" in str(error.value)
    assert "notes: no percentage" in str(error.value)
    result = json.loads((tmp_path / "out" / "atrophy.json").read_text())
    assert {(row["source"], row["percent"]) for row in result["rows"]} == {
        ("original", 10), ("original", 30), ("half", 30),
    }  # fmt: skip


def test_what_cannot_be_a_study_is_refused_in_one_sentence(data, tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder"):
        study(tmp_path / "none", tmp_path).run()
    with pytest.raises(FileNotFoundError, match="must hold 0/<codec>/"):
        study(tmp_path, tmp_path).run()
    shutil.copytree(data / "0", tmp_path / "t" / "0")
    with pytest.raises(FileNotFoundError, match="holds no atrophy"):
        study(tmp_path / "t", tmp_path).run()
    with pytest.raises(ValueError, match="hold no gm of the scans"):
        study(data, tmp_path, centres=[(200.0, 0, 0)]).run()
    with pytest.raises(ValueError, match="tissue='bone' must be one of"):
        study(data, tmp_path, tissue="bone").run()
    with pytest.raises(ValueError, match="n_permutations=10 can find nothing"):
        study(data, tmp_path, n_permutations=10).run()
    with pytest.raises(ValueError, match=r"alpha=5\.0 must lie between"):
        study(data, tmp_path, alpha=5.0)


def test_too_few_subjects_are_told_apart_by_design():
    space = AtrophySpace(np.eye(4), *(torch.ones(1, 1, 2, dtype=torch.bool) for _ in range(4)), "gm", 0.0)

    def maps(n: int) -> SourceMaps:
        return SourceMaps(torch.rand(n, 2), torch.zeros(n), torch.zeros(n))

    # 2^5 signs reach 1 / 32 and 6 of 3 + 3 subjects 1 / 20; one subject fewer does not reach 0.05.
    for design, least in (("paired", 5), ("two groups", 6)):
        assert loss_map(design, maps(least), maps(least), space=space).row["subjects"] == least
        with pytest.raises(ValueError, match=f"at least {least} are needed"):
            loss_map(design, maps(least - 1), maps(least - 1), space=space)


def test_intracranial_volume_is_in_the_model_where_there_is_room():
    space = AtrophySpace(np.eye(4), *(torch.ones(1, 1, 2, dtype=torch.bool) for _ in range(4)), "gm", 0.0)
    draw = torch.Generator().manual_seed(0)
    volumes = torch.rand(8, generator=draw).double()
    before = SourceMaps(10 * volumes[:, None].float() + torch.rand(8, 2, generator=draw), volumes, volumes)
    found = loss_map("two groups", before, before, space=space)
    columns = np.stack([np.arange(8) % 2 == 1, np.arange(8) % 2 == 0, volumes - volumes.mean()], 1).astype(
        float
    )
    y = before.smoothed.double().numpy()
    fit, squares, _, _ = np.linalg.lstsq(columns, y, rcond=None)
    weights = np.array([1.0, -1.0, 0.0])
    spread = np.sqrt(squares / 5 * (weights @ np.linalg.inv(columns.T @ columns) @ weights))
    np.testing.assert_allclose(found.map.t.flatten(), weights @ fit / spread, rtol=1e-3)


def test_a_ball_and_its_reach_are_in_mm_of_the_template(data):
    space = open_space(
        {path.name: path for path in (data / "0" / "original").iterdir()},
        centres=[CENTRE, (8.0, 1.0, 0.0)], radius=RADIUS, fwhm=0.0,
    )  # fmt: skip
    assert np.array_equal(ball(SHAPE, AFFINE, centres=[CENTRE], radius=RADIUS).numpy(), distance() <= RADIUS)
    second = ball(SHAPE, AFFINE, centres=[(8.0, 1.0, 0.0)], radius=RADIUS)
    assert torch.equal(space.core, second | torch.from_numpy(distance() <= RADIUS))
    assert space.voxel_ml == pytest.approx(0.008)
    path = next((data / "0" / "half").iterdir())
    whole = nib.load(path).get_fdata().sum()
    assert read_source([path], space).intracranial_ml.item() == pytest.approx(0.008 * whole)
