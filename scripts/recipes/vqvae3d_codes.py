"""Context model of the weights in bundles/vqvae3d/models: learns how probable each index is.

    python scripts/recipes/vqvae3d_codes.py --datalist runs/data/scans.json --output context.pt

Encodes the scans of ``training``, and their mirror images left to right, with the network, and trains on
the indices; what is twice in the list counts twice. Then codes the scans of the other lists, which it never
trains on, and prints bytes: raw, order 0 (``HistogramModel``), context model. Takes about ten minutes on one
core.
"""

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from monai.transforms import Compose, LoadImaged, Orientationd
from tqdm import tqdm

from mrrecon.codec.context_model import ContextModel
from mrrecon.codec.context_training import train_context_model
from mrrecon.codec.fields import FieldModel, decode_fields, encode_fields
from mrrecon.codec.histogram_model import HistogramModel
from mrrecon.codec.identity import weights_identity
from mrrecon.files import atomic_path
from mrrecon.handlers import load_weights
from mrrecon.networks import MultiLevelVQVAE
from mrrecon.transforms import CheckVolumed, ScaleIntensityRobustd

BUNDLE = Path(__file__).parents[2] / "bundles" / "vqvae3d"

# As in configs/inference.json.
PREPROCESSING = Compose(
    [
        LoadImaged("image", ensure_channel_first=True),
        CheckVolumed("image", min_size=3),
        Orientationd("image", axcodes="RAS", labels=None),
        ScaleIntensityRobustd("image", lower=0.05, upper=99.95),
    ]
)

Fields = list[np.ndarray]


def main() -> None:
    """Write the model, print the table."""
    options = parse_options()
    torch.set_num_threads(options.threads)
    lists = json.loads(options.datalist.read_text())
    network = MultiLevelVQVAE().eval()
    load_weights(network, options.ckpt)
    weights = weights_identity(network.state_dict())
    n_codes = network.quantize1.n_codes
    if not options.report:
        scans = tqdm(sorted(set(lists["training"])), desc="codes")
        codes_of = {path: list(encoded(network, path, mirrored=True)) for path in scans}
        codes = [fields for path in lists["training"] for fields in codes_of[path]]
        state = train_context_model(
            codes, n_codes=n_codes, weights=weights, n_steps=options.steps, on_step=print_step
        )
        with atomic_path(options.output) as temporary:
            torch.save(state, temporary)
    context = ContextModel.load(options.output)
    if context.weights != weights:
        raise ValueError(f"{options.output} is of the weights {context.weights}; {options.ckpt} is {weights}")
    for name in sorted(name for name, paths in lists.items() if name != "training" and paths):
        kept = [fields for path in lists[name] for fields in encoded(network, path)]
        report(name, kept, context, HistogramModel(n_codes))


def parse_options() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--datalist", type=Path, required=True, help="scans.json of vqvae3d_data.py")
    parser.add_argument("--ckpt", type=Path, default=BUNDLE / "models" / "model.pt")
    parser.add_argument("--output", type=Path, default=BUNDLE / "models" / "context.pt")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--report", action="store_true", help="do not train: measure the model in --output")
    return parser.parse_args()


def encoded(network: MultiLevelVQVAE, path: str, *, mirrored: bool = False) -> Iterable[Fields]:
    """Indices of a scan, finest first, and of its mirror image."""
    image = PREPROCESSING({"image": path})["image"].as_tensor()[None]
    for scan in (image, image.flip(2)) if mirrored else (image,):
        with torch.inference_mode():
            yield [field[0].numpy().astype(np.int16) for field in network.encode(scan)]


def print_step(level: int, step: int, bits: float) -> None:
    """A line of progress."""
    print(f"level {level + 1}, step {step}: {bits:.3f} bits an index", flush=True)


def report(name: str, scans: list[Fields], context: FieldModel, histogram: FieldModel) -> None:
    """A line for each scan of a list, and one for their sum."""
    rows = []
    for fields in scans:
        shapes = [field.shape for field in fields]
        start = time.perf_counter()
        payload = encode_fields(fields, context)
        between = time.perf_counter()
        decoded = decode_fields(payload, shapes, context)
        end = time.perf_counter()
        if not all(np.array_equal(a, b) for a, b in zip(fields, decoded, strict=True)):
            raise RuntimeError(f"{name}: the decoded indices are others")
        order0 = len(encode_fields(fields, histogram))
        rows.append(
            (sum(field.size for field in fields), order0, len(payload), between - start, end - between)
        )
    print(f"\n{name}\n       raw    order 0    context  % of raw  encode, s  decode, s")
    for row in (*rows, np.sum(rows, axis=0)):
        raw, order0, context_bytes, seconds_encode, seconds_decode = row
        print(
            f"{raw:10,.0f} {order0:10,.0f} {context_bytes:10,.0f} {100 * context_bytes / raw:9.2f} "
            f"{seconds_encode:10.2f} {seconds_decode:10.2f}"
        )


if __name__ == "__main__":
    main()
