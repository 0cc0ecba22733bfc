"""What the metrics of several scans come to: mean, standard deviation and worst."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["summary_of"]


def summary_of(
    rows: Sequence[Mapping[str, Any]], worse: Mapping[str, Callable[[Sequence[float]], float]]
) -> dict[str, dict[str, float]]:
    """Mean, standard deviation (over scans, n - 1) and worst of each metric, over the rows that have it.

    The standard deviation is 0 of one value, and NaN where a value is infinite, as PSNR of equal images.

    Args:
        rows: values by column.
        worse: by metric, in the order of the result, ``min`` or ``max``: which value is the worst.

    Example:
        >>> summary_of([{"psnr": 30.0}, {"psnr": 32.0}, {}], {"psnr": min, "ms_ssim": min})
        {'psnr': {'mean': 31.0, 'sd': 1.414..., 'worst': 30.0}}
    """
    summary = {}
    for name, worst in worse.items():
        values = [float(row[name]) for row in rows if name in row]
        if not values:
            continue
        if not all(math.isfinite(value) for value in values):
            spread = math.nan
        else:
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
        summary[name] = {"mean": statistics.fmean(values), "sd": spread, "worst": worst(values)}
    return summary
