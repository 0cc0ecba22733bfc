import torch

from mrrecon.engines import image_as_label


def test_input_and_target_are_the_image_in_the_wanted_type() -> None:
    image, label = image_as_label({"image": torch.ones(1, 1, 2, 2, 2)}, "cpu", dtype=torch.float64)
    assert image.dtype == torch.float64
    assert torch.equal(image, label)
