"""What the tests of the bundles share."""

import sys
from pathlib import Path

import pytest
from bundles.inference import small_weights


@pytest.fixture(scope="module")
def ckpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small network."""
    return small_weights(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def _hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # the configs set their own
