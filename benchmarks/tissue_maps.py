"""Claim: our tissue maps agree with known tissues at least as well as those of dipy and ANTs, in less time.

    python benchmarks/tissue_maps.py --labels_dir labels --mapping labels/label_mapping.csv --n_scans 3
    python benchmarks/tissue_maps.py --scans_dir ixi_2mm --ants_python other_venv/bin/python
    python benchmarks/tissue_maps.py --template

``--labels_dir``: brains without skull are synthesised from FreeSurfer label maps, with noise and bias field,
so that the tissue of every voxel is known. ``--scans_dir``: whole heads NAME.nii.gz, each beside the DLMUSE
labels NAME_DLMUSE.nii.gz, in which fluid in the folds is grey matter. ``--template``: the MNI template
against its own maps. The rivals, which need a brain mask, get the known one (of a whole head: that of the
labels); ours finds its own. ANTs wants an older numpy than we do: it may live in another environment
(``--ants_python``). For each scan the Dice of CSF, grey and white matter, and seconds; at the end means, and
times relative to ours.
"""

import argparse
import csv
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from measure import without_spinning

WHITE = {35, 40, 41, 61, 62, 69, *range(81, 96)}
FLUID = {4, 11, 46, 49, 50, 51, 52}
"""White matter and fluid among the labels of DLMUSE; all others are grey matter."""

ATROPOS = """
import sys, time
import ants
image, mask, out, *priors = sys.argv[1:]
scan, inside = ants.image_read(image), ants.image_read(mask)
start = time.perf_counter()
given = [ants.image_read(p) for p in priors] or 'kmeans[3]'
weight = 0.25 if priors else 0.0
found = ants.atropos(a=scan, x=inside, i=given, m='[0.2,1x1x1]', c='[5,0]', priorweight=weight)
print(time.perf_counter() - start)
ants.image_write(found['segmentation'], out)
"""


def main() -> None:
    """Measures and prints a table."""
    without_spinning()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labels_dir", default="", help="folder of FreeSurfer label maps")
    parser.add_argument("--mapping", default="", help="CSV with the columns value_here, source_value")
    parser.add_argument("--scans_dir", default="", help="folder of whole heads with DLMUSE labels")
    parser.add_argument("--template", action="store_true", help="the MNI template")
    parser.add_argument("--n_scans", type=int, default=3)
    parser.add_argument("--skip", type=int, default=0, help="first ones to leave out")
    parser.add_argument("--ants_python", default=sys.executable, help="interpreter that can import ants")
    options = parser.parse_args()

    sources: list[Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]] = []
    part = slice(options.skip, options.skip + options.n_scans)
    if options.labels_dir:
        sources.append(synthesised(Path(options.labels_dir), options.mapping, part))
    if options.scans_dir:
        sources.append(real(Path(options.scans_dir), part))
    if options.template:
        sources.append(average())
    for source in sources:
        compare(source, options.ants_python)


def compare(scans: Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]], ants_python: str) -> None:
    """Print Dice and seconds of every method on every scan."""
    rows: dict[str, list[list[float]]] = {}
    for name, image, affine, truth in scans:
        found = ours(image, affine)
        results = {"ours": found[:2]}
        brain = image * (truth > 0)
        results["dipy HMRF"] = attempt(lambda b=brain, t=truth: hmrf(b, t > 0))
        for label, priors in (("Atropos kmeans", None), ("Atropos priors", found[2])):
            results[label] = attempt(
                lambda b=brain, t=truth, a=affine, p=priors: atropos(b, t > 0, a, p, ants_python)
            )
        for method, result in results.items():
            if result is None:
                continue
            labels, seconds = result
            row = [*dices(labels, truth), seconds, seconds / results["ours"][1]]
            rows.setdefault(method, []).append(row)
            print(f"{name:28} {method:16}{line(row)}", flush=True)
    for method, table in rows.items():
        print(f"{'mean':28} {method:16}{line(np.mean(table, axis=0))}")


def line(row: np.ndarray | list[float]) -> str:
    """Dice of the tissues, seconds, and seconds relative to ours."""
    return "".join(f"{value:8.3f}" for value in row[:3]) + f"{row[3]:8.1f} s{row[4]:8.2f} x"


def dices(labels: np.ndarray, truth: np.ndarray) -> list[float]:
    """Dice of CSF, grey and white matter."""
    pairs = [(labels == k, truth == k) for k in (1, 2, 3)]
    return [float(2 * (a & b).sum() / max(1, a.sum() + b.sum())) for a, b in pairs]


def attempt(method: Callable[[], tuple[np.ndarray, float]]) -> tuple[np.ndarray, float] | None:
    """What the method gives, or None and a word if its package is not there or it fails."""
    try:
        return method()
    except (ImportError, RuntimeError, ValueError) as error:
        print(f"left out: {str(error).strip().splitlines()[-1]}")
        return None


