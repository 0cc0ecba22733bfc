"""Claim: a scan stored without loss by `encode_volume` takes fewer bytes than by JPEG XL, JPEG-LS and FFV1.

    python benchmarks/lossless.py --dataset_dir FOLDER --max_error 0

Every codec gets the stored integers, before a scale factor of the header: slices along each of the
three axes, image codecs also all slices in one picture; the best is counted. Without a folder the scan is the
T1 template that comes with nilearn. With ``--max_error`` above 0 the rivals get levels rounded to the same
steps.
"""

import argparse
import functools
import gzip
import importlib.util
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from measure import without_spinning

from mrrecon.codec.volume import decode_volume, encode_volume
from mrrecon.data import template_path

Codec = Callable[[np.ndarray], int]
Picture = Callable[[np.ndarray], bytes | bytearray]


def main() -> None:
    """Measures and prints a table a scan, then one of all."""
    without_spinning()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset_dir", type=Path, help="folder of NIfTI scans; default: the T1 template")
    parser.add_argument("--max_error", type=int, default=0, help="largest error of a voxel, stored units")
    parser.add_argument("--effort", type=int, nargs="*", default=[7, 9], help="of JPEG XL")
    parser.add_argument("--every", type=int, nargs=2, default=(0, 1), help="first scan and step")
    arguments = parser.parse_args()

    folder = arguments.dataset_dir
    first, step = arguments.every
    paths = sorted(folder.rglob("*.nii*"))[first::step] if folder else [Path(template_path())]
    if not paths:
        parser.error(f"dataset_dir={folder} holds no .nii or .nii.gz")
    rivals = codecs(arguments.effort)
    shares = []
    for path in paths:
        volume = stored_integers(path)
        size = "x".join(map(str, volume.shape))
        print(f"{path.name}: {size} {volume.dtype}, {volume.min()} to {volume.max()}", flush=True)
        print(f"  {'':12}{'bytes':>10}{'bits/voxel':>12}{'encode s':>10}{'decode s':>10}")
        best = 0
        levels = (volume.astype(np.int64) - volume.min() + arguments.max_error) // (
            2 * arguments.max_error + 1
        )
        for name, codec in rivals.items():
            start = time.perf_counter()
            n_bytes = codec(levels)
            row(name, n_bytes, volume, time.perf_counter() - start)
            best = min(best or n_bytes, n_bytes)
        start = time.perf_counter()
        payload = encode_volume(volume, max_error=arguments.max_error, check=False)
        middle = time.perf_counter()
        decoded = decode_volume(payload, volume.shape)
        end = time.perf_counter()
        if np.abs(decoded - volume.astype(np.int64)).max() > arguments.max_error:
            raise SystemExit(f"{path.name} came back wrong")
        row("mrrecon", len(payload), volume, middle - start, end - middle)
        if best:
            shares.append(100 * len(payload) / best)
            print(f"  mrrecon takes {shares[-1]:.1f} % of the best of the others", flush=True)
    if shares:
        print(
            f"{len(shares)} scans: {statistics.mean(shares):.1f} % of the best of the others on average, "
            f"{min(shares):.1f} to {max(shares):.1f} %"
        )


def row(name: str, n_bytes: int, volume: np.ndarray, encode: float, decode: float | None = None) -> None:
    """Prints a line of the table."""
    end = "" if decode is None else f"{decode:10.2f}"
    print(f"  {name:12}{n_bytes:10}{8 * n_bytes / volume.size:12.4f}{encode:10.2f}{end}", flush=True)


def stored_integers(path: Path) -> np.ndarray:
    """The integers of the file, before its scale factor; floats that hold integers as such."""
    image: Any = nibabel.load(path)
    stored = np.asanyarray(image.dataobj.get_unscaled()).squeeze()
    if stored.dtype.kind == "f":
        if not np.isfinite(stored).all() or np.abs(stored).max() >= 2**31:
            raise SystemExit(f"{path.name} holds no integers of 32 bits")
        stored = np.rint(stored).astype(np.int32)
    return stored.reshape(*stored.shape, *(1,) * (3 - stored.ndim))


def codecs(efforts: list[int]) -> dict[str, Codec]:
    """Bytes of levels, by codec; a line for each package that is not there."""
    found: dict[str, Codec] = {}
    if importlib.util.find_spec("imagecodecs"):
        import imagecodecs

        for effort in efforts:
            jpegxl = functools.partial(imagecodecs.jpegxl_encode, lossless=True, effort=effort)
            found[f"JPEG XL e{effort}"] = of_pictures(jpegxl)
        found["JPEG-LS"] = of_pictures(lambda image: imagecodecs.jpegls_encode(image))
        found["JPEG 2000"] = of_pictures(lambda image: imagecodecs.jpeg2k_encode(image, reversible=True))
        found["zstd 19"] = lambda levels: len(imagecodecs.zstd_encode(narrow(levels).tobytes(), level=19))
    else:
        print("JPEG XL, JPEG-LS, JPEG 2000 and zstd are left out: pip install imagecodecs")
    if importlib.util.find_spec("imageio_ffmpeg"):
        found["FFV1"] = ffv1
    else:
        print("FFV1 is left out: pip install imageio-ffmpeg")
    found["gzip 9"] = lambda levels: len(gzip.compress(narrow(levels).tobytes(), 9))
    return found


def narrow(levels: np.ndarray) -> np.ndarray:
    """Levels from 0 in the narrowest type that rivals take."""
    if levels.max() >= 1 << 16:
        raise SystemExit("rival codecs take 16 bits at most, this scan has more")
    return np.ascontiguousarray(levels.astype(np.uint8 if levels.max() < 256 else np.uint16))


def of_pictures(encode: Picture) -> Codec:
    """Fewest bytes over the axes, slice by slice or all slices in one picture."""

    def fewest(levels: np.ndarray) -> int:
        sizes = []
        for axis in range(3):
            slices = np.ascontiguousarray(np.moveaxis(narrow(levels), axis, 0))
            sizes.append(sum(len(encode(each)) for each in slices))
            sizes.append(len(encode(slices.reshape(-1, slices.shape[2]))))
        return min(sizes)

    return fewest


def ffv1(levels: np.ndarray) -> int:
    """Bytes of the packets of FFV1 level 3 with its large context, best axis."""
    import imageio_ffmpeg

    levels = narrow(levels)
    pixels = "gray" if levels.dtype == np.uint8 else "gray16le"
    options = ["-level", "3", "-coder", "1", "-context", "1", "-slices", "4", "-slicecrc", "0"]
    sizes = []
    for axis in range(3):
        frames = np.ascontiguousarray(np.moveaxis(levels, axis, 0))
        size = f"{frames.shape[2]}x{frames.shape[1]}"
        source = ["-f", "rawvideo", "-pix_fmt", pixels, "-s", size, "-i", "-"]
        target = ["-c:v", "ffv1", *options, "-f", "rawvideo", "-"]
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, *target]
        done = subprocess.run(command, input=frames.tobytes(), capture_output=True, check=True)
        sizes.append(len(done.stdout))
    return min(sizes)


if __name__ == "__main__":
    main()
