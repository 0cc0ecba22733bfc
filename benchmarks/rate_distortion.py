"""Claim: at its own rate `vqvae3d` is ahead of JPEG XL, JPEG 2000, HEVC and AV1 in PSNR and MS-SSIM.

    python benchmarks/rate_distortion.py --dataset_dir FOLDER
    python benchmarks/rate_distortion.py --datalist scans.json --key kept_brains kept_heads --ckpt a.pt b.pt

Each scan, as the bundle scales it, goes through each codec at several qualities. PSNR and MS-SSIM of the
volume (data range 1) stand over the bytes of the stream in percent of the scan as float32. Prints the
means, and what each rival reaches at the rate of each of our points: for each scan between the two nearest
of the rival's qualities, linearly in the logarithm of the rate (MS-SSIM as log(1 - MS-SSIM)), then the mean
over the scans.

Writes `rate_distortion.csv`, a row for each scan, codec and quality, and `rate_distortion.png`. What is in
the table already is not computed again. All codecs have two threads. Needs the extra `bench`.
"""

import argparse
import csv
import statistics
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from measure import without_spinning

BUNDLE = Path(__file__).resolve().parent.parent / "bundles" / "vqvae3d"
FIELDS = (
    *("scan", "voxels", "codec", "setting", "weights", "arrangement", "bytes", "percent", "psnr", "ms_ssim"),
    *("seconds_encode", "seconds_decode"),
)
NUMBERS = ("percent", "psnr", "ms_ssim", "seconds_encode", "seconds_decode")
KEY = ("voxels", "codec", "setting", "weights")

Row = dict[str, Any]


def main() -> None:
    """Measures what is missing, prints the tables, draws the picture."""
    without_spinning()
    arguments = _arguments()

    import torch
    from our_codec import OurCodec
    from rate_distortion_picture import draw
    from rival_codecs import RIVALS, THREADS

    torch.set_num_threads(THREADS)
    rivals = [rival for rival in RIVALS if not arguments.rivals or rival.name in arguments.rivals]
    contexts = arguments.context or [""] * len(arguments.ckpt)
    ours = [OurCodec(*pair) for pair in zip(arguments.ckpt, contexts, strict=True)]
    table = Table(arguments.output_dir / "rate_distortion.csv")
    results = {}
    for group, paths in _groups(arguments).items():
        rows: list[Row] = []
        for number, path in enumerate(paths[: 1 if arguments.quick else None], start=1):
            for row in _measured(path, ours=ours, rivals=rivals, table=table, quick=arguments.quick):
                rows.append(row)
                print(f"{group} {number}/{len(paths)} {_words(row)}", file=sys.stderr, flush=True)
        results[group] = rows
    for group, rows in results.items():
        _report(group, rows)
    draw(results, arguments.output_dir / "rate_distortion.png")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset_dir", default="", help="scan, or folder of scans")
    parser.add_argument("--datalist", default="", help="JSON or CSV list of scans")
    parser.add_argument("--key", nargs="+", default=["training"], help="lists in it: each has its own curves")
    model = BUNDLE / "models" / "model.pt"
    parser.add_argument("--ckpt", nargs="*", default=[model], help="weights of ours: each is a point")
    parser.add_argument("--context", nargs="*", default=[], help="learned entropy model of each of them")
    parser.add_argument("--rivals", nargs="*", default=[], help="names of some of them, for example AV1")
    parser.add_argument("--output_dir", type=Path, default=Path("output/rate_distortion"))
    parser.add_argument("--quick", action="store_true", help="one scan, every other quality")
    return parser.parse_args()


def _groups(arguments: argparse.Namespace) -> dict[str, list[str]]:
    from mrrecon.data import scan_list

    def paths(key: str) -> list[str]:
        scans = scan_list(arguments.dataset_dir, arguments.datalist, key=key)
        return [scan["image"] for scan in scans]

    if arguments.datalist:
        return {key: paths(key) for key in arguments.key}
    return {Path(arguments.dataset_dir or "template").name: paths("")}


