"""Evaluator that solves an inverse problem for each scan."""

import time
from typing import Any

import torch
from monai.data.meta_tensor import MetaTensor
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents
from monai.utils.enums import CommonKeys as Keys

from mrrecon.engines.refusals import raise_if_refused, refused_items
from mrrecon.errors import sentence

__all__ = ["SolverEvaluator"]


class SolverEvaluator(SupervisedEvaluator):
    """Evaluator whose inferer has ``solve`` (``SolverInferer``, ``ImputationInferer``): it keeps the making.

    The output of an iteration holds ``image`` (the measurement), ``pred``, ``start`` (the first estimate)
    and, where they are known, ``label``, ``std`` and ``completions`` (one a channel) and the solution's
    ``others``, each with an affine of its own, all through the postprocessing when
    ``ITERATION_COMPLETED`` is fired; ``solution`` is the ``Solution`` of the iteration and ``seconds`` what
    it took.

    A scan that cannot be read or solved does not stop the others: it is kept in ``refused``, a list of
    {"scan", "reason"}, and when all are done ``run`` raises. What goes wrong in writing, such as a full disk,
    stops the run at once; what is finished by then is kept.

    Raises:
        RuntimeError: by ``run``, at the end, if scans were refused.
    """

    refused: list[dict[str, str]]
    solution: Any = None
    seconds: float = 0.0

    def run(self, global_epoch: int = 1) -> None:  # type: ignore[override]
        """Run over all scans."""
        self.refused = []
        super().run(global_epoch)
        raise_if_refused(self.refused, of=self.state.epoch_length or 0, what="reconstructed")

    def _iteration(self, engine: Any, batchdata: dict[str, Any]) -> Any:
        self.solution = None
        self.refused += refused_items(batchdata)
        if "refused" in batchdata:
            return {}
        image = batchdata[Keys.IMAGE].to(engine.state.device)
        scan = str(image.meta["filename_or_obj"][0])
        method = batchdata["method"][0] if "method" in batchdata else None
        start = time.perf_counter()
        try:
            with engine.mode(engine.network):
                solution = engine.inferer.solve(image, engine.network, method=method)
        except (ValueError, TypeError, torch.OutOfMemoryError) as error:
            reason = sentence(error)
            self.refused.append({"scan": scan, "reason": reason if scan in reason else f"{scan}: {reason}"})
            return {}
        self.solution, self.seconds = solution, time.perf_counter() - start
        meta = dict(image.meta)
        if solution.pixel_spacing is not None:
            meta["pixel_spacing"] = torch.tensor([solution.pixel_spacing])
        output = {
            Keys.IMAGE: image,
            Keys.PRED: _with(solution.image, meta),
            "start": _with(solution.start, meta),
        }
        for name in ("std", "completions"):
            if getattr(solution, name, None) is not None:
                output[name] = _with(getattr(solution, name), meta)
        for name, (values, affine) in getattr(solution, "others", {}).items():
            output[name] = _with(values, meta | {"affine": torch.as_tensor(affine)[None]})
        if Keys.LABEL in batchdata:
            output[Keys.LABEL] = batchdata[Keys.LABEL]
        engine.state.output = output
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output


def _with(values: torch.Tensor, meta: dict[str, Any]) -> MetaTensor:
    """Values with the metadata of the measurement, without its trace: they are no transform of it."""
    result = MetaTensor(values, meta=dict(meta))
    result.is_batch = True
    return result
