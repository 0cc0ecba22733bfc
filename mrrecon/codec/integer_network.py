"""Layers of integers whose sums are exact in float32 in any order: equal results on every machine."""

import numpy as np
from jaxtyping import Float32, Int8, Int32

__all__ = [
    "ACTIVATION_BITS",
    "LOGIT_BITS",
    "LOGIT_STEPS",
    "MAX_ACTIVATION",
    "WEIGHT_BITS",
    "IntegerLayer",
    "frequencies",
]

MAX_ACTIVATION = 127
"""Activations are integers from 0 to 127, embeddings from -127 to 127."""

ACTIVATION_BITS = 5
"""An activation or an embedding of 1 stands for 2^-5."""

WEIGHT_BITS = 7
"""A weight of 1 stands for 2^-7; so a sum of 1 stands for 2^-12."""

LOGIT_STEPS = 16
"""Logits are rounded to sixteenths of a bit."""

LOGIT_BITS = 10
"""A sum of 1 in the last layer stands for 2^-10 bits."""

PEAK = 65535
"""Frequency of the most probable code; the sum over 256 codes stays below 2^24."""

_EXACT = 1 << 24
# Built from correctly rounded square roots, the powers of two are the same on every machine.
_ROOT = np.sqrt(np.sqrt(np.sqrt(np.sqrt(0.5))))
_POWERS = np.cumprod(np.r_[1.0, np.full(LOGIT_STEPS - 1, _ROOT)])
_TABLE = np.rint(PEAK * np.concatenate([_POWERS * 0.5**octave for octave in range(18)])).astype(np.float32)


class IntegerLayer:
    r"""Matrix product with small integers, $y = (x W + b_p) / 2^s$, with one bias for each pass.

    The product is a float32 one of BLAS. Numbers are integers, or integers times one power of two, and no sum
    of any of the products can reach $2^{24}$: nothing is ever rounded, so the order of the sum, and with it
    the number of threads, does not matter.

    Args:
        weight: (n_in, n_out).
        bias: (n_passes, n_out).
        shift: s.

    Raises:
        ValueError: sums could leave the range in which float32 is exact.

    Example:
        >>> layer = IntegerLayer(np.array([[64], [-128]], np.int8), np.array([[256]], np.int32), shift=7)
        >>> layer.quotients(np.array([[8, 3]], np.float32)), layer.activations(np.array([[8, 3]], np.float32))
        (array([[3.]], dtype=float32), array([[3.]], dtype=float32))
    """

    def __init__(
        self,
        weight: Int8[np.ndarray, "n_in n_out"],
        bias: Int32[np.ndarray, "n_passes n_out"],
        *,
        shift: int = WEIGHT_BITS,
    ) -> None:
        products = MAX_ACTIVATION * np.abs(weight.astype(np.int64)).sum(0)
        largest = int((products + np.abs(bias.astype(np.int64)).max(0)).max())
        if largest >= _EXACT:
            raise ValueError(f"weight and bias give sums up to {largest}; they must stay below 2^24")
        self.weight = weight.astype(np.float32) * np.float32(2.0**-shift)
        self.bias = bias.astype(np.float32) * np.float32(2.0**-shift)

    def quotients(self, x: Float32[np.ndarray, "n n_in"], number: int = 0) -> Float32[np.ndarray, "n n_out"]:
        """Sums of products and of the bias of pass ``number``, divided by 2^shift, not rounded."""
        y: np.ndarray = x @ self.weight
        y += self.bias[number]
        return y

    def activations(
        self, x: Float32[np.ndarray, "n n_in"], number: int = 0
    ) -> Float32[np.ndarray, "n n_out"]:
        """Quotients rounded (halves to even) and clipped to 0..127."""
        y = self.quotients(x, number)
        np.rint(y, out=y)
        return np.clip(y, 0, MAX_ACTIVATION, out=y)


def frequencies(
    logits: Float32[np.ndarray, "n n_codes"], out: Float32[np.ndarray, "n n_codes"] | None = None
) -> Float32[np.ndarray, "n n_codes"]:
    r"""Integer frequencies of the codes, $f_k = 65535 \cdot 2^{(t_k - \max t) / 16}$ rounded.

    A code more than 17 bits below the most probable one has frequency 0.

    Args:
        logits: in sixteenths of a bit; t once they are rounded. Overwritten.
        out: where to write them; None: a new array.

    Example:
        >>> frequencies(np.array([[0.0, -16.4, -1000.0]], np.float32))
        array([[65535., 32768.,     0.]], dtype=float32)
    """
    np.rint(logits, out=logits)
    np.subtract(logits.max(1, keepdims=True), logits, out=logits)
    return np.take(_TABLE, logits.astype(np.int32), mode="clip", out=out)
