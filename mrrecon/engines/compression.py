"""Evaluator that takes each scan to its codes and back."""

import time
from typing import Any

import torch
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents
from monai.utils import convert_to_dst_type, convert_to_tensor
from monai.utils.enums import CommonKeys as Keys


class CompressionEvaluator(SupervisedEvaluator):
    """Evaluator that keeps the codes of a scan beside its reconstruction.

    Its inferer has ``encode`` and ``decode`` (see ``CodecInferer``). The output of an iteration holds ``image`` and
    ``pred`` (batch, channels, D, H, W), ``codes`` (a list of int64 fields, finest first) and the seconds of both
    passes under ``seconds_encode`` and ``seconds_decode``. Handlers attached to ``IterationEvents.FORWARD_COMPLETED``
    see it before any postprocessing, in the intensities of the network.
    """

    def _iteration(self, engine: Any, batchdata: dict[str, torch.Tensor]) -> dict[str, Any]:
        image, label = engine.prepare_batch(
            batchdata, engine.state.device, engine.non_blocking, **engine.to_kwargs
        )[:2]
        x = convert_to_tensor(image, track_meta=False)
        output: dict[str, Any] = {Keys.IMAGE: image, Keys.LABEL: label}
        with engine.mode(engine.network):
            start = time.perf_counter()
            output["codes"] = list(engine.inferer.encode(x, engine.network))
            encoded = time.perf_counter()
            pred = engine.inferer.decode(tuple(output["codes"]), engine.network, x.shape[2:])
        output["seconds_decode"] = time.perf_counter() - encoded
        # With the trace of the image, by which its transforms are inverted.
        output[Keys.PRED] = convert_to_dst_type(pred, image)[0]
        output["seconds_encode"] = encoded - start
        engine.state.output = output
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        # What postprocessing would have to take apart again.
        engine.state.output = {key: output[key] for key in (Keys.IMAGE, Keys.LABEL, Keys.PRED)}
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        result: dict[str, Any] = engine.state.output
        return result
