import torch

from mrrecon.engines import asked_values, observed_as_label


def test_a_batch_becomes_input_and_two_parts_of_a_target():
    batch = {"image": torch.rand(3, 2, 4, 5), "label": torch.rand(3, 2, 4, 5)}
    image, (values, mask) = observed_as_label(batch, "cpu", dtype=torch.float64)
    assert image.dtype == torch.float64
    assert torch.equal(torch.cat([values, mask], 1), batch["label"].double())


def test_values_are_compared_where_they_were_asked_for():
    pred, image = torch.rand(1, 4, 5), torch.rand(1, 4, 5)
    mask = (torch.rand(1, 4, 5) < 0.5).float()
    (one,), (two,) = asked_values([{"pred": pred, "label": (image, mask)}])
    assert one.shape == two.shape == (1, int(mask.sum()))
    torch.testing.assert_close(one[0] - two[0], (pred - image)[mask > 0])
