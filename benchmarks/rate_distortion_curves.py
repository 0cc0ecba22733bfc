"""Means of coded scans, and curves read at a rate that was not measured."""

import math
import statistics
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

__all__ = ["at_rate", "compared", "means"]

Row = Mapping[str, Any]
NAMES = ("percent", "psnr", "ms_ssim", "seconds_encode", "seconds_decode")


def means(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, float]]:
    """Mean over the scans of each codec and setting, in the order of their first rows."""
    kinds = dict.fromkeys((row["codec"], row["setting"]) for row in rows)
    result = {}
    for kind in kinds:
        own = [row for row in rows if (row["codec"], row["setting"]) == kind]
        result[kind] = {name: statistics.fmean(row[name] for row in own) for name in NAMES}
    return result


def at_rate(rows: Sequence[Row], percent: float) -> dict[str, float] | None:
    """PSNR and MS-SSIM of one scan's curve at a rate; None outside it.

    Linear in the logarithm of the rate; MS-SSIM as log(1 - MS-SSIM), in which curves are nearly straight.

    Args:
        rows: with ``percent``, ``psnr`` and ``ms_ssim``, in any order.
        percent: the rate.

    Example:
        >>> curve = [
        ...     {"percent": 0.1, "psnr": 30.0, "ms_ssim": 0.9},
        ...     {"percent": 10.0, "psnr": 40.0, "ms_ssim": 0.999},
        ... ]
        >>> {name: round(value, 6) for name, value in at_rate(curve, 1.0).items()}
        {'psnr': 35.0, 'ms_ssim': 0.99}
    """
    for low, high in pairwise(sorted(rows, key=lambda row: float(row["percent"]))):
        if low["percent"] <= percent <= high["percent"]:
            place = math.log(percent / low["percent"]) / math.log(high["percent"] / low["percent"])
            misses = [math.log(max(1 - row["ms_ssim"], 1e-9)) for row in (low, high)]
            return {
                "psnr": low["psnr"] + place * (high["psnr"] - low["psnr"]),
                "ms_ssim": 1 - math.exp(misses[0] + place * (misses[1] - misses[0])),
            }
    return None


def compared(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, list[tuple[Row, dict[str, float]]]]]:
    """For each of our points and each rival: our row and the rival's values at its rate, scan by scan.

    Scans whose rate the rival's curve does not reach are left out. Our rows are those that have weights.
    """
    result: dict[tuple[str, str], dict[str, list[tuple[Row, dict[str, float]]]]] = {}
    rivals = dict.fromkeys(row["codec"] for row in rows if not row["weights"])
    for ours in (row for row in rows if row["weights"]):
        point = result.setdefault((ours["codec"], ours["setting"]), {rival: [] for rival in rivals})
        for rival, pairs in point.items():
            own = [row for row in rows if row["codec"] == rival and row["voxels"] == ours["voxels"]]
            found = at_rate(own, ours["percent"])
            if found is not None:
                pairs.append((ours, found))
    return result
