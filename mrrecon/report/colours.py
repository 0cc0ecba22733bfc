"""Colours of signed numbers: black at zero, blue below, orange above, lighter the farther away."""

import numpy as np
from jaxtyping import Float, UInt8

__all__ = ["colour", "grey", "signed_colours"]

# Blue and orange stay apart for the usual kinds of colour blindness; with black at zero only errors are seen.
_STOPS = (-1.0, -0.5, 0.0, 0.5, 1.0)
_COLOURS = ((205, 240, 255), (45, 125, 255), (0, 0, 0), (255, 95, 20), (255, 238, 185))


def signed_colours(n_colours: int = 255) -> UInt8[np.ndarray, "colours rgb=3"]:
    """Table of colours from -1 to 1; the one in the middle is zero's.

    Args:
        n_colours: rows of the table, odd, at least 3.

    Raises:
        ValueError: ``n_colours`` is even or below 3.

    Example:
        >>> signed_colours(3).tolist()
        [[205, 240, 255], [0, 0, 0], [255, 238, 185]]
    """
    if n_colours < 3 or n_colours % 2 == 0:
        raise ValueError(f"n_colours={n_colours} must be odd and at least 3")
    values = np.linspace(-1, 1, n_colours)
    channels = [np.interp(values, _STOPS, channel) for channel in zip(*_COLOURS, strict=True)]
    return np.round(np.stack(channels, axis=1)).astype(np.uint8)


def colour(
    difference: Float[np.ndarray, "height width"], *, limit: float
) -> UInt8[np.ndarray, "height width rgb=3"]:
    """Picture of a difference.

    Args:
        difference: intensities.
        limit: intensity of the outermost colours, positive; beyond it the colours stay.

    Example:
        >>> colour(np.array([[-2.0, 0.0]]), limit=1.0).tolist()
        [[[205, 240, 255], [0, 0, 0]]]
    """
    table = signed_colours()
    middle = len(table) // 2
    return table[np.round(np.clip(difference / limit, -1, 1) * middle).astype(np.intp) + middle]


def grey(
    image: Float[np.ndarray, "height width"], *, low: float, high: float
) -> UInt8[np.ndarray, "height width rgb=3"]:
    """Picture of intensities.

    Args:
        image: intensities.
        low: intensity that is black.
        high: intensity that is white, above ``low``.

    Example:
        >>> grey(np.array([[0.0, 1.0]]), low=0.0, high=1.0).tolist()
        [[[0, 0, 0], [255, 255, 255]]]
    """
    levels = np.round(np.clip((image - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=2)