def ours(image: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Labels, seconds, and the aligned template for the rival that wants priors."""
    from mrrecon.morphometry import load_template, segment_tissues

    template = load_template()
    start = time.perf_counter()
    maps = segment_tissues(image, affine)
    seconds = time.perf_counter() - start
    assert maps.alignment is not None
    priors = maps.alignment.to_scan(template.tissues, grid=template.grid)
    return maps.labels.numpy(), seconds, priors.numpy()


def hmrf(brain: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, float]:
    """Labels and seconds of dipy. Its classes come in order of brightness.

    It fails on an exactly constant background: a faint noise is added, as its users do.
    """
    from dipy.segment.tissue import TissueClassifierHMRF

    noise = np.random.default_rng(0).normal(size=brain.shape) * 1e-3 * brain.max()
    start = time.perf_counter()
    _, labels, _ = TissueClassifierHMRF().classify(brain + np.abs(noise), 3, 0.1)
    return labels * mask, time.perf_counter() - start


def atropos(
    brain: np.ndarray, mask: np.ndarray, affine: np.ndarray, priors: np.ndarray | None, python: str
) -> tuple[np.ndarray, float]:
    """Labels and seconds of ANTs, in a process of its own."""
    import nibabel

    if python == sys.executable and importlib.util.find_spec("ants") is None:
        raise ImportError("ants is not installed: pip install antspyx, or give --ants_python")
    with tempfile.TemporaryDirectory() as folder:
        volumes = {"scan": brain, "mask": mask}
        volumes |= {f"prior{k}": prior for k, prior in enumerate(() if priors is None else priors)}
        paths = []
        for name, volume in volumes.items():
            paths.append(str(Path(folder) / f"{name}.nii.gz"))
            nibabel.save(nibabel.Nifti1Image(volume.astype(np.float32), affine), paths[-1])
        out = str(Path(folder) / "out.nii.gz")
        command = [python, "-c", ATROPOS, *paths[:2], out, *paths[2:]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr or "ants failed")
        seconds = float(done.stdout.strip().splitlines()[-1])
        labels = np.asarray(nibabel.load(out).dataobj).astype(int)
    if priors is None:
        # Clusters come in any order: the darker, the lower.
        means = [brain[labels == k].mean() if (labels == k).any() else np.inf for k in (1, 2, 3)]
        labels = np.array([0, *(1 + np.argsort(np.argsort(means)))])[labels]
    return labels, seconds


def synthesised(
    folder: Path, mapping: str, part: slice
) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Brains synthesised from label maps."""
    import nibabel
    import torch

    from mrrecon.simulate import synthesize_head
    from mrrecon.simulate.contrast import FREESURFER_TISSUES

    table = np.arange(1000)
    if mapping:
        with Path(mapping).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                table[int(row["value_here"])] = int(row["source_value"])
    kinds = {"white matter": 3, "brain stem": 3, "lesion": 3, "fluid": 1, "meninges": 1}
    kinds |= dict.fromkeys(("cortex", "deep grey", "thalamus", "pallidum"), 2)
    tissue_of = np.zeros(1000, np.uint8)
    for label, name in FREESURFER_TISSUES.items():
        tissue_of[label] = kinds.get(name, 0)
    for number, path in enumerate(sorted(folder.glob("*.nii.gz"))[part]):
        image = nibabel.as_closest_canonical(nibabel.load(path))
        labels = torch.from_numpy(table[np.asarray(image.dataobj).astype(int)])
        generator = torch.Generator().manual_seed(part.start + number)
        scan = synthesize_head(labels, generator=generator, brain_only=True)
        yield path.name[:28], scan.image.numpy(), image.affine, tissue_of[scan.labels.numpy()]


def real(folder: Path, part: slice) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Whole heads with automatic labels."""
    import nibabel

    for path in sorted(folder.glob("*_DLMUSE.nii.gz"))[part]:
        labels = np.asarray(nibabel.load(path).dataobj).astype(int)
        scan = nibabel.load(path.with_name(path.name.replace("_DLMUSE", "")))
        truth = np.where(labels > 0, 2, 0)
        truth[np.isin(labels, list(WHITE))] = 3
        truth[np.isin(labels, list(FLUID))] = 1
        yield path.name[:28], np.asarray(scan.dataobj, dtype=np.float32), scan.affine, truth


def average() -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """The template, and the most likely tissue of each of its voxels."""
    import nibabel

    from mrrecon.data import template_path
    from mrrecon.morphometry import load_template

    template = load_template()
    tissues = template.tissues.numpy()
    truth = (tissues.argmax(0) + 1) * (tissues.sum(0) > 0.5)
    scan = np.asarray(nibabel.load(template_path("t1")).dataobj, dtype=np.float32)
    yield "MNI152", scan, template.grid.affine, truth


if __name__ == "__main__":
    main()
