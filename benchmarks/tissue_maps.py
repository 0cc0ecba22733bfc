"""Claim: of extracted brains, our tissue maps agree with known tissues at least as well as dipy's and ANTs'.

At 1 mm they take less than half of the processor time of the fastest rival, at 2 mm about as much;
ours also aligns the scan with the template, which the rivals do not. Of whole heads, and of the average
brain, which is blurred, they are not always the best.

    python benchmarks/tissue_maps.py --labels_dir labels --mapping labels/label_mapping.csv --skip 6 --thin 1
    python benchmarks/tissue_maps.py --scans_dir ixi_2mm --ants_python other_venv/bin/python
    python benchmarks/tissue_maps.py --template

``--labels_dir``: brains without skull and whole heads are synthesised from FreeSurfer label maps, with noise
and bias field, so that the tissue of every voxel is known. ``--scans_dir``: whole heads NAME.nii.gz, each
beside the DLMUSE labels NAME_DLMUSE.nii.gz, in which fluid in the folds is grey matter. ``--template``: the
MNI template against its own maps. Everyone gets the same brain mask, the known one, of extracted scans. Of a
whole head the rivals, which cannot do without, still get it; ours finds its own. ANTs wants an older numpy
than we do: it may live in another environment (``--ants_python``); without it, it is left out. A line for
each scan: Dice of CSF, grey and white matter, seconds on the clock and of the processor, and seconds of the
processor relative to ours; at the end means.
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
from typing import NamedTuple

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
start = time.perf_counter(), time.process_time()
given = [ants.image_read(p) for p in priors] or 'kmeans[3]'
weight = 0.25 if priors else 0.0
found = ants.atropos(a=scan, x=inside, i=given, m='[0.2,1x1x1]', c='[5,0]', priorweight=weight)
print(time.perf_counter() - start[0], time.process_time() - start[1])
ants.image_write(found['segmentation'], out)
"""


class Scan(NamedTuple):
    """A scan, its affine, the tissue of each voxel (0 none), and whether only the brain is left."""

    name: str
    image: np.ndarray
    affine: np.ndarray
    truth: np.ndarray
    extracted: bool


class Found(NamedTuple):
    """Labels, seconds on the clock and of the processor."""

    labels: np.ndarray
    wall: float
    cpu: float


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
    parser.add_argument("--n_scans", type=int, default=2)
    parser.add_argument("--skip", type=int, default=0, help="first ones to leave out")
    parser.add_argument("--thin", type=int, default=1, help="take every such voxel, along each axis")
    parser.add_argument("--ants_python", default=sys.executable, help="interpreter that can import ants")
    options = parser.parse_args()

    part = slice(options.skip, options.skip + options.n_scans)
    if options.labels_dir:
        for extracted in (True, False):
            scans = synthesised(Path(options.labels_dir), options.mapping, part, extracted)
            compare(scans, options.ants_python, options.thin)
    if options.scans_dir:
        compare(real(Path(options.scans_dir), part), options.ants_python, options.thin)
    if options.template:
        compare(average(), options.ants_python, options.thin)


def compare(scans: Iterator[Scan], ants_python: str, thin: int) -> None:
    """Print Dice and seconds of every method on every scan."""
    rows: dict[str, list[list[float]]] = {}
    for number, whole in enumerate(scans):
        scan = thinned(whole, thin)
        if number == 0:
            attempt(lambda s=scan: ours(s, []))  # compiles what a machine compiles once
        template_seen: list[np.ndarray] = []
        results = {"ours": attempt(lambda s=scan, seen=template_seen: ours(s, seen))}
        brain = cropped(scan)
        results["dipy HMRF"] = attempt(lambda b=brain: hmrf(b))
        results["Atropos kmeans"] = attempt(lambda b=brain: atropos(b, None, ants_python))
        if template_seen:
            box = box_of(scan.truth > 0)
            priors = template_seen[0][(slice(None), *box)]
            results["Atropos priors"] = attempt(lambda b=brain, p=priors: atropos(b, p, ants_python))
        for method, result in results.items():
            if result is None:
                continue
            truth = scan.truth if method == "ours" else brain.truth
            own = results["ours"].cpu if results["ours"] else np.nan
            row = [*dices(result.labels, truth), result.wall, result.cpu, result.cpu / own]
            rows.setdefault(method, []).append(row)
            print(f"{scan.name:28} {method:16}{line(row)}", flush=True)
    for method, table in rows.items():
        print(f"{'mean of ' + str(len(table)):28} {method:16}{line(np.mean(table, axis=0))}", flush=True)


def thinned(scan: Scan, step: int) -> Scan:
    """Every ``step``-th voxel."""
    affine = scan.affine @ np.diag([step, step, step, 1.0])
    image, truth = scan.image[::step, ::step, ::step], scan.truth[::step, ::step, ::step]
    return scan._replace(image=image * (truth > 0) if scan.extracted else image, affine=affine, truth=truth)


def box_of(mask: np.ndarray) -> tuple[slice, ...]:
    """Smallest box around the mask."""
    return tuple(slice(i.min(), i.max() + 1) for i in np.nonzero(mask))


def cropped(scan: Scan) -> Scan:
    """The brain alone, without the empty space around it: what favours the rivals most."""
    box = box_of(scan.truth > 0)
    corner = np.eye(4)
    corner[:3, 3] = [side.start for side in box]
    brain = (scan.image * (scan.truth > 0))[box]
    return scan._replace(image=brain, affine=scan.affine @ corner, truth=scan.truth[box])


