"""What verifying finds: each thing that is damaged, missing or surplus, what it was, and what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ml_platform.core.errors import ArtifactMissing
from ml_platform.storage.artifact_kinds import artifact_kind

State = Literal["damaged", "missing", "surplus"]
_KEPT = 1000


@dataclass(frozen=True)
class Damage:
    """One thing that is not as it was written.

    Attributes
    ----------
    thing
        ``object``, ``manifest``, ``content``, ``key``, ``ledger``, ``anchor``, ``ref``, ``version``, ``log``, ``row``,
        ``row log``, ``database``.
    where
        The file below the store's root, or the row of the database.
    was
        What it was, and who needs it.
    problem
        What is wrong with it.
    remedy
        What to do.
    """

    state: State
    thing: str
    where: str
    was: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.state} {self.thing} {self.where}: {self.problem}. It was {self.was}. {self.remedy}"


@dataclass
class Verification:
    """What was checked and what was found.

    Attributes
    ----------
    checked
        How many of each kind of thing were checked.
    damages
        The first thousand; `counts` knows of all.
    unused
        Objects that no artifact names, left by a process that was stopped: they are intact and harmless.
    unknown
        Manifests and keys that the database does not know, by path: a process was stopped while it wrote them, or a
        person put them there. They are never read.
    leftovers
        Half-written files of killed processes, which the platform removes by itself after a day.
    unfinished
        What a stopped process has begun and the platform finishes, in sentences.
    """

    checked: Counter[str] = field(default_factory=Counter)
    damages: list[Damage] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    unused: int = 0
    unknown: list[str] = field(default_factory=list)
    leftovers: int = 0
    unfinished: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether everything is as it was written."""
        return not self.counts

    def add(self, damage: Damage) -> None:
        """Record a damage."""
        self.counts[f"{damage.state} {damage.thing}"] += 1
        if len(self.damages) < _KEPT:
            self.damages.append(damage)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "whole": self.whole,
            "checked": dict(sorted(self.checked.items())),
            "damage_counts": dict(sorted(self.counts.items())),
            "unused_objects": self.unused,
            "unknown_files": self.unknown,
            "leftover_files": self.leftovers,
            "unfinished": self.unfinished,
            "damages": [asdict(damage) for damage in self.damages],
        }


def remedy(kind: str) -> str:
    """Return what to do about a damaged artifact of a kind, or an object of it."""
    if not artifact_kind(kind).is_remade:
        return "Restore it from a copy: it cannot be recomputed."
    return "Restore it from a copy, or remove it and the manifest, then run: the platform computes it again."


def state_of(error: Exception | None) -> State:
    """Return whether an error is about something that is missing, or damaged."""
    return "missing" if isinstance(error, ArtifactMissing) else "damaged"


def problem_of(error: Exception | None) -> str:
    """Return what is wrong according to an error, without its remedy."""
    return str(error).partition(". ")[0].partition("\n")[0].rstrip(".")
