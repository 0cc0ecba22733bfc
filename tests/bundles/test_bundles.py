"""Every check of the model zoo, for every bundle, with no exclusion."""

import ast
import inspect
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from pydoc import locate
from typing import Any

import jsonschema
import pack
import pytest
import torch
from monai.bundle import ConfigParser, ckpt_export, load, verify_net_in_out
from monai.bundle.config_item import ComponentLocator, ConfigComponent
from monai.bundle.properties import InferProperties, TrainProperties

ROOT = Path(__file__).parents[2]
BUNDLES = [path.parent.parent for path in sorted(ROOT.glob("bundles/[!_]*/configs/metadata.json"))]
CONFIGS = [
    file for bundle in BUNDLES for file in sorted(bundle.glob("configs/*.json")) if file.stem != "metadata"
]
MAIN = [file for file in CONFIGS if file.stem in ("inference", "train")]

TENSOR = {
    "type": "object",
    "required": ["type", "format", "num_channels", "spatial_shape", "dtype", "value_range"],
    "properties": {
        "type": {"type": "string"},
        "format": {"type": "string"},
        "num_channels": {"type": "integer"},
        "spatial_shape": {"type": "array", "items": {"type": ["string", "integer"]}},
        "dtype": {"type": "string"},
        "value_range": {"type": "array", "items": {"type": "number"}},
        "is_patch_data": {"type": "boolean"},
        "channel_def": {"type": "object"},
    },
}
TEXTS = (
    "schema",
    "name",
    "version",
    "monai_version",
    "pytorch_version",
    "numpy_version",
    "task",
    "description",
)
MORE_TEXTS = ("authors", "copyright", "data_source", "data_type", "intended_use")
OBJECTS = ("required_packages_version", "network_data_format", "changelog", "eval_metrics")
METADATA = {
    "type": "object",
    "required": [*TEXTS, *MORE_TEXTS, *OBJECTS, "references"],
    "properties": {
        **{name: {"type": "string", "minLength": 1} for name in (*TEXTS, *MORE_TEXTS)},
        "schema": {"pattern": r"^https://.*/meta_schema_\d{8}\.json$"},
        "changelog": {"type": "object", "additionalProperties": {"type": "string"}},
        "required_packages_version": {"type": "object", "additionalProperties": {"type": "string"}},
        "references": {"type": "array", "items": {"type": "string"}},
        "eval_metrics": {"type": "object"},
        "network_data_format": {
            "type": "object",
            "required": ["inputs", "outputs"],
            "properties": {
                "inputs": {"type": "object", "required": ["image"], "additionalProperties": TENSOR},
                "outputs": {"type": "object", "required": ["pred"], "additionalProperties": TENSOR},
            },
        },
    },
}


SOLVERS_AGREE = 3e-3
"""Part of the brightest voxel by which a solver and its scripted twin may differ."""

WITHOUT_US = """
import sys
sys.modules["mrrecon"] = None
import torch
# A prior that is fitted to the image magnifies what other threads round otherwise.
torch.set_num_threads({threads})
x, expected = torch.load("expected.pt", weights_only=True)
with torch.no_grad():
    found = torch.jit.load("model.ts").eval()(x)
torch.testing.assert_close(found, expected, rtol=1e-4, atol={tolerance})
"""
"""A process that cannot import the package runs the exported network."""


def named(path: Path) -> str:
    return path.relative_to(ROOT / "bundles").as_posix()


bundles = pytest.mark.parametrize("bundle", BUNDLES, ids=named)
weights = pytest.mark.parametrize(
    "bundle",
    [
        pytest.param(
            bundle,
            marks=pytest.mark.skipif(
                not (bundle / "models" / "model.pt").is_file(), reason="it has no weights yet"
            ),
        )
        for bundle in BUNDLES
    ],
    ids=named,
)
configs = pytest.mark.parametrize("file", CONFIGS, ids=named)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "path", list(sys.path))


