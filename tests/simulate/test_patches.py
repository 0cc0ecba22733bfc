"""Where patches lie."""

import pytest
import torch

from mrrecon.simulate.patches import draw_patch


def test_patch_lies_inside_and_touches_the_foreground(generator: torch.Generator) -> None:
    foreground = torch.zeros(20, 24, 28, dtype=torch.bool)
    foreground[15:19, 2:4, 10:12] = True
    for _ in range(50):
        patch = draw_patch(foreground, patch_size=(8, 6, 4), generator=generator)
        assert foreground[patch].shape == (8, 6, 4)
        assert foreground[patch].any()


def test_no_patch_size_means_the_whole_volume(generator: torch.Generator) -> None:
    patch = draw_patch(torch.ones(4, 5, 6).bool(), patch_size=None, generator=generator)
    assert [(side.start, side.stop) for side in patch] == [(0, 4), (0, 5), (0, 6)]


def test_patch_larger_than_the_volume_is_refused(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match=r"patch_size=\(4, 9, 4\) must be three sizes within .* \(4, 5, 6\)"):
        draw_patch(torch.ones(4, 5, 6).bool(), patch_size=(4, 9, 4), generator=generator)
