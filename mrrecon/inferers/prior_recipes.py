"""How the networks of the deep image prior are fitted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How a network is fitted: to holes, to means over blocks, to noise."""

    width: int
    learning_rate: float
    noise_std: float
    holes: int
    factor: int
    noise: int


RECIPES = {
    # The steps and rates of the authors' notebooks.
    "skip": Recipe(width=128, learning_rate=0.01, noise_std=0.03, holes=6000, factor=2000, noise=3000),
    # A fixed code and 1000 steps: the comparison of the sparse imputation's authors.
    "decoder": Recipe(width=32, learning_rate=0.001, noise_std=0.0, holes=1000, factor=1000, noise=1000),
}


def check_prior(method: str) -> None:
    """Refuse a method that there is no recipe for.

    Args:
        method: name of a network, or ``"tv"``.

    Raises:
        ValueError: it is another.

    Example:
        >>> check_prior("skip")
    """
    if method not in (*RECIPES, "tv"):
        raise ValueError(f"method={method!r} must be one of {', '.join(RECIPES)}, tv")
