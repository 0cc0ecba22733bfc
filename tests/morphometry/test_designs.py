"""Designs of studies, and what they refuse."""

import numpy as np
import pytest
import torch

from mrrecon.morphometry import Design, one_sample_design, paired_design, two_sample_design
from mrrecon.morphometry.partition import split_design


def test_groups_have_a_column_each_and_covariates_are_centred():
    design = two_sample_design(["b", "a", "a", "b"], {"age": np.array([50, 70, 60, 60])})
    assert design.names == ("b", "a", "age")
    expected = [[1, 0, -10], [0, 1, 10], [0, 1, 0], [1, 0, 0]]
    assert design.matrix.tolist() == expected


def test_pairs_are_told_apart_by_condition_and_subject():
    design = paired_design(2)
    assert design.matrix.tolist() == [[0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1]]
    assert design.blocks.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (["a"] * 6, "two groups, neither empty, got 'a'"),
        ([], "two groups, neither empty, got none"),
        (["a", "b", "c"] * 3, "got 'a', 'b', 'c'"),
        (["a", "b"], "2 maps are too few for the 2 columns of the design: at least 3"),
    ],
)
def test_groups_that_give_no_test_are_refused(groups, said):
    with pytest.raises(ValueError, match=said):
        two_sample_design(groups)


@pytest.mark.parametrize(
    ("covariates", "said"),
    [
        ({"age": [1.0, float("nan"), 2.0, None, 3.0]}, r"covariates\['age'\] is missing for the maps 1, 3"),
        ({"age": [1.0, 2.0]}, r"covariates\['age'\] has 2 values for 5 maps"),
        ({"age": [60.0] * 5}, "the column 'age' of the design is constantly 0"),
        ({"tiv": [1.0, 2, 3, 4, 6], "ml": [10.0, 20, 30, 40, 60]}, "tiv, ml of the design are linearly"),
        ({"age": [1.0, 2, 4, 3, 1], "tiv": [2.0, 1, 1, 5, 6], "iq": [1.0, 5, 1, 2, 3]}, "too few for the 5"),
    ],
)
def test_covariates_that_give_no_test_are_refused(covariates, said):
    with pytest.raises(ValueError, match=said):
        two_sample_design(["a", "b", "a", "b", "b"], covariates)


def test_covariate_that_is_the_group_is_refused():
    with pytest.raises(ValueError, match="the columns a, b, scanner of the design are linearly dependent"):
        two_sample_design(["a", "b", "a", "b", "b"], {"scanner": [1, 2, 1, 2, 2]})


def test_covariate_equal_before_and_after_is_refused():
    with pytest.raises(ValueError, match="linearly dependent"):
        paired_design(3, {"age": [50, 60, 75, 50, 60, 75]})


@pytest.mark.parametrize("few", [lambda: one_sample_design(1), lambda: paired_design(1)])
def test_one_subject_is_too_few(few):
    with pytest.raises(ValueError, match="1"):
        few()


@pytest.mark.parametrize(
    ("contrast", "said"),
    [
        ({"age": 1}, "contrast names 'age', the design has mean"),
        ([1.0, 2.0], "must weigh the 1 columns"),
        ([0.0], "one of them not 0"),
    ],
)
def test_contrasts_that_do_not_fit_are_refused(contrast, said):
    with pytest.raises(ValueError, match=said):
        one_sample_design(5).row_vector(contrast)


def test_design_of_any_matrix_refuses_what_is_not_finite():
    matrix = torch.tensor([[1.0, 2], [1, 3], [1, torch.inf], [1, 5]])
    with pytest.raises(ValueError, match="got inf in row 2 of 'age'"):
        Design(matrix, ("mean", "age"))


def test_partition_is_an_orthonormal_basis_with_the_effect_first(generator):
    matrix = torch.randn(12, 4, generator=generator, dtype=torch.float64)
    c = torch.tensor([1.0, -1.0, 0.5, 0.0], dtype=torch.float64)
    part = split_design(Design(matrix, ("a", "b", "c", "d")), c.tolist())
    effect = c @ torch.linalg.inv(matrix.T @ matrix) @ matrix.T
    torch.testing.assert_close(part.scale * part.tested, effect)
    torch.testing.assert_close(part.basis.T @ part.basis, torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(part.basis @ (part.basis.T @ matrix), matrix)


def test_pairs_leave_the_subjects_means_as_they_are():
    part = split_design(paired_design(3), {"after": 1})
    means = torch.eye(3, dtype=torch.float64).repeat(2, 1) / 2**0.5
    torch.testing.assert_close(part.nuisance.abs(), means)
    assert part.nuisance.count_nonzero() == 6
    assert part.scale == pytest.approx((2 / 3) ** 0.5)
