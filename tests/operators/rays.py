"""The rays of a scan and Joseph's weights, written out one by one: what the tests of CT compare with."""

import math

import numpy as np


def parallel(
    angles: list[float], n: int, *, step: float = 1.0, offset: float = 0.0
) -> list[tuple[float, float]]:
    """θ and s of every ray of a parallel beam."""
    return [(a, (k - (n - 1) / 2) * step + offset) for a in angles for k in range(n)]


def fan(
    angles: list[float],
    n: int,
    source: float,
    detector: float,
    *,
    step: float = 1.0,
    offset: float = 0.0,
    flat: bool = True,
) -> list[tuple[float, float]]:
    """θ and s of every ray of a fan, from the points where source and detector stand."""
    rays = []
    for a in angles:
        along, across = np.array([-math.sin(a), math.cos(a)]), np.array([math.cos(a), math.sin(a)])
        for k in range(n):
            u = (k - (n - 1) / 2) * step + offset
            gamma = math.atan2(u, source + detector) if flat else u / (source + detector)
            direction = along * math.cos(gamma) + across * math.sin(gamma)
            normal = np.array([direction[1], -direction[0]])
            rays.append((math.atan2(normal[1], normal[0]), float(normal @ (-source * along))))
    return rays


def joseph(
    rays: list[tuple[float, float]], shape: tuple[int, int], spacing: tuple[float, float] = (1.0, 1.0)
) -> np.ndarray:
    """Matrix (rays, pixels): from row to row, or from column to column where a ray is flat."""
    rows, columns = shape
    matrix = np.zeros((len(rays), rows, columns))
    x = (np.arange(columns) - (columns - 1) / 2) * spacing[1]
    y = ((rows - 1) / 2 - np.arange(rows)) * spacing[0]
    for number, (theta, s) in enumerate(rays):
        cosine, sine = math.cos(theta), math.sin(theta)
        if abs(sine) * spacing[0] <= abs(cosine) * spacing[1]:
            crossing = (s - y * sine) / cosine
            hat = 1 - np.abs(crossing[:, None] - x) / spacing[1]
            matrix[number] = np.maximum(hat, 0) * spacing[0] / abs(cosine)
        else:
            crossing = (s - x * cosine) / sine
            hat = 1 - np.abs(crossing - y[:, None]) / spacing[0]
            matrix[number] = np.maximum(hat, 0) * spacing[1] / abs(sine)
    return matrix.reshape(len(rays), -1)
