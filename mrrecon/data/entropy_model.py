"""The entropy model that goes with a network's weights."""

import sys
from pathlib import Path

from mrrecon.codec.container import CodecError
from mrrecon.codec.context_model import ContextModel
from mrrecon.codec.histogram_model import HistogramModel

__all__ = ["EntropyModels"]


class EntropyModels:
    """Learned model of the codes of one network, if there is one, and the histogram for all others.

    Args:
        path: file of a ``ContextModel``; it need not be there.
        quiet: whether to say nothing where the histogram is taken.
    """

    def __init__(self, path: str | Path = "", *, quiet: bool = False) -> None:
        self.path = Path(path)
        self.quiet = quiet
        self._learned: ContextModel | None = None
        self._is_read = False

    def to_write(self, weights: str, n_codes: int) -> ContextModel | HistogramModel:
        """Model for the codes of a network with these weights, ``n_codes`` a level."""
        learned = self._context()
        if learned is not None and learned.weights == weights:
            return learned
        if not self.quiet:
            why = "is not there" if learned is None else f"belongs to the weights {learned.weights}"
            print(  # noqa: T201
                f"context={str(self.path)!r} {why}: codes of the weights {weights} are stored by their "
                "frequencies alone, which makes larger files",
                file=sys.stderr,
            )
            self.quiet = True
        return HistogramModel(n_codes)

    def to_read(self, name: str, n_codes: int) -> ContextModel | HistogramModel:
        """Model of a name, as a file has it.

        Raises:
            CodecError: it is not at hand.
        """
        if name == HistogramModel.identity:
            return HistogramModel(n_codes)
        learned = self._context()
        if learned is None or learned.identity != name:
            have = "there is none" if learned is None else f"this is {learned.identity}"
            raise CodecError(f"was made with the context model {name}, {have}: give its file by --context")
        return learned

    def _context(self) -> ContextModel | None:
        if not self._is_read and self.path.is_file():
            self._learned = ContextModel.load(self.path)
        self._is_read = True
        return self._learned