def line(row: np.ndarray | list[float]) -> str:
    """Dice of the tissues, seconds (clock, processor), and those of the processor relative to ours."""
    return "".join(f"{value:8.3f}" for value in row[:3]) + f"{row[3]:8.1f} s{row[4]:8.1f} s{row[5]:8.2f} x"


def dices(labels: np.ndarray, truth: np.ndarray) -> list[float]:
    """Dice of CSF, grey and white matter."""
    pairs = [(labels == k, truth == k) for k in (1, 2, 3)]
    return [float(2 * (a & b).sum() / max(1, a.sum() + b.sum())) for a, b in pairs]


def attempt(method: Callable[[], Found]) -> Found | None:
    """What the method gives, or None and a word if its package is not there or it fails."""
    try:
        return method()
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        print(f"left out: {str(error).strip().splitlines()[-1]}", flush=True)
        return None


def ours(scan: Scan, template_seen: list[np.ndarray]) -> Found:
    """Our labels; the aligned template is kept for the rival that wants priors."""
    from mrrecon.morphometry import load_template, segment_tissues

    template = load_template()
    start = time.perf_counter(), time.process_time()
    maps = segment_tissues(scan.image, scan.affine)
    spent = time.perf_counter() - start[0], time.process_time() - start[1]
    assert maps.alignment is not None
    template_seen.append(maps.alignment.to_scan(template.tissues, grid=template.grid).numpy())
    return Found(maps.labels.numpy(), *spent)


def hmrf(scan: Scan) -> Found:
    """Labels of dipy. Its classes come in order of brightness.

    It fails on an exactly constant background: a faint noise is added, as its users do.
    """
    from dipy.segment.tissue import TissueClassifierHMRF

    noise = np.random.default_rng(0).normal(size=scan.image.shape) * 1e-3 * scan.image.max()
    start = time.perf_counter(), time.process_time()
    _, labels, _ = TissueClassifierHMRF(verbose=False).classify(scan.image + np.abs(noise), 3, 0.1)
    spent = time.perf_counter() - start[0], time.process_time() - start[1]
    return Found(labels * (scan.truth > 0), *spent)


def atropos(scan: Scan, priors: np.ndarray | None, python: str) -> Found:
    """Labels of ANTs, in a process of its own."""
    import nibabel

    if python == sys.executable and importlib.util.find_spec("ants") is None:
        raise ImportError("ants is not installed: pip install antspyx, or give --ants_python")
    with tempfile.TemporaryDirectory() as folder:
        volumes = {"scan": scan.image, "mask": scan.truth > 0}
        volumes |= {f"prior{k}": prior for k, prior in enumerate(() if priors is None else priors)}
        paths = []
        for name, volume in volumes.items():
            paths.append(str(Path(folder) / f"{name}.nii.gz"))
            nibabel.save(nibabel.Nifti1Image(volume.astype(np.float32), scan.affine), paths[-1])
        out = str(Path(folder) / "out.nii.gz")
        command = [python, "-c", ATROPOS, *paths[:2], out, *paths[2:]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr or "ants failed")
        wall, cpu = (float(word) for word in done.stdout.strip().splitlines()[-1].split())
        labels = np.asarray(nibabel.load(out).dataobj).astype(int)
    if priors is None:
        # Clusters come in any order: the darker, the lower.
        means = [scan.image[labels == k].mean() if (labels == k).any() else np.inf for k in (1, 2, 3)]
        labels = np.array([0, *(1 + np.argsort(np.argsort(means)))])[labels]
    return Found(labels, wall, cpu)


def synthesised(folder: Path, mapping: str, part: slice, extracted: bool) -> Iterator[Scan]:
    """Brains, or whole heads, synthesised from label maps."""
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
        scan = synthesize_head(labels, generator=generator, brain_only=extracted)
        truth = tissue_of[scan.labels.numpy()]
        name = f"{path.name.split('.')[0][-12:]} {'brain' if extracted else 'head'}"
        yield Scan(name, scan.image.numpy(), image.affine, truth, extracted)


def real(folder: Path, part: slice) -> Iterator[Scan]:
    """Whole heads with automatic labels."""
    import nibabel

    for path in sorted(folder.glob("*_DLMUSE.nii.gz"))[part]:
        labels = np.asarray(nibabel.load(path).dataobj).astype(int)
        scan = nibabel.load(path.with_name(path.name.replace("_DLMUSE", "")))
        truth = np.where(labels > 0, 2, 0)
        truth[np.isin(labels, list(WHITE))] = 3
        truth[np.isin(labels, list(FLUID))] = 1
        yield Scan(path.name[:28], np.asarray(scan.dataobj, dtype=np.float32), scan.affine, truth, False)


def average() -> Iterator[Scan]:
    """The template, and the most likely tissue of each of its voxels."""
    import nibabel

    from mrrecon.data import template_path
    from mrrecon.morphometry import load_template

    template = load_template()
    tissues = template.tissues.numpy()
    truth = (tissues.argmax(0) + 1) * (tissues.sum(0) > 0.5)
    scan = np.asarray(nibabel.load(template_path("t1")).dataobj, dtype=np.float32)
    yield Scan("MNI152", scan, template.grid.affine, truth, True)


if __name__ == "__main__":
    main()
