"""What every solver looks at before it begins, each fault told in one sentence."""

import math

import torch
from torch import Tensor

from mrrecon.memory import available_memory
from mrrecon.operators import LinearOperator

__all__ = [
    "check_bounds",
    "check_image",
    "check_measurement",
    "check_memory",
    "check_stopping",
    "check_weight",
    "first_adjoint",
]


def check_measurement(A: LinearOperator, y: Tensor, *, n_batch: int = 0) -> None:
    """Refuse what no solver can work with.

    Args:
        A: operator.
        y: measurement.
        n_batch: number of leading axes of ``y`` that count independent problems.

    Raises:
        TypeError: ``A`` is no operator, or ``y`` no tensor of real or complex floating-point numbers.
        ValueError: ``y`` is empty, has too few axes, holds NaN or infinity, or nothing but zeros, or there is
            no memory for another one like it.

    Example:
        >>> from mrrecon.operators import Identity
        >>> check_measurement(Identity(), torch.ones(2))
    """
    if not isinstance(A, LinearOperator):
        raise TypeError(f"A must be a LinearOperator, got {type(A).__name__}")
    if not isinstance(y, Tensor):
        raise TypeError(f"y must be a tensor, got {type(y).__name__}: give torch.as_tensor(y)")
    if not (y.is_floating_point() or y.is_complex()):
        raise TypeError(f"y must hold real or complex floating-point numbers, got {y.dtype}: give y.float()")
    if y.numel() == 0:
        raise ValueError(f"y of shape {tuple(y.shape)} is empty: every side must be at least 1")
    if not 0 <= n_batch < max(y.ndim, 1):
        raise ValueError(
            f"n_batch={n_batch} must be from 0 to {max(y.ndim - 1, 0)}, so that y of shape {tuple(y.shape)} "
            "has an axis left for a measurement"
        )
    check_memory(y, copies=1.0, what="a measurement")
    low, high = _range(y, n_batch)
    if not bool((low.isfinite() & high.isfinite()).all()):
        raise ValueError("y holds NaN or infinity: replace those values, or leave them out with a mask")
    nothing = (low == 0) & (high == 0)
    if bool(nothing.any()):
        which = f"y[{_first(nothing)}]" if n_batch else "y"
        raise ValueError(f"{which} is zero everywhere: there is no image to find, look at how it was read")