class Table:
    """Rows of a CSV file, written one by one, and found again by what decides them.

    Args:
        path: the file, made with its folder where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(",".join(FIELDS) + "\n")
        text = path.read_text()
        if not text.endswith("\n"):
            # The run was killed within a line.
            path.write_text(text[: text.rindex("\n") + 1])
        with path.open(newline="") as stream:
            self.rows = {self._key(row): row for row in csv.DictReader(stream)}

    def __contains__(self, row: Mapping[str, Any]) -> bool:
        return self._key(row) in self.rows

    def __getitem__(self, row: Mapping[str, Any]) -> Row:
        found = self.rows[self._key(row)]
        return {**found, **{name: float(found[name]) for name in NUMBERS}}

    def add(self, row: Row) -> None:
        """Write a row."""
        with self.path.open("a", newline="") as stream:
            csv.DictWriter(stream, FIELDS, lineterminator="\n").writerow(row)
        self.rows[self._key(row)] = row

    @staticmethod
    def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(str(row[name]) for name in KEY)


def _measured(path: str, *, ours: Sequence, rivals: Sequence, table: Table, quick: bool) -> Iterator[Row]:
    """Rows of a scan: from the table, or measured and added to it."""
    volume = _loaded(path)
    # Whatever file and folder a scan lies in, its voxels tell it.
    scan = {"scan": Path(path).name, "voxels": f"{zlib.crc32(volume.tobytes()):08x}"}
    for codec in ours:
        row = {**scan, "codec": codec.name, "setting": codec.setting, "weights": codec.identity}
        if row not in table:
            table.add({**row, "arrangement": "volume", **_cost(codec.code(volume), volume)})
        yield table[row]
    for rival in rivals:
        arrangement = None
        for quality in rival.qualities[:: 2 if quick else 1]:
            row = {**scan, "codec": rival.name, "setting": rival.setting(quality), "weights": ""}
            if row not in table:
                arrangement = arrangement or rival.best_arrangement(volume)
                coded = rival.code(volume, quality, arrangement=arrangement)
                table.add({**row, "arrangement": str(arrangement), **_cost(coded, volume)})
            yield table[row]


def _loaded(path: str) -> Any:
    """Scan as the bundle gives it to the network."""
    from monai.transforms import Compose, LoadImaged, Orientationd

    from mrrecon.transforms import CheckVolumed, ScaleIntensityRobustd

    preprocessing = Compose(
        [
            LoadImaged("image", ensure_channel_first=True),
            CheckVolumed("image", min_size=3),
            Orientationd("image", axcodes="RAS", labels=None),
            ScaleIntensityRobustd("image", lower=0.05, upper=99.95),
        ]
    )
    return preprocessing({"image": path})["image"].as_tensor()[0].contiguous().numpy()


def _cost(coded: Any, volume: Any) -> Row:
    import torch
    from rival_codecs import percent_of_float32

    from mrrecon.metrics import ms_ssim, psnr

    pair = [torch.from_numpy(image.copy())[None, None] for image in (coded.image, volume)]
    return {
        "bytes": coded.n_bytes,
        "percent": round(percent_of_float32(coded.n_bytes, volume.size), 5),
        "psnr": round(float(psnr(*pair, data_range=1.0)), 4),
        "ms_ssim": round(float(ms_ssim(*pair, data_range=1.0)), 6),
        "seconds_encode": round(coded.seconds_encode, 3),
        "seconds_decode": round(coded.seconds_decode, 3),
    }


def _words(row: Row) -> str:
    return (
        f"{row['scan']} {row['codec']}, {row['setting']}: {row['percent']:.3f} %, {row['psnr']:.2f} dB, "
        f"{row['ms_ssim']:.4f}, {row['seconds_encode']:.1f} s, {row['seconds_decode']:.1f} s"
    )


def _report(group: str, rows: Sequence[Row]) -> None:
    from rate_distortion_curves import compared, means

    n_scans = len({row["voxels"] for row in rows})
    print(f"\n{group}: mean over {n_scans} scans")
    print(f"{'':68}{'% of float32':>13}{'PSNR, dB':>10}{'MS-SSIM':>9}{'encode, s':>11}{'decode, s':>11}")
    for (codec, setting), mean in means(rows).items():
        print(
            f"{codec + ', ' + setting:68}{mean['percent']:13.4f}{mean['psnr']:10.2f}{mean['ms_ssim']:9.4f}"
            f"{mean['seconds_encode']:11.2f}{mean['seconds_decode']:11.2f}"
        )
    for (ours, setting), against in compared(rows).items():
        here = means(rows)[ours, setting]
        print(f"\n{ours}, {setting}, at {here['percent']:.4f} %: ", end="")
        print(f"{here['psnr']:.2f} dB, {here['ms_ssim']:.4f}")
        print(f"  {'at that rate':15}{'PSNR (ours minus it; scans we lead)':44}MS-SSIM (the same)")
        for rival, pairs in against.items():
            print(f"  {rival:12}{_verdict(pairs, n_scans, rival)}")


def _verdict(pairs: Sequence[tuple[Mapping, Mapping]], n_scans: int, rival: str) -> str:
    """What a rival reaches where we are, and who leads."""
    if not pairs:
        return "out of range"
    words = []
    for name, digits in (("psnr", 2), ("ms_ssim", 4)):
        theirs = statistics.fmean(there[name] for _, there in pairs)
        ahead = statistics.fmean(here[name] - there[name] for here, there in pairs)
        won = sum(here[name] > there[name] for here, there in pairs)
        leader = "vqvae3d" if ahead > 0 else rival
        words.append(f"{theirs:8.{digits}f} ({ahead:+.{digits}f}, {won}/{len(pairs)} scans: {leader} leads)")
    partly = "" if len(pairs) == n_scans else f"  in range for {len(pairs)} of {n_scans} scans"
    return "".join(f"{each:44}" for each in words) + partly


if __name__ == "__main__":
    main()
