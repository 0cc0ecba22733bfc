from pathlib import Path

import pytest
import torch
from ignite.engine import Engine
from torch import nn

from mrrecon.handlers import BestModel, save_state


def validate(best: BestModel, *scores: float) -> None:
    """Runs of an evaluator with these scores, the weights of each run being its score."""
    engine = Engine(lambda _engine, _batch: None)
    for score in scores:
        nn.init.constant_(best.network.weight, score)
        engine.state.metrics = {"psnr": score}
        best(engine)


def made(folder: Path) -> BestModel:
    return BestModel(folder / "model.pt", nn.Linear(1, 1), metric="psnr")


def kept(folder: Path) -> float:
    return torch.load(folder / "model.pt", weights_only=True)["weight"].item()


def test_the_best_weights_are_kept(tmp_path: Path) -> None:
    validate(made(tmp_path), 20.0, 25.0, 22.0)
    assert kept(tmp_path) == 25


def test_no_number_is_no_improvement(tmp_path: Path) -> None:
    validate(made(tmp_path), 20.0, float("nan"))
    assert kept(tmp_path) == 20


def test_a_restart_from_scratch_does_not_replace_a_better_model(tmp_path: Path) -> None:
    validate(made(tmp_path), 25.0)
    validate(made(tmp_path), 22.0)
    assert kept(tmp_path) == 25


def test_a_restart_from_an_older_checkpoint_does_not_replace_a_better_model(tmp_path: Path) -> None:
    first = made(tmp_path)
    validate(first, 20.0)
    older = first.state_dict()
    validate(first, 25.0)
    second = made(tmp_path)
    second.load_state_dict(older)
    validate(second, 22.0)
    assert kept(tmp_path) == 25


def test_the_score_of_a_checkpoint_counts_where_the_file_is_gone(tmp_path: Path) -> None:
    best = made(tmp_path)
    best.load_state_dict({"best": 25.0})
    validate(best, 22.0)
    assert not (tmp_path / "model.pt").exists()


def test_the_file_loads_strictly(tmp_path: Path) -> None:
    validate(made(tmp_path), 25.0)
    nn.Linear(1, 1).load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True), strict=True)


def test_a_model_of_unknown_score_is_not_overwritten(tmp_path: Path) -> None:
    save_state(nn.Linear(1, 1).state_dict(), tmp_path / "model.pt")
    with pytest.raises(FileExistsError, match="another output_dir"):
        made(tmp_path)


def test_only_one_process_saves(tmp_path: Path) -> None:
    engine = Engine(lambda _engine, _batch: None)
    BestModel(tmp_path / "model.pt", nn.Linear(1, 1), metric="psnr", saves=False).attach(engine)
    engine.run([0])
    assert not (tmp_path / "model.pt").exists()
