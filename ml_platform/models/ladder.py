"""The algorithms that a model compares, the simplest first. Reading them loads no library of data frames."""

from __future__ import annotations

from dataclasses import dataclass

from ml_platform.core.formatting import amount_text
from ml_platform.storage.artifact_kinds.trained_model import Rung, TrainedModelManifest
from ml_platform.storage.manifest import Artifact

DECLARED, BASELINE = "declared_algorithm", "baseline/"
"""The names of predictors beside the model's own; those of baselines begin with the last."""


@dataclass(frozen=True)
class Ladder:
    """The algorithms of a model, the simplest first, and which of them was chosen.

    Attributes
    ----------
    margin
        How much of the best gain the chosen one may lack, as a share.
    rows
        How many rows of the validate period were valued.
    """

    rungs: tuple[Rung, ...]
    margin: float
    rows: int

    @property
    def chosen(self) -> int:
        """The place of the first algorithm that earns at most the margin less than the best.

        >>> gains = {"rule": 0.5, "ridge": 0.99, "lightgbm": 1.0}
        >>> Ladder(tuple(Rung(name=name, gain=gain) for name, gain in gains.items()), 0.02, 90).chosen
        1
        >>> Ladder((Rung(name="rule", gain=-2.0), Rung(name="lightgbm", gain=-1.0)), 0.02, 90).chosen
        1
        """
        best = max(rung.gain for rung in self.rungs)
        enough = best - self.margin * abs(best)
        return next(place for place, rung in enumerate(self.rungs) if rung.gain >= enough)

    def text(self, unit: str) -> str:
        """Return why the chosen algorithm was chosen.

        >>> ladder = Ladder((Rung(name="ridge", gain=0.99), Rung(name="boost", gain=1.0)), 0.02, 90)
        >>> print(ladder.text("EUR").partition(": ")[2])
        the simplest within 2 % of the best gain on 90 rows of the validate period (ridge 0.99, boost 1.00 EUR a row)
        """
        gains = ", ".join(f"{rung.name} {amount_text(rung.gain, places=2)}" for rung in self.rungs)
        rule = f"the simplest within {100 * self.margin:g} % of the best gain on {self.rows:,} rows"
        return f"{self.rungs[self.chosen].name} was chosen: {rule} of the validate period ({gains} {unit} a row)"


def others_of(trained: Artifact) -> list[str]:
    """Return the names of the predictors that were fitted beside a trained model's own, the simplest first."""
    about = TrainedModelManifest.of(trained)
    names = [*(f"{BASELINE}{baseline.name}" for baseline in about.baselines), DECLARED]
    return [name for name in names if name in about.predictors]


def simpler_than(trained: Artifact) -> list[str]:
    """Return those of `others_of` that are simpler than the predictor: it must earn more than each of them."""
    choice = TrainedModelManifest.of(trained).choice
    if choice is None:
        return others_of(trained)
    rungs = [rung.name for rung in choice.rungs]
    simpler = {f"{BASELINE}{name}" for name in rungs[: rungs.index(choice.chosen)]}
    return [name for name in others_of(trained) if name in simpler]
