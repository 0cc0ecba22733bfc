r"""Lists of brain scans of different subjects, for the weights of the sparse bundles.

    python scripts/recipes/brains_data.py --brains ds002748 --output runs/data/brains.json

Of the sorted scans every fifth (the 5th, 10th, ...) is in ``kept``, for the figures of the READMEs; of the
rest the 8th and 28th are in ``validation``, all others in ``training``. The first two are also in lists of
their own, ``kept.json`` and ``validation.json`` beside it. It is the split of ``vqvae3d_data.py``.

``for_patients.json`` are scans to be given an atrophy, every second one of the first 38 for training and the
first one of ``validation``; ``patients.json`` is the split of what is then in the folder ``patients``.
"""

import argparse
import json
from pathlib import Path

from mrrecon.files import atomic_path


def main() -> None:
    """Write both lists."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--brains", type=Path, required=True, help="folder of brain-extracted scans")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    brains = [str(path.resolve()) for path in sorted(options.brains.glob("*.nii.gz"))]
    if len(brains) < 10:
        raise SystemExit(f"error: --brains {options.brains} holds {len(brains)} *.nii.gz: give at least 10")
    kept = brains[4::5]
    rest = [path for path in brains if path not in kept]
    validation = rest[7::20]
    training = [path for path in rest if path not in validation]
    lists = {"training": training, "validation": validation, "kept": kept}
    ill = {"training": training[:38:2], "validation": validation[:1]}
    split = {key: [f"patients/{Path(path).name}" for path in paths] for key, paths in ill.items()}
    more = {"for_patients": ill["training"] + ill["validation"], "patients": split}
    alone: dict[Path, object] = {
        options.output.with_name(f"{name}.json"): lists[name] for name in ("validation", "kept")
    }
    alone |= {options.output.with_name(f"{name}.json"): content for name, content in more.items()}
    for path, content in {options.output: lists, **alone}.items():
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1))
    print({name: len(paths) for name, paths in lists.items()})


if __name__ == "__main__":
    main()