def first_adjoint(A: LinearOperator, y: Tensor, *, copies: int | float = 1.0, n_batch: int = 0) -> Tensor:
    """``A^H y``, the first thing a solver computes, once it is sure that ``A`` and ``y`` fit.

    Args:
        A: operator.
        y: measurement.
        copies: how many more images of that size will be held at the same time.
        n_batch: number of leading axes of ``y`` that count independent problems.

    Raises:
        TypeError: ``y`` is real where ``A`` measures complex numbers.
        ValueError: ``y`` has not the shape that ``A`` measures, ``A`` sees nothing of it (an empty mask), or
            there is too little memory.

    Example:
        >>> from mrrecon.operators import Identity
        >>> first_adjoint(Identity(), torch.ones(2))
        tensor([1., 1.])
    """
    try:
        image = A.adjoint(y)
    except (RuntimeError, IndexError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise ValueError(f"y of shape {tuple(y.shape)} is no measurement of A = {A}: {error}") from error
    if image.is_complex() and not y.is_complex():
        raise TypeError(f"y is real ({y.dtype}) where A = {A} measures complex numbers: give y + 0j")
    if image.shape[:n_batch] != y.shape[:n_batch]:
        raise ValueError(
            f"n_batch={n_batch} counts axes of y, of shape {tuple(y.shape)}, that are no batch to A = {A}, "
            f"whose images have shape {tuple(image.shape)}"
        )
    check_memory(image, copies=copies)
    low, high = _range(image, n_batch)
    unseen = (low == 0) & (high == 0)
    if bool(unseen.any()):
        which = f"y[{_first(unseen)}]" if n_batch else "y"
        raise ValueError(f"A = {A} sees nothing of {which}: is its mask empty, or not that of y?")
    return image


def check_image(given: Tensor | None, image: Tensor, *, name: str = "initial") -> Tensor | None:
    """A warm start, or another image that is given, if it is like the one that is to be found.

    Args:
        given: the image, or None.
        image: what ``A^H y`` gave.
        name: what the sentence calls it.

    Raises:
        TypeError: it is complex where the image is real, or the other way round, or of another precision.
        ValueError: it has another shape, or holds NaN or infinity.

    Example:
        >>> check_image(torch.ones(2), torch.zeros(2))
        tensor([1., 1.])
    """
    if given is None:
        return None
    if given.dtype != image.dtype:
        raise TypeError(f"{name} must be of {image.dtype} as the image is, got {given.dtype}")
    if given.shape != image.shape:
        raise ValueError(f"{name} must have the image's shape {tuple(image.shape)}, got {tuple(given.shape)}")
    if not bool(given.isfinite().all()):
        raise ValueError(f"{name} holds NaN or infinity: leave it out to begin with zero")
    return given


def check_weight(weight: int | float, *, name: str = "weight", zero: bool = False) -> float:
    """The weight of a regulariser, if it is one.

    Args:
        weight: number.
        name: what the sentence calls it.
        zero: whether 0 is allowed.

    Raises:
        TypeError: it is no real number.
        ValueError: it is negative, zero where it must not be, NaN or infinite.

    Example:
        >>> check_weight(0.1)
        0.1
    """
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise TypeError(f"{name} must be a real number, got {type(weight).__name__}")
    if not (0 <= weight < math.inf) or (weight == 0 and not zero):
        wanted = "0 or a positive number" if zero else "a positive number"
        raise ValueError(f"{name}={weight} must be {wanted}, and finite")
    return float(weight)


def check_stopping(tolerance: int | float, max_iterations: int) -> None:
    """Refuse a stopping rule that cannot stop.

    Args:
        tolerance: of the solver's criterion.
        max_iterations: the most iterations allowed.

    Raises:
        ValueError: the tolerance is negative or NaN, or no iteration is allowed.

    Example:
        >>> check_stopping(1e-6, 100)
    """
    if not 0 <= tolerance < math.inf:
        raise ValueError(f"tolerance={tolerance} must be 0 or a positive number")
    if max_iterations < 1:
        raise ValueError(f"max_iterations={max_iterations} must be at least 1")


def check_bounds(lower: int | float | None, upper: int | float | None, *, is_complex: bool) -> None:
    """Refuse a box that holds nothing, or one of complex numbers, which have no order.

    Args:
        lower: least value allowed, or None.
        upper: greatest value allowed, or None.
        is_complex: whether the image is complex.

    Raises:
        TypeError: there is a bound, and the image is complex.
        ValueError: a bound is NaN, or the lower one is above the upper one.

    Example:
        >>> check_bounds(0.0, None, is_complex=False)
    """
    if lower is None and upper is None:
        return
    low, high = -math.inf if lower is None else lower, math.inf if upper is None else upper
    if not low <= high:
        raise ValueError(f"lower={lower} must not be above upper={upper}")
    if is_complex:
        raise TypeError(f"lower={lower} and upper={upper} bound real images only, and this one is complex")


def check_memory(
    image: Tensor, *, copies: int | float, what: str = "an image", available: int | None = None
) -> None:
    """Refuse a problem that clearly needs more memory than there is.

    Args:
        image: a tensor of the size the solver works with.
        copies: how many more of that size it holds at its peak, the operator's own among them.
        what: what the sentence calls it.
        available: bytes that can be had; None: what the machine says now.

    Raises:
        ValueError: it needs more.

    Example:
        >>> check_memory(torch.zeros(8), copies=4)
    """
    if available is None:
        available = available_memory(image.device)
    needed = copies * image.numel() * image.element_size()
    if available is None or needed <= available:
        return
    raise ValueError(
        f"{what} of shape {tuple(image.shape)} and {image.dtype} needs about {needed / 2**30:.3g} GiB of "
        f"memory here, and {available / 2**30:.3g} GiB are free: take fewer slices at a time, or float32"
    )


def _range(tensor: Tensor, n_batch: int) -> tuple[Tensor, Tensor]:
    """Least and greatest number of each problem, parts of complex numbers apart; NaN if there is one."""
    tensor = tensor.detach()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    low, high = tensor.flatten(n_batch).aminmax(dim=-1) if n_batch else tensor.aminmax()
    return low, high


def _first(where: Tensor) -> str:
    return ", ".join(str(int(index)) for index in where.nonzero()[0])
