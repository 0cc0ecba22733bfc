"""Summary of a table of reconstructions, and its text."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from mrrecon.engines.markdown_table import markdown_table
from mrrecon.engines.tissue_agreement import wilcoxon_of_best

__all__ = ["table_markdown", "table_summary"]

METRICS = {
    "ms_ssim": ("MS-SSIM", 4),
    "log_mmd": ("log MMD", 3),
    "dice_wm": ("Dice WM", 3),
    "dice_gm": ("Dice GM", 3),
    "dice_csf": ("Dice CSF", 3),
    "psnr": ("PSNR, dB", 2),
}
"""Title and digits of each; all but the discrepancy are better the greater they are."""

LOWER_IS_BETTER = ("log_mmd",)

SIGNIFICANT = 0.01


def table_summary(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Mean and standard deviation over scans of each method at each resolution, and which is the best.

    Methods of one mode of training are compared at one resolution, as in the paper.

    Args:
        rows: of a ``ReconstructionTable``.

    Returns:
        A row a method and resolution: ``<metric>`` (mean), ``<metric>_sd``, ``<metric>_best`` (0; 1: the
        best mean; 2: and each other is worse with p < 0.01 by Wilcoxon's signed ranks), ``scans``.

    Example:
        >>> table_summary([])
        []
    """
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        # For the test, a network of another resolution is another codec.
        codec = f"{row['method']}\n{row['network']}"
        groups.setdefault((row["mode"], row["metric"]), []).append({**row, "codec": codec})
    summary: list[dict[str, Any]] = []
    for (mode, metric), own in groups.items():
        lines = {
            codec: [row for row in own if row["codec"] == codec] for codec in {r["codec"]: 0 for r in own}
        }
        best = {key: _best(own, lines, key) for key in METRICS}
        for codec, found in lines.items():
            line: dict[str, Any] = {
                "method": found[0]["method"],
                "network": found[0]["network"],
                "metric": metric,
                "mode": mode,
                "scans": len(found),
            }
            for key in METRICS:
                values = [row[key] for row in found if key in row]
                if values:
                    line[key] = statistics.fmean(values)
                    line[f"{key}_sd"] = statistics.stdev(values) if len(values) > 1 else 0.0
                    line[f"{key}_best"] = best[key][1] if best[key][0] == codec else 0
            summary.append(line)
    return summary


def _best(
    rows: Sequence[dict[str, Any]], lines: Mapping[str, Sequence[Mapping[str, Any]]], key: str
) -> tuple[str, int]:
    """The method with the best mean, and whether it is so beyond chance."""
    sign = -1 if key in LOWER_IS_BETTER else 1
    means = {
        codec: sign * statistics.fmean([row[key] for row in own if key in row])
        for codec, own in lines.items()
        if any(key in row for row in own)
    }
    if len(means) < 2:
        return "", 0
    signed = [{**row, key: sign * row[key]} for row in rows if key in row]
    others = wilcoxon_of_best(signed, key)
    best = max(means, key=lambda codec: means[codec])
    certain = bool(others) and best not in others and max(others.values()) < SIGNIFICANT
    return best, 1 + certain


def table_markdown(summary: Sequence[Mapping[str, Any]], left_out: Sequence[str] = ()) -> str:
    """The table as Markdown.

    Args:
        summary: of ``table_summary``.
        left_out: what could not be done, a sentence each.

    Example:
        >>> print(
        ...     table_markdown([{"method": "a", "network": "low", "metric": "low", "mode": "H", "scans": 3}])
        ... )
        | network | its resolution | measured at | mode | scans | MS-SSIM | ...
    """
    titles = [title for title, _ in METRICS.values()]
    head = ["network", "its resolution", "measured at", "mode", "scans", *titles]
    body = [
        [
            line["method"],
            line["network"],
            line["metric"],
            line["mode"],
            str(line["scans"]),
            *(_cell(line, key, digits) for key, (_, digits) in METRICS.items()),
        ]
        for line in summary
    ]
    parts = [
        markdown_table(head, body),
        "Mean ± standard deviation over scans. Bold: the best of its mode and resolution; with a star: "
        f"each other is worse with p < {SIGNIFICANT} (Wilcoxon's signed ranks).",
    ]
    if left_out:
        parts.append("\n".join(["Left out:", "", *(f"- {words}" for words in left_out)]))
    return "\n\n".join(parts)


def _cell(line: Mapping[str, Any], key: str, digits: int) -> str:
    if key not in line:
        return ""
    text = f"{line[key]:.{digits}f} ± {line[key + '_sd']:.{digits}f}"
    best = line[f"{key}_best"]
    return f"**{text}**{'*' * (best - 1)}" if best else text
