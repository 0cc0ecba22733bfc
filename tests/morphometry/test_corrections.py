"""Corrections for many tests against scipy."""

import pytest
import torch
from scipy.stats import false_discovery_control

from mrrecon.morphometry import bonferroni, false_discovery


@pytest.fixture
def p(generator):
    """Probabilities with ties."""
    p = torch.rand(6, 7, 8, generator=generator, dtype=torch.float64) ** 3
    p[0, 0] = p[0, 1]
    return p


@pytest.mark.parametrize(("dependent", "method"), [(False, "bh"), (True, "by")])
def test_false_discovery_rates_are_scipys(p, dependent, method):
    expected = false_discovery_control(p.flatten().numpy(), method=method)
    found = false_discovery(p, dependent=dependent)
    torch.testing.assert_close(found.flatten(), torch.from_numpy(expected))


def test_only_the_tests_that_were_made_count(p, generator):
    mask = torch.rand(p.shape, generator=generator) < 0.3
    found = false_discovery(p, mask=mask)
    torch.testing.assert_close(found[mask], torch.from_numpy(false_discovery_control(p[mask].numpy())))
    torch.testing.assert_close(bonferroni(p, mask=mask)[mask], (p[mask] * mask.sum()).clamp(max=1))
    assert (found[~mask] == 1).all()


def test_bonferroni_is_the_number_of_tests(p):
    assert bonferroni(p).flatten().tolist() == pytest.approx((p.flatten() * 336).clamp(max=1).tolist())


def test_what_is_no_probability_is_refused(p):
    for correct in (bonferroni, false_discovery):
        with pytest.raises(ValueError, match=r"p must hold probabilities in \[0, 1\]"):
            correct(p - 0.5)
    with pytest.raises(ValueError, match="mask has the shape"):
        bonferroni(p, mask=torch.ones(3, dtype=torch.bool))