def items(content: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every entry of a config, by its id."""
    yield place, content
    pairs = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for key, value in pairs:
        yield from items(value, f"{place}::{key}".strip(":"))


def expressions(file: Path) -> Iterator[tuple[str, str]]:
    for place, value in items(json.loads(file.read_text(encoding="utf-8"))):
        if isinstance(value, str) and value.startswith("$"):
            yield place, value[1:]


@weights
def test_files_are_there_and_none_is_too_large_for_the_zoo(bundle):
    assert pack.faults(bundle) == []


@bundles
def test_metadata_has_what_schema_and_zoo_ask_for(bundle):
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text(encoding="utf-8"))
    jsonschema.validate(metadata, METADATA)
    assert metadata["version"] in metadata["changelog"]


@pytest.mark.parametrize("file", MAIN, ids=named)
def test_the_ids_that_applications_ask_for_are_there(file):
    parser = ConfigParser(json.loads(file.read_text(encoding="utf-8")))
    properties = InferProperties if file.stem == "inference" else TrainProperties
    wanted = {item["id"] for item in properties.values() if item["required"]}
    wanted |= {"initialize", "run", "network_def", "device"}
    if file.stem == "inference":
        wanted |= {
            "preprocessing",
            "postprocessing",
            "inferer",
            "dataset_dir",
            "datalist",
            "output_dir",
            "ckpt",
        }
    assert {name for name in wanted if name not in parser} == set()


@configs
def test_every_target_is_found_and_takes_its_arguments(file):
    content = json.loads(file.read_text(encoding="utf-8"))
    for place, value in items(content):
        if not isinstance(value, dict) or "_target_" not in value:
            continue
        target = target_of(value)
        arguments = {name: None for name in value if not (name.startswith("_") and name.endswith("_"))}
        try:
            inspect.signature(target).bind(**arguments)
        except TypeError as error:
            pytest.fail(f"{place}: {value['_target_']}: {error}")


def target_of(component: dict[str, Any]) -> Any:
    """What a component is made by: MONAI's own things go by their bare name."""
    name = ConfigComponent(
        component, locator=ComponentLocator(excludes=["tests", "networks.trt"])
    ).resolve_module_name()
    found = locate(name) if isinstance(name, str) else name
    assert callable(found), f"{component['_target_']} is not there"
    return found


@configs
def test_an_expression_makes_at_most_one_call_and_decides_nothing(file):
    # One call, attributes, +, not, a choice by the presence of a GPU: more belongs into the package.
    for place, text in expressions(file):
        if "imports" in place:
            continue
        tree = ast.parse(re.sub(r"@[\w:#]+", "reference", text), mode="eval")
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        outer = [call for call in calls if ast.unparse(call.func) != "torch.cuda.is_available"]
        assert len(outer) <= 1, f"{place}: {text}"
        loops = (ast.Lambda, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp, ast.NamedExpr)
        assert not any(isinstance(node, loops) for node in ast.walk(tree)), f"{place}: {text}"


@configs
def test_a_config_names_no_place_of_one_machine(file):
    assert re.search(r'"\$?\'?(/|~|[A-Z]:)', file.read_text(encoding="utf-8")) is None


@bundles
def test_the_network_takes_and_gives_what_the_metadata_says(bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for stem in ("inference", "train"):
        if (bundle / "configs" / f"{stem}.json").is_file():
            verify_net_in_out(
                net_id="network_def",
                meta_file=str(bundle / "configs" / "metadata.json"),
                config_file=str(bundle / "configs" / f"{stem}.json"),
                device="cpu",
                n=1,
                p=1,
                any=64,
            )


def example(bundle: Path) -> tuple[torch.nn.Module, torch.Tensor, dict[str, Any], float]:
    """Network, an input, what the config is to say for it, and how far its export may be off."""
    options = {"bundle_dir": bundle.parent, "workflow_type": "inference", "device": "cpu"}
    network = load(bundle.name, **options).eval()
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text(encoding="utf-8"))
    tensor = metadata["network_data_format"]["inputs"]["image"]
    n_axes = len(tensor["spatial_shape"])
    shape = [
        side if isinstance(side, int) else free
        for side, free in zip(tensor["spatial_shape"], (40, 70, 64), strict=False)
    ]
    if any(True for _ in network.parameters()):
        return network, torch.rand(1, tensor["num_channels"], *shape), {}, 1e-4
    # Without weights there is a solver, which stops near what its twin approaches: bring both nearer.
    closer: dict[str, Any] = {"weight": 0.01, "tolerance": 1e-6, "max_iterations": 1000}
    if bundle.name == "deep_image_prior":
        # A fit, not a minimum: the same steps, but only two, since Adam magnifies rounding more with each.
        closer = {"width": 4, "iterations": 2, "held_out": 0}
    network = load(bundle.name, **options, net_override=closer)
    coarse = torch.rand(1, tensor["num_channels"], *(6, 6, 6)[:n_axes])
    mode = "bilinear" if n_axes == 2 else "trilinear"
    x = torch.nn.functional.interpolate(coarse, size=(24, 30, 20)[:n_axes], mode=mode)
    return network, x, {f"network_def::{name}": value for name, value in closer.items()}, SOLVERS_AGREE


@weights
def test_the_exported_network_computes_the_same(bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network, x, overrides, tolerance = example(bundle)
    ckpt_export(
        net_id="network_def",
        filepath="model.ts",
        ckpt_file=str(bundle / "models" / "model.pt"),
        meta_file=str(bundle / "configs" / "metadata.json"),
        config_file=str(bundle / "configs" / "inference.json"),
        key_in_ckpt="",
        use_trace=False,
        **overrides,
    )
    with torch.no_grad():
        expected = network(x)
    torch.save((x, expected), "expected.pt")
    tolerance *= max(float(expected.abs().max()), 1e-3)
    code = WITHOUT_US.format(tolerance=tolerance, threads=torch.get_num_threads())
    command = [sys.executable, "-W", "ignore", "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


@weights
def test_a_zip_of_the_bundle_unzips_and_loads_with_its_weights_elsewhere(bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(pack.write_zip(bundle, tmp_path / "dist")) as archive:
        archive.extractall(tmp_path / "elsewhere")
    network = load(bundle.name, bundle_dir=tmp_path / "elsewhere", workflow_type="inference", device="cpu")
    shipped = torch.load(bundle / "models" / "model.pt", map_location="cpu", weights_only=True)
    state = network.state_dict()
    assert state.keys() == shipped.keys()
    assert all(torch.equal(state[name], shipped[name].to(state[name].dtype)) for name in state)


@bundles
def test_the_versions_in_the_metadata_are_the_tested_ones(bundle):
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text(encoding="utf-8"))
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tested = {line.partition(";")[0].strip() for line in lines}
    for name, package in (("monai", "monai"), ("pytorch", "torch"), ("numpy", "numpy")):
        assert f"{package}=={metadata[f'{name}_version']}" in tested
