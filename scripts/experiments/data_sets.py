"""The data sets of figures 5 and 8 by their names: where they lie, their masks, and what suits them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scripts.experiments.images import Split, brains, digits
from scripts.experiments.methods import Settings
from scripts.experiments.options import ListOf, Text, Whole, check

DATA = ("mnist2", "mnist", "mnist_rot", "fashion", "patches", "slices")
"""The paper's; mnist2 holds the digit 2 alone."""

DIGITS = ("mnist2", "mnist", "mnist_rot", "fashion")
LATENTS = {"patches": 100, "slices": 200}
"""Length of the code, where it is not the 10 of digits (paper, 4.3.2 and 4.4)."""

FOLDER = Text("./folder", empty=True)
NUMBERS = ListOf(Whole(), "[3000, 300, 500]", n=3)
"""Of images in training, validation and test."""


@dataclass(frozen=True, kw_only=True)
class DataSets:
    """Where data sets lie, and how many of their images are used.

    Args:
        mnist: folder of the digits' idx files; "" for none.
        fashion: folder of Fashion-MNIST's idx files; "" for none.
        brains: folder or list of scans of extracted brains; "" for none.
        n_test: test digits; 0 for all.
        n_patches: patches of brains in training, validation and test.
        n_slices: slices of brains in training, validation and test.
        seed: of the choice of images, and of the angles of rotated digits.

    Raises:
        ValueError: an option is not what it may be.
    """

    mnist: str
    fashion: str
    brains: str
    n_test: int
    n_patches: Sequence[int]
    n_slices: Sequence[int]
    seed: int

    def __post_init__(self) -> None:
        check(
            self,
            mnist=FOLDER,
            fashion=FOLDER,
            brains=FOLDER,
            n_test=Whole(0),
            n_patches=NUMBERS,
            n_slices=NUMBERS,
            seed=Whole(0),
        )

    @property
    def given(self) -> list[str]:
        """Names of the data sets whose folder is known, in the order of ``DATA``."""
        return [data for data in DATA if getattr(self, _option(data))]

    def load(self, data: str) -> Split:
        """A data set by its name.

        Raises:
            FileNotFoundError: there is nothing in its folder.
            ValueError: its folder was not given, or what it holds will not do.
        """
        if data not in self.given:
            raise ValueError(f"no data: {data} needs --{_option(data)}")
        if data not in DIGITS:
            numbers = self.n_patches if data == "patches" else self.n_slices
            return brains(self.brains, kind=data, n_images=numbers, seed=self.seed)
        folder = self.fashion if data == "fashion" else self.mnist
        only = 2 if data == "mnist2" else None
        return digits(folder, only=only, rotated=data == "mnist_rot", n_test=self.n_test, seed=self.seed)


def _option(data: str) -> str:
    return "fashion" if data == "fashion" else "mnist" if data in DIGITS else "brains"


def kind_of(data: str) -> str:
    """Kind of the masks of a data set."""
    return "lines" if data == "slices" else "pixels"


def settings_for(data: str, settings: Settings) -> Settings:
    """Settings for digits, fitted to a data set: length of the code, and of brains a quarter of the batch."""
    recipe = settings.recipe
    if data not in DIGITS:
        recipe = replace(recipe, batch=max(1, recipe.batch // 4))
    n_latents = LATENTS.get(data, 10)
    # Four regions of a patch and six of a slice have together about the code of the whole.
    return replace(settings, recipe=recipe, n_latents=n_latents, n_local=max(10, n_latents // 4))
