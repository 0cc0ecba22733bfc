"""The package as a whole: light to import, floors kept, dependencies declared, public names unchanged."""

import ast
import importlib
import inspect
import json
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

import mrrecon

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "mrrecon"
SOURCES = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")
SNAPSHOT = ROOT / "tests" / "public_api.json"
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")

# Names under which a distribution is imported, where they differ.
IMPORTED_AS = {
    "itk-io": "itk",
    "pillow": "PIL",
    "pytorch-ignite": "ignite",
    "pywavelets": "pywt",
    "pyyaml": "yaml",
}
# MONAI imports these when a config asks for what needs them; of nilearn only a file is read.
USED_UNSEEN = {"fire", "ignite", "itk", "nibabel", "nilearn", "scipy", "tensorboard", "tqdm", "yaml"}


def imports(path: Path, *, at_once: bool = False) -> set[str]:
    """Libraries that a file imports, inside of its functions too unless only those at once are asked for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in tree.body if at_once else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def declared(extra: str | None = None) -> set[str]:
    found = set()
    for line in metadata.requires("mrrecon") or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or (extra and marker.evaluate({"extra": extra})):
            found.add(requirement.name)
    return found


def public_names(module: ModuleType) -> dict[str, str]:
    described = {}
    for name in sorted(module.__all__):
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isroutine(thing):
            is_error = inspect.isclass(thing) and issubclass(thing, BaseException)
            described[name] = "(*args)" if is_error else without_annotations(inspect.signature(thing))
    return described


def without_annotations(signature: inspect.Signature) -> str:
    empty = inspect.Parameter.empty
    parameters = [parameter.replace(annotation=empty) for parameter in signature.parameters.values()]
    text = str(signature.replace(parameters=parameters, return_annotation=empty))
    return re.sub(r" at 0x[0-9a-f]+", "", text)  # a default that is a function shows its address


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys; before = set(sys.modules); import mrrecon; print(*(set(sys.modules) - before))"
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.split() == ["mrrecon"]


def test_the_installed_version_is_the_one_in_the_source():
    assert metadata.version("mrrecon") == mrrecon.__version__


def test_the_changelog_and_the_citation_know_the_version():
    assert f"## [{mrrecon.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\nversion: {mrrecon.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_the_floors_are_kept():
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_mathematics_is_under_the_contract_that_keeps_frameworks_out():
    contract = re.search(r"^source_modules = \[.*?\]", PYPROJECT, re.MULTILINE | re.DOTALL)
    assert contract is not None
    mathematics = {"operators", "solvers", "metrics", "codec"} & set(ROOMS)
    assert {room for room in mathematics if f'"mrrecon.{room}"' not in contract.group()} == set()


@pytest.mark.parametrize("room", [room for room in [*MODULES, *ROOMS] if room not in ("networks", "tensors")])
def test_shapes_are_checked_at_run_time(room):
    switch = re.search(r'"--jaxtyping-packages=([^"]*)"', PYPROJECT)
    assert switch is not None
    assert f"mrrecon.{room}" in switch.group(1).split(",")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_re_exports_what_it_names_and_does_nothing_else(room):
    module = importlib.import_module(f"mrrecon.{room}")
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))
    assert all(isinstance(node, ast.Expr | ast.ImportFrom | ast.Assign) for node in tree.body)
    assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_file_is_one_idea_long_and_says_what_it_is(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 300


def test_every_library_that_is_imported_is_declared():
    imported = set().union(*(imports(path) for path in SOURCES)) - set(sys.stdlib_module_names) - {"mrrecon"}
    with_extras = declared() | declared("kspace") | declared("nonuniform")
    assert imported <= {IMPORTED_AS.get(name, name) for name in with_extras}


def test_what_an_extra_brings_is_imported_only_where_it_is_used():
    optional = (declared("kspace") | declared("nonuniform")) - declared()
    assert {path.name for path in SOURCES if imports(path, at_once=True) & optional} == set()


def test_every_library_that_is_declared_is_used():
    imported = set().union(*(imports(path) for path in SOURCES))
    assert {IMPORTED_AS.get(name, name) for name in declared()} <= imported | USED_UNSEEN


def test_every_library_that_is_declared_has_a_tested_version():
    tested = set(re.findall(r"^([\w.-]+)==", CONSTRAINTS, re.MULTILINE))
    assert declared() | declared("test") | declared("bench") | declared("export") <= tested | {"mrrecon"}


@pytest.mark.parametrize("name", sorted(declared()))
def test_every_dependency_has_a_reason(name):
    (record,) = (ROOT / "docs" / "decisions").glob("0001-*.md")
    assert f"`{name}`" in record.read_text(encoding="utf-8")


def test_the_package_knows_no_bundle():
    bundles = [path.parent.parent.name for path in ROOT.glob("bundles/[!_]*/configs/metadata.json")]
    methods = {path.stem for path in SOURCES}  # a method and its bundle may have one name
    text = {path: path.read_text(encoding="utf-8") for path in SOURCES}
    assert [
        (path, name)
        for path in SOURCES
        for name in bundles
        if re.search(rf"bundles/{name}\b" if name in methods else rf"\b{name}\b", text[path])
    ] == []


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "mrrecon", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    files = [
        path.relative_to(tmp_path).as_posix() for path in (tmp_path / "mrrecon").rglob("*") if path.is_file()
    ]
    code = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert sorted(name for name in names if ".dist-info/" not in name) == sorted(files)


def test_public_names_and_their_arguments_are_those_of_the_snapshot(request):
    names = {room: public_names(importlib.import_module(f"mrrecon.{room}")) for room in [*MODULES, *ROOMS]}
    if request.config.getoption("--update-public-api"):
        SNAPSHOT.write_text(json.dumps(names, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    remembered = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    # Bundles in use call these names. A deliberate change needs a line in CHANGELOG.md, a new
    # required_packages_version in the bundles that call it, and
    # python -m pytest tests/test_package.py --update-public-api
    assert names == remembered
