"""Zips bundles as the model zoo wants them, and verifies each zip where it was unpacked.

    python scripts/pack.py                      every bundle, into dist/
    python scripts/pack.py vqvae3d -o dist
    python scripts/pack.py --verify FOLDER      only look at an unpacked bundle

A zip holds ``<name>/`` at its top, and the same sources give the same bytes. Its SHA-256, size and path are
printed.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import sync_shared

BUNDLES = sync_shared.BUNDLES
DIST = BUNDLES.parent / "dist"
MAX_BYTES = 25 * 2**20
"""The model zoo takes no larger file."""

REQUIRED = (
    "LICENSE",
    "configs/metadata.json",
    "configs/inference.json",
    "docs/README.md",
    "docs/data_license.txt",
    "models/model.pt",
)
LEFT_OUT = ("__pycache__", ".ipynb_checkpoints", ".DS_Store")


def bundle_files(bundle: Path) -> list[Path]:
    """Files of a bundle that belong into its zip, sorted, relative to its folder.

    What a run leaves behind is left out: caches, hidden files, and the folders ``eval`` and ``output``.
    """
    files = (path.relative_to(bundle) for path in bundle.rglob("*") if path.is_file())
    return sorted(
        path
        for path in files
        if path.parts[0] not in ("eval", "output")
        and not any(part in LEFT_OUT or part.startswith(".") for part in path.parts)
    )


def faults(bundle: Path) -> list[str]:
    """What is wrong with a bundle as far as its files show it: one sentence for each fault."""
    found = [f"{name} is missing" for name in REQUIRED if not (bundle / name).is_file()]
    for path in bundle_files(bundle):
        size = (bundle / path).stat().st_size
        if size > MAX_BYTES:
            found.append(f"{path} has {size} bytes: a file may have at most {MAX_BYTES}")
        if path.suffix == ".json":
            try:
                json.loads((bundle / path).read_text(encoding="utf-8"))
            except ValueError as error:
                found.append(f"{path} is no JSON: {error}")
    return found or _metadata_faults(
        json.loads((bundle / "configs/metadata.json").read_text(encoding="utf-8"))
    )


def _metadata_faults(metadata: dict[str, object]) -> list[str]:
    version, changelog = metadata.get("version"), metadata.get("changelog")
    if not isinstance(version, str):
        return [f"metadata.json has version={version!r}: it must be a string such as '0.1.0'"]
    if not isinstance(changelog, dict) or version not in changelog:
        return [f"metadata.json has version {version}, and no entry for it in its changelog"]
    return []


def write_zip(bundle: Path, folder: Path) -> Path:
    """``<name>_v<version>.zip`` of a bundle: whole or not there, the same bytes for the same files."""
    version = json.loads((bundle / "configs/metadata.json").read_text(encoding="utf-8"))["version"]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{bundle.name}_v{version}.zip"
    temporary = target.with_name(target.name + ".tmp")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in bundle_files(bundle):
                # The oldest date a zip can hold, for all: the date of a checkout is no part of a bundle.
                entry = zipfile.ZipInfo(f"{bundle.name}/{path.as_posix()}", date_time=(1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, (bundle / path).read_bytes(), zipfile.ZIP_DEFLATED)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def verify(bundle: Path) -> None:
    """Builds the network of a bundle, loads its weights, and sends the shape that it promises through it.

    Raises:
        RuntimeError: the weights do not fill the network exactly.
        ValueError: the output is not what ``metadata.json`` says.
    """
    import torch
    from monai.bundle import load, verify_net_in_out

    network = load(bundle.name, bundle_dir=bundle.parent, workflow_type="inference", device="cpu")
    if not isinstance(network, torch.nn.Module):
        raise RuntimeError(f"{bundle.name} has no network_def in configs/inference.json")
    weights = torch.load(bundle / "models" / "model.pt", map_location="cpu", weights_only=True)
    # MONAI's load() passes over what does not fit.
    network.load_state_dict(weights, strict=True)
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(bundle / "configs" / "metadata.json"),
        config_file=str(bundle / "configs" / "inference.json"),
        device="cpu",
    )


def pack(bundle: Path, folder: Path) -> Path:
    """Zips a bundle, unpacks it in a temporary folder, and verifies it there, from there.

    Raises:
        ValueError: the bundle has faults, or what comes out of the zip is not what went in.
        subprocess.CalledProcessError: the unpacked bundle does not load.
    """
    found = faults(bundle)
    if found:
        raise ValueError("; ".join(found))
    target = write_zip(bundle, folder)
    with tempfile.TemporaryDirectory() as elsewhere:
        with zipfile.ZipFile(target) as archive:
            archive.extractall(elsewhere)
        unpacked = Path(elsewhere) / bundle.name
        for path in bundle_files(bundle):
            if (unpacked / path).read_bytes() != (bundle / path).read_bytes():
                raise ValueError(f"{path} changed on its way through {target.name}")
        subprocess.run([sys.executable, __file__, "--verify", str(unpacked)], cwd=elsewhere, check=True)
    return target


def main(arguments: list[str] | None = None, bundles: Path = BUNDLES) -> int:
    """Exit status: 0 if every bundle was packed and verified, 1 otherwise."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="bundles to pack; all of them if none is named")
    parser.add_argument("-o", "--output", type=Path, default=DIST, help="folder of the zips (default: dist)")
    parser.add_argument(
        "--verify", type=Path, metavar="FOLDER", help="verify an unpacked bundle and pack nothing"
    )
    chosen = parser.parse_args(arguments)
    if chosen.verify:
        verify(chosen.verify.resolve())
        return 0

    known = [path.parent.parent for path in sorted(bundles.glob("[!_]*/configs/metadata.json"))]
    unknown = set(chosen.names) - {bundle.name for bundle in known}
    if unknown:
        there = ", ".join(bundle.name for bundle in known) or "none"
        print(f"no such bundle: {', '.join(sorted(unknown))}; there are {there}")
        return 1
    status = 0
    for bundle in known:
        if chosen.names and bundle.name not in chosen.names:
            continue
        try:
            target = pack(bundle, chosen.output.resolve())
        except (ValueError, subprocess.CalledProcessError) as error:
            print(f"{bundle.name}: {error}")
            status = 1
        else:
            print(f"{hashlib.sha256(target.read_bytes()).hexdigest()}  {target.stat().st_size}  {target}")
    return status


if __name__ == "__main__":
    sys.exit(main())
