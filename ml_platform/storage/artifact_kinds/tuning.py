"""A search for parameters: every trial, and the parameters that were best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from ml_platform.core.hashing import content_id
from ml_platform.storage.artifact_kinds.kind import ArtifactKind, Items, JsonByName, Mismatch, Part, Read
from ml_platform.storage.manifest import StoredObject


class FoldFacts(Part):
    """A period that judged trials: where it starts and ends, and the rows that were fitted on and judged."""

    start: str
    end: str
    fitted: int
    judged: int


class TrialFacts(Part):
    """One set of parameters.

    Attributes
    ----------
    losses
        The mean loss of a row over the folds so far, after each fold. For money it is the gain with a minus.
    """

    params: JsonByName
    state: Literal["complete", "pruned", "failed"]
    losses: Items[float]
    note: str | None = None


class TuningManifest(ArtifactKind):
    """What the manifest of a search holds.

    Attributes
    ----------
    score
        What a trial is judged by, such as ``brier``.
    declared
        The outcome of the parameters that the declaration has, without any that is searched for.
    params
        Those of the best trial; empty where no trial is better than the declared parameters.
    best
        The place of the best trial; None where no trial is better than the declared parameters.
    ended
        What ended the search.
    seconds
        How long each trial took. They are no part of the id.
    """

    name: ClassVar[str] = "tuning"
    persons = "learnt"
    after_erasure = "erased from the snapshot that it was searched on: the search can no longer be repeated exactly"

    model: str
    algorithm: str
    score: str
    folds: Items[FoldFacts]
    declared: TrialFacts
    trials: Items[TrialFacts]
    best: int | None = None
    params: JsonByName
    ended: Literal["trials", "budget"]
    seconds: Items[float]
    environment: dict[str, str]

    @property
    def best_trial(self) -> TrialFacts:
        """The trial with the least loss, or the declared parameters."""
        return self.declared if self.best is None else self.trials[self.best]

    @property
    def text(self) -> str:
        """The outcome in a sentence without its full stop."""
        count = {state: sum(trial.state == state for trial in self.trials) for state in ("pruned", "failed")}
        ended = ", ".join(f"{number} {state}" for state, number in count.items() if number)
        others = f" ({ended})" if ended else ""
        name = "loss" if self.score == "value" else self.score
        best, declared = (f"{trial.losses[-1]:.4g}" for trial in (self.best_trial, self.declared))
        if self.best is None:
            return (
                f"None of {len(self.trials)} trials is better than the declared parameters: {name} {declared}{others}"
            )
        number = f"Trial {self.best + 1} of {len(self.trials)}"
        return f"{number} is the best: {name} {best}, with the declared parameters {declared}{others}"

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str:
        """Return the id: of the snapshot and of every trial. How long they took, and where, does not count."""
        facts = {name: value for name, value in self.as_json().items() if name not in ("seconds", "environment")}
        return content_id({**facts, "snapshot": inputs["snapshot"]})

    def contents(self, objects: Mapping[str, StoredObject], read: Read) -> Iterator[Mismatch]:
        """Yield a difference where the parameters are not those of the trial with the least loss."""
        complete = [place for place, trial in enumerate(self.trials) if trial.state == "complete"]
        least = min(complete, key=lambda place: self.trials[place].losses[-1], default=None)
        if least is not None and self.trials[least].losses[-1] >= self.declared.losses[-1]:
            least = None
        expected = {} if least is None else self.trials[least].params
        if (least, expected) != (self.best, self.params):
            yield Mismatch(f"tuning of {self.model}", f"trial {least}: {expected}", f"trial {self.best}: {self.params}")
