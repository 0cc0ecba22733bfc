"""Brightness of the tissues."""

import pytest
import torch

from mrrecon.simulate.contrast import FREESURFER_TISSUES, SOFT_TISSUE, T1_TISSUES, draw_contrast


def test_every_label_has_a_known_tissue() -> None:
    assert set(FREESURFER_TISSUES.values()) <= set(T1_TISSUES) | {SOFT_TISSUE}


@pytest.mark.parametrize("seed", range(20))
def test_t1_contrast_is_fluid_below_grey_below_white_below_fat(seed: int) -> None:
    contrast = draw_contrast(generator=torch.Generator().manual_seed(seed))
    order = [contrast[name][0] for name in ("bone", "fluid", "cortex", "thalamus", "white matter", "fat")]
    assert order[2:] == sorted(order[2:])
    assert max(order[:2]) < order[2]


def test_random_contrast_can_turn_the_order_around() -> None:
    generator = torch.Generator().manual_seed(0)
    draws = [draw_contrast(generator=generator, random_contrast=True) for _ in range(40)]
    inverted = [draw["cortex"][0] > draw["white matter"][0] for draw in draws]
    assert 5 < sum(inverted) < 35
    assert all(draw["air"].eq(0).all() for draw in draws)
