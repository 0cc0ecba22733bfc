"""Evaluator that takes each scan to its codes and back."""

import time
from typing import Any

import torch
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents
from monai.utils import convert_to_dst_type, convert_to_tensor
from monai.utils.enums import CommonKeys as Keys

from mrrecon.codec import CodecError
from mrrecon.engines.refusals import raise_if_refused, refused_items

__all__ = ["CompressionEvaluator"]


class CompressionEvaluator(SupervisedEvaluator):
    """Evaluator that keeps the codes of a scan beside its reconstruction.

    Its inferer has ``encode`` and ``decode`` (see ``CodecInferer``). The output of an iteration holds
    ``image`` and ``pred`` (batch, channels, D, H, W), ``codes`` (a list of int64 fields, finest first) and
    the seconds of both passes under ``seconds_encode`` and ``seconds_decode``. Handlers attached to
    ``IterationEvents.FORWARD_COMPLETED`` see it before any postprocessing, in the intensities of the network.
    ``IterationEvents.INNER_ITERATION_STARTED`` is fired between the two passes, ``INNER_ITERATION_COMPLETED``
    when those handlers are done and postprocessing begins, ``MODEL_COMPLETED`` when it has ended.

    A scan that cannot be read (an item of ``ScanDataset`` with a reason), or not be coded as asked (a
    ``CodecError`` of a handler), does not stop the others: it is kept in ``refused``, a list of {"scan",
    "reason"}, and when all are done ``run`` raises. What goes wrong after
    reading, such as a full disk or too little memory, would meet the next scan as well, and stops the run at
    once; what is finished by then is kept.

    Raises:
        RuntimeError: by ``run``, at the end, if scans were refused.
    """

    refused: list[dict[str, str]]

    def run(self, global_epoch: int = 1) -> None:  # type: ignore[override]
        """Run over all scans."""
        self.refused = []
        super().run(global_epoch)
        raise_if_refused(self.refused, of=self.state.epoch_length or 0, what="read")

    def _iteration(self, engine: Any, batchdata: dict[str, Any]) -> Any:
        if "refused" in batchdata:
            self.refused += refused_items(batchdata)
            return {}
        image, label = engine.prepare_batch(
            batchdata, engine.state.device, engine.non_blocking, **engine.to_kwargs
        )[:2]
        x = convert_to_tensor(image, track_meta=False)
        output: dict[str, Any] = {Keys.IMAGE: image, Keys.LABEL: label}
        with engine.mode(engine.network):
            start = time.perf_counter()
            output["codes"] = list(engine.inferer.encode(x, engine.network))
            output["seconds_encode"] = _seconds_since(start, x.device)
            engine.fire_event(IterationEvents.INNER_ITERATION_STARTED)
            start = time.perf_counter()
            pred = engine.inferer.decode(tuple(output["codes"]), engine.network, x.shape[2:])
            output["seconds_decode"] = _seconds_since(start, x.device)
        # With the trace of the image, by which its transforms are inverted.
        output[Keys.PRED] = convert_to_dst_type(pred, image)[0]
        engine.state.output = output
        try:
            engine.fire_event(IterationEvents.FORWARD_COMPLETED)
            engine.fire_event(IterationEvents.INNER_ITERATION_COMPLETED)
            # What postprocessing would have to take apart again.
            engine.state.output = {key: output[key] for key in (Keys.IMAGE, Keys.LABEL, Keys.PRED)}
            engine.fire_event(IterationEvents.MODEL_COMPLETED)
        except CodecError as error:
            self.refused.append({"scan": str(image.meta["filename_or_obj"][0]), "reason": str(error)})
            return {}
        return engine.state.output


def _seconds_since(start: float, device: torch.device) -> float:
    if device.type == "cuda":
        # A GPU is handed its work and does it later.
        torch.cuda.synchronize(device)
    return time.perf_counter() - start
