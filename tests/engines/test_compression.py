import pytest
import torch
from monai.data import DataLoader
from monai.data.meta_tensor import MetaTensor
from monai.engines.utils import IterationEvents

from mrrecon.codec import CodecError
from mrrecon.data import ScanDataset
from mrrecon.engines import CompressionEvaluator


class Halves:
    """Codes that are the image in halves, and an image that is the codes doubled."""

    def encode(self, x, _network):
        return ((x[:, 0] / 2).long(),)

    def decode(self, codes, _network, _shape):
        return 2.0 * codes[0][:, None]


class Listener:
    def __init__(self):
        self.outputs = []

    def attach(self, engine):
        engine.add_event_handler(
            IterationEvents.FORWARD_COMPLETED, lambda e: self.outputs.append(dict(e.state.output))
        )


def evaluator(images, **options):
    def read(item):
        if item["image"] == "bad":
            raise ValueError("bad is no scan")
        return {"image": MetaTensor(item["image"])}

    data = ScanDataset([{"image": image} for image in images], read)
    return CompressionEvaluator(
        device="cpu",
        val_data_loader=DataLoader(data),
        network=torch.nn.Identity(),
        inferer=Halves(),
        **options,
    )


def cube(value):
    return torch.full((1, 2, 3, 4), float(value))


def test_handlers_see_codes_and_reconstruction_of_each_scan():
    listener = Listener()
    evaluator([cube(4), cube(10)], val_handlers=[listener]).run()
    assert [float(output["pred"].mean()) for output in listener.outputs] == [4.0, 10.0]
    assert [int(output["codes"][0].max()) for output in listener.outputs] == [2, 5]
    assert all(output["seconds_encode"] >= 0 and output["seconds_decode"] >= 0 for output in listener.outputs)


def test_postprocessing_gets_single_images_without_codes():
    seen = []
    evaluator([cube(4)], postprocessing=lambda item: seen.append(item) or item).run()
    assert seen[0]["pred"].shape == (1, 2, 3, 4)
    assert isinstance(seen[0]["pred"], MetaTensor)
    assert "codes" not in seen[0]


def test_a_refused_scan_is_passed_over_and_named_at_the_end():
    listener = Listener()
    engine = evaluator([cube(4), "bad", cube(10)], val_handlers=[listener])
    with pytest.raises(RuntimeError, match=r"^1 of 3 scans could not be read:\n  bad is no scan$"):
        engine.run()
    assert len(listener.outputs) == 2
    assert engine.refused == [{"scan": "bad", "reason": "bad is no scan"}]


def test_the_reason_of_a_single_scan_is_the_error():
    with pytest.raises(RuntimeError, match=r"^bad is no scan$"):
        evaluator(["bad"]).run()


@pytest.mark.parametrize("event", [IterationEvents.FORWARD_COMPLETED, IterationEvents.MODEL_COMPLETED])
def test_a_scan_that_cannot_be_coded_stops_no_other(event):
    def refuse(engine):
        if engine.state.iteration == 1:
            raise CodecError("cannot be stored so")

    saved = []
    images = [MetaTensor(cube(value), meta={"filename_or_obj": str(value)}) for value in (4, 10)]
    engine = evaluator(images, postprocessing=lambda item: saved.append(item) or item)
    engine.add_event_handler(event, refuse)
    with pytest.raises(RuntimeError, match="cannot be stored so"):
        engine.run()
    assert engine.refused == [{"scan": "4", "reason": "cannot be stored so"}]
    assert float(saved[-1]["pred"].mean()) == 10.0


def test_an_error_after_reading_stops_at_once():
    done = []

    def full(item):
        done.append(item)
        raise OSError("disk full")

    with pytest.raises((OSError, RuntimeError)):
        evaluator([cube(4), cube(10)], postprocessing=full).run()
    assert len(done) == 1
