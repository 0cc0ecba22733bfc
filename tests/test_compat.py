import re
from importlib import metadata

import pytest
from monai.bundle import ConfigParser

from mrrecon.compat import require


def test_an_empty_wish_is_granted():
    require({})


def test_installed_versions_are_new_enough_for_themselves():
    require({name: metadata.version(name) for name in ("monai", "nibabel", "pytorch-ignite")})


def test_a_local_build_counts_as_its_release(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda _: "2.13.0+cpu")
    require({"torch": "2.13.0"})


def test_versions_are_compared_as_numbers_not_as_text(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda _: "1.10.0")
    require({"monai": "1.9.2"})


def test_a_release_candidate_is_older_than_its_release(monkeypatch):
    monkeypatch.setattr(metadata, "version", lambda _: "1.6.1rc1")
    with pytest.raises(RuntimeError, match=r"found 1\.6\.1rc1"):
        require({"monai": "1.6.1"})


def test_one_sentence_names_all_that_is_old_or_missing(monkeypatch):
    monkeypatch.setattr(metadata, "version", {"monai": "1.4.0", "torch": "2.13.0"}.__getitem__)
    sentence = "this bundle needs monai >= 1.6.1 (found 1.4.0): run pip install --upgrade 'monai>=1.6.1'"
    with pytest.raises(RuntimeError, match=re.escape(sentence)):
        require({"monai": "1.6.1", "torch": "2.6"})


def test_a_missing_package_is_called_not_installed():
    with pytest.raises(RuntimeError, match=r"needs no-such-package >= 1.0 \(not installed\)"):
        require({"no-such-package": "1.0"})


def test_a_wish_that_is_no_version_is_refused():
    with pytest.raises(ValueError, match="versions\\['monai'\\]='newest' is no version"):
        require({"monai": "newest"})


def config(wanted: str) -> ConfigParser:
    parser = ConfigParser(
        {
            "imports": ["$from mrrecon.compat import require"],
            "initialize": ["$require(@_meta_::required_packages_version)"],
        }
    )
    parser.read_meta({"required_packages_version": {"mrrecon": wanted}})
    parser.parse()
    return parser


def test_a_config_reaches_its_own_metadata():
    assert config("0.1.0").get_parsed_content("initialize") == [None]


def test_a_config_made_for_a_newer_package_is_refused():
    # MONAI wraps what an expression raises.
    with pytest.raises(RuntimeError) as caught:
        config("99.0").get_parsed_content("initialize")
    assert "mrrecon >= 99.0 (found" in str(caught.value.__cause__)
