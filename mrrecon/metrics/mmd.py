"""Maximum mean discrepancy between two sets of images, with the linear kernel."""

from jaxtyping import Float
from torch import Tensor

from mrrecon.metrics.pairs import check_finite, squared_distance

__all__ = ["log_mmd", "mmd", "mmd_unbiased"]


def mmd(
    x: Float[Tensor, "n_x channels *spatial"], y: Float[Tensor, "n_y channels *spatial"]
) -> Float[Tensor, ""]:
    r"""Squared distance of the mean images of two sets, summed over voxels.

    $$ \mathrm{MMD}^2 = \Big\lVert \tfrac1n \sum_i x_i - \tfrac1m \sum_j y_j \Big\rVert^2 $$

    This is the biased estimate with the kernel $\langle x, y \rangle$. For one image in each set it is the
    sum of squared errors. It grows with the number of voxels and the square of the intensities: compare
    values only of images with one shape and one normalisation.

    Args:
        x: one set of images, along the first axis.
        y: the other, of as many images or of another number.

    Returns:
        A tensor without axes, zero if the means are equal.

    Raises:
        ValueError: the images differ in shape, a set is empty, or a value is not finite.

    Example:
        >>> import torch
        >>> mmd(torch.tensor([[0.0, 0.0], [2.0, 2.0]]), torch.tensor([[1.0, 3.0]]))
        tensor(4.)

    Reference:
        Gretton, Borgwardt, Rasch, Schölkopf, Smola, A kernel two-sample test, Journal of Machine Learning
        Research 13, 2012. Its use for images: Kwon, Han, Kim, Generation of 3D brain MRI using auto-encoding
        generative adversarial networks, MICCAI 2019, doi:10.1007/978-3-030-32248-9_14
    """
    _check(x, y, at_least=1)
    distance = squared_distance(_mean(x), _mean(y))[0]
    check_finite(distance, {"x": x, "y": y})
    return distance


def log_mmd(
    x: Float[Tensor, "n_x channels *spatial"], y: Float[Tensor, "n_y channels *spatial"]
) -> Float[Tensor, ""]:
    """Natural logarithm of ``mmd``, the form in which papers print it; minus infinity if the means are equal.

    Args:
        x: one set of images, along the first axis.
        y: the other.

    Raises:
        ValueError: the images differ in shape, a set is empty, or a value is not finite.

    Example:
        >>> import torch
        >>> log_mmd(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
        tensor(0.)
    """
    return mmd(x, y).log()


def mmd_unbiased(
    x: Float[Tensor, "n_x channels *spatial"], y: Float[Tensor, "n_y channels *spatial"]
) -> Float[Tensor, ""]:
    r"""Estimate of the squared distance of two populations' mean images that is right on average.

    $$ \frac{1}{n(n-1)} \sum_{i \ne j} \langle x_i, x_j \rangle + \frac{1}{m(m-1)} \sum_{i \ne j} \langle y_i,
    y_j \rangle - \frac{2}{nm} \sum_{i,j} \langle x_i, y_j \rangle $$

    Unlike ``mmd`` it does not count the spread within small sets as distance, and so it may be negative.

    Args:
        x: at least two images, along the first axis.
        y: at least two images; their number may be another one.

    Returns:
        A tensor without axes.

    Raises:
        ValueError: the images differ in shape, a set has fewer than two, or a value is not finite.

    Example:
        >>> import torch
        >>> mmd_unbiased(torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [2.0]]))
        tensor(-2.)

    Reference:
        Gretton, Borgwardt, Rasch, Schölkopf, Smola, A kernel two-sample test, Journal of Machine Learning
        Research 13, 2012, equation 3
    """
    _check(x, y, at_least=2)
    # The biased estimate minus what the spread of the sets adds to it on average: algebraically the formula
    # above, without its differences of large sums.
    distance = mmd(x, y) - x.var(0, correction=1).sum() / len(x) - y.var(0, correction=1).sum() / len(y)
    check_finite(distance, {"x": x, "y": y})
    return distance


def _mean(images: Tensor) -> Tensor:
    return images.mean(0, keepdim=True) if len(images) > 1 else images


def _check(x: Tensor, y: Tensor, *, at_least: int) -> None:
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(
            f"images of x and y must have one shape, got {list(x.shape[1:])} and {list(y.shape[1:])}"
        )
    for name, images in (("x", x), ("y", y)):
        if len(images) < at_least:
            raise ValueError(
                f"{name} must hold at least {at_least} images along its first axis, got {len(images)}"
            )
