from pathlib import Path

import pytest
import torch
from torch import nn

from mrrecon.handlers import load_weights, read_state, save_state
from mrrecon.handlers import weights as module


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.pt"
    save_state({"a": torch.ones(3)}, path)

    def full(_state: object, file: Path) -> None:
        Path(file).write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(module.torch, "save", full)
    with pytest.raises(OSError, match="no space"):
        save_state({"a": torch.zeros(3)}, path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.pt"]
    assert torch.equal(read_state(path)["a"], torch.ones(3))


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"network": state, "iteration": 3}])
def test_weights_come_from_a_plain_file_and_from_a_checkpoint(tmp_path: Path, wrap) -> None:
    given, network = nn.Linear(2, 3), nn.Linear(2, 3)
    save_state(wrap(given.state_dict()), tmp_path / "file.pt")
    load_weights(network, tmp_path / "file.pt")
    assert torch.equal(network.weight, given.weight)


def test_foreign_weights_are_refused_in_one_sentence_and_change_nothing(tmp_path: Path) -> None:
    network = nn.Linear(2, 3)
    before = network.weight.clone()
    save_state(nn.Sequential(nn.Linear(2, 3)).state_dict(), tmp_path / "file.pt")
    with pytest.raises(ValueError, match="2 missing, 2 foreign, 0 of another shape, for example weight"):
        load_weights(network, tmp_path / "file.pt")
    assert torch.equal(network.weight, before)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    save_state(nn.Linear(3, 3).state_dict(), tmp_path / "file.pt")
    with pytest.raises(ValueError, match="0 missing, 0 foreign, 1 of another shape, for example weight"):
        load_weights(nn.Linear(2, 3), tmp_path / "file.pt")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half a zip"])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.pt").write_bytes(content)
    with pytest.raises(ValueError, match="is no checkpoint"):
        read_state(tmp_path / "file.pt")


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    torch.save({"a": Path("x")}, tmp_path / "file.pt")
    with pytest.raises(ValueError, match="is no checkpoint"):
        read_state(tmp_path / "file.pt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.pt"):
        read_state(tmp_path / "none.pt")
