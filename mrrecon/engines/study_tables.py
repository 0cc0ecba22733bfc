"""The tables of a study of codecs, as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from mrrecon.engines.markdown_table import markdown_table
from mrrecon.morphometry import TISSUES

__all__ = ["study_markdown"]

SIGNIFICANT = 0.01
"""The paper's level: the best is bold where every other is worse with a smaller probability."""


def study_markdown(study: Mapping[str, Any]) -> str:
    """What a ``MorphometryStudy`` found.

    Args:
        study: the content of ``study.json``.

    Example:
        >>> empty = {"scans": 0, "agreement": {}, "wilcoxon": {}, "maps": [], "left_out": [], "not_done": []}
        >>> study_markdown(empty)
        'Scans: 0.'
    """
    parts = [f"Scans: {study['scans']}."]
    if study["agreement"]:
        parts += [_agreement(study["agreement"], study["wilcoxon"]), _volumes(study["agreement"])]
    if study["maps"]:
        parts.append(_maps(study["maps"]))
    left = [item["reason"] for item in study["left_out"]] + list(study["not_done"])
    if left:
        parts.append("\n".join(["Left out:", "", *(f"- {reason}" for reason in left)]))
    return "\n\n".join(parts)


def _agreement(summary: Mapping[str, Any], wilcoxon: Mapping[str, Mapping[str, float]]) -> str:
    keys = [f"{kind}_{name}" for kind in ("dice", "soft_dice") for name in reversed(TISSUES)]
    titles = [f"{kind} {name.upper()}" for kind in ("Dice", "soft Dice") for name in reversed(TISSUES)]
    rows = []
    for codec, numbers in summary.items():
        cells = []
        for key in keys:
            text = f"{numbers[key]['mean']:.4f} ± {numbers[key]['sd']:.4f}"
            others = wilcoxon.get(key, {})
            best = bool(others) and codec not in others and max(others.values()) < SIGNIFICANT
            cells.append(f"**{text}**" if best else text)
        rows.append([codec, *cells])
    return "Tissues of decoded scans against those of the originals:\n\n" + markdown_table(
        ["codec", *titles], rows
    )


def _volumes(summary: Mapping[str, Any]) -> str:
    rows = []
    for codec, numbers in summary.items():
        for name in reversed(TISSUES):
            error = numbers[f"{name}_error"]
            cells = [codec, name.upper(), f"{100 * error['mean']:+.2f} ± {100 * error['sd']:.2f}"]
            limits = numbers.get(f"bland_altman_{name}")
            if limits is not None:
                cells += [f"{limits['bias']:+.2f}", f"{limits['lower']:+.2f} to {limits['upper']:+.2f}"]
            rows.append(cells + [""] * (5 - len(cells)))
    head = ["codec", "tissue", "volume error, %", "bias, ml", "limits of agreement, ml"]
    return "Volumes, decoded minus original (Bland and Altman):\n\n" + markdown_table(head, rows)


def _maps(rows: Sequence[Mapping[str, Any]]) -> str:
    head = ["effect", "scans", "greatest t", "p, family-wise", "voxels, FDR", "clusters", "largest, ml"]
    head += ["correlation", "overlap", "rms change of t"]
    body = [
        [
            row["contrast"],
            row["source"],
            f"{row['t_max']:+.2f}",
            f"{row['p_family_wise']:.3f}",
            str(row["voxels_false_discovery"]),
            str(row["clusters"]),
            f"{row['largest_cluster_ml']:.2f}",
            *(f"{row[key]:.3f}" if key in row else "" for key in ("correlation", "overlap", "rms_change")),
        ]
        for row in rows
    ]
    return "Voxel-based morphometry, originals and decoded scans:\n\n" + markdown_table(head, body)
