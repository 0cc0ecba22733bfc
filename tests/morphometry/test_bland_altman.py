"""Bland-Altman figures against the article's own example and scipy."""

import numpy as np
import pytest
from scipy import stats

from mrrecon.morphometry import bland_altman


def with_moments(n, mean, sd):
    """Numbers with exactly this mean and standard deviation."""
    values = np.random.default_rng(0).standard_normal(n)
    return (values - values.mean()) / values.std(ddof=1) * sd + mean


def test_blood_pressures_of_the_article():
    # Bland and Altman 1999, section 2: 85 subjects, mean difference -16.29, standard deviation 19.61 mmHg.
    found = bland_altman(with_moments(85, -16.29, 19.61), np.zeros(85))
    assert (found.lower, found.upper) == pytest.approx((-54.7, 22.1), abs=0.05)
    assert found.lower_interval == pytest.approx((-61.9, -47.5), abs=0.15)
    assert found.upper_interval == pytest.approx((14.9, 29.3), abs=0.15)


def test_interval_of_the_bias_is_students():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 12))
    expected = stats.ttest_rel(a, b).confidence_interval(0.9)
    found = bland_altman(a.tolist(), b.tolist(), confidence=0.9)
    assert found.bias_interval == pytest.approx((expected.low, expected.high))


def test_the_first_minus_the_second():
    found = bland_altman([3.0, 4.0, 5.0], [1.0, 2.0, 3.0])
    assert (found.bias, found.sd, found.lower, found.upper, found.n) == (2.0, 0.0, 2.0, 2.0, 3)


@pytest.mark.parametrize(
    ("a", "b", "confidence", "said"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.95, "at least 3 subjects, got 2 and 2"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], 0.95, "got 3 and 2"),
        ([1.0, 2.0, np.nan], [1.0, 2.0, 3.0], 0.95, "a must be finite, got nan"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], 95.0, "confidence=95.0"),
    ],
)
def test_what_has_no_answer_is_refused(a, b, confidence, said):
    with pytest.raises(ValueError, match=said):
        bland_altman(a, b, confidence=confidence)
