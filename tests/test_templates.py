"""Templates in nilearn's wheel."""

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import nibabel as nib
import pytest

from mrrecon import templates
from mrrecon.templates import template_path


@pytest.mark.parametrize("name", ["t1", "gm", "wm"])
def test_template_is_a_volume_of_one_millimetre(name: str) -> None:
    image = nib.load(template_path(name))
    assert image.shape == (197, 233, 189)
    assert image.header.get_zooms() == (1, 1, 1)


def test_nilearn_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "nilearn", raising=False)
    template_path()
    assert "nilearn" not in sys.modules


def test_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="name='t2' must be one of t1, gm, wm"):
        template_path("t2")


def test_missing_nilearn_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match="pip install nilearn"):
        template_path()


def test_file_moved_within_nilearn_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = ModuleSpec("nilearn", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(templates, "find_spec", lambda _: spec)
    with pytest.raises(FileNotFoundError, match=r"nilearn is installed but .* is not there"):
        template_path()
