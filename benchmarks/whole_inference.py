"""Claim: from file to files, inference takes at most twice the network's own time.

    python benchmarks/whole_inference.py --repeats 5

Runs the config of a bundle, with network and weights as they are, on the embedded template (197 x 233 x 189):
reading, scaling, encoding, decoding, metrics, the inverse of all transforms, and writing of image, codes and
metrics. Imports and the page of the run are left out. In the same rounds the network alone, on the same image
in memory, goes from image to codes and back. Prints the seconds of both and the median of their ratio within
a round.
"""

import argparse
import contextlib
import io
import statistics
import tempfile
import warnings
from pathlib import Path
from typing import Any

from measure import interleaved, ratio, without_spinning

BUNDLES = Path(__file__).resolve().parent.parent / "bundles"


def main() -> None:
    """Measures and prints one table."""
    without_spinning()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", default="vqvae3d", help="name of a folder in bundles")
    parser.add_argument("--repeats", type=int, default=5, help="timed rounds")
    parser.add_argument("--amp", action="store_true", help="the network under bfloat16 autocast")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()

    import torch
    from monai.bundle import ConfigWorkflow

    # MONAI says of every config that it is code.
    warnings.filterwarnings("ignore", message="parsing config_file")
    with tempfile.TemporaryDirectory() as folder:
        workflow = ConfigWorkflow(
            config_file=str(BUNDLES / arguments.bundle / "configs" / "inference.json"),
            workflow_type="inference",
            output_dir=folder,
            device=arguments.device,
            amp=arguments.amp,
            save_page=False,
            quiet=True,
        )
        workflow.initialize()
        content = workflow.parser.get_parsed_content
        network, inferer, evaluator = content("network").eval(), content("inferer"), content("evaluator")
        image = content("dataset")[0]["image"].as_tensor()[None].to(arguments.device)

        def alone() -> Any:
            with torch.no_grad():
                reconstruction = inferer(image, network)
                return float(reconstruction[0, 0, 0, 0, 0])

        def whole() -> None:
            content("recorder").rows.clear()
            with contextlib.redirect_stdout(io.StringIO()):
                evaluator.run()

        seconds = interleaved({"network": alone, "file to files": whole}, repeats=arguments.repeats)

    size, threads = "x".join(str(side) for side in image.shape[2:]), torch.get_num_threads()
    print(f"{arguments.bundle} at {size}, {arguments.device}, {threads} threads, {arguments.repeats} rounds")
    for name, each in seconds.items():
        print(f"{name:16}{statistics.median(each):8.2f} s{ratio(each, seconds['network']):8.2f} x")


if __name__ == "__main__":
    main()
