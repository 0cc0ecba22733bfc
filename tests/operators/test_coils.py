"""What every receive coil sees."""

import pytest
import torch

from mrrecon.operators import Coils


def test_coils_are_a_column_of_diagonal_matrices() -> None:
    maps, x = torch.randn(3, 4, dtype=torch.complex128), torch.randn(4, dtype=torch.complex128)
    matrix = torch.cat([torch.diag(row) for row in maps])
    torch.testing.assert_close(Coils(maps)(x).flatten(), matrix @ x)
    y = torch.randn(3, 4, dtype=torch.complex128)
    torch.testing.assert_close(Coils(maps).adjoint(y), matrix.mH @ y.flatten())
    torch.testing.assert_close(Coils(maps).gram(x), matrix.mH @ matrix @ x)
    assert Coils(maps).norm_bound == pytest.approx(torch.linalg.matrix_norm(matrix, 2).item())


def test_axis_of_the_coils_stands_before_space() -> None:
    assert Coils(torch.ones(3, 4, 5))(torch.ones(2, 6, 4, 5)).shape == (2, 6, 3, 4, 5)
    assert Coils(torch.ones(3, 4, 5)).adjoint(torch.ones(2, 6, 3, 4, 5)).shape == (2, 6, 4, 5)


def test_precision_follows_the_image() -> None:
    maps = torch.ones(3, 4, dtype=torch.complex128)
    assert Coils(maps)(torch.ones(4)).dtype == torch.complex64
    assert Coils(maps.real)(torch.ones(4)).dtype == torch.float32


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (torch.ones(4), r"maps of shape \(4,\) must have an axis of coils and axes of space"),
        (torch.zeros(2, 3, 3), r"maps of shape \(2, 3, 3\) are zero everywhere: no coil sees anything"),
        (torch.full((2, 3), torch.nan), r"maps must be finite, they hold NaN or infinity"),
    ],
)
def test_maps_that_see_nothing_are_refused(maps: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Coils(maps)


def test_other_number_of_coils_is_refused() -> None:
    with pytest.raises(ValueError, match=r"y of shape \(4, 6, 6\) has 4 coils, the maps have 3"):
        Coils(torch.ones(3, 6, 6)).adjoint(torch.ones(4, 6, 6))


def test_other_shape_is_refused() -> None:
    operator = Coils(torch.ones(3, 6, 6))
    with pytest.raises(ValueError, match=r"x of shape \(6, 5\) .* its last axes must be \(6, 6\)"):
        operator(torch.ones(6, 5))
    with pytest.raises(ValueError, match=r"y of shape \(6, 6\) .* its last axes must be \(3, 6, 6\)"):
        operator.adjoint(torch.ones(6, 6))
