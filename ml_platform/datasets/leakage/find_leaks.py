"""The four leakage checks, over the rows of one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.core.errors import listed
from ml_platform.datasets.exclusions import EFFECTIVE_TIME, PREDICTION_TIME
from ml_platform.datasets.labels.states import LABEL
from ml_platform.datasets.leakage.empty_windows import EmptyWindows, no_empty_windows
from ml_platform.datasets.leakage.label_copies import likeness
from ml_platform.datasets.leakage.label_rows import KNOWN_FROM
from ml_platform.datasets.leakage.label_timing import settled_rows
from ml_platform.datasets.leakage.missingness import OneSided, one_sided
from ml_platform.datasets.leakage.single_feature import Strength, read_column, strength
from ml_platform.datasets.snapshot.read import Snapshot
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import expand_features
from ml_platform.sources.checks.results import CheckResult, Severity, sample_rows

SINGLE, COPY, NULLNESS, SETTLED = "single_feature", "copy_of_label", "nullness", "label_known_before"
LEAK_CHECKS = (SINGLE, COPY, NULLNESS, SETTLED)
_SHOWN = 5
_LIKE = {
    "equal to": "{} is equal to {}",
    "in the order of": "{} always rises with {}, or always falls with it",
    "one to one with": "{} has one value for each value of {}",
}
_WORTH_A_LOOK = 0.9
_MARGIN = 0.08
"""How far below the limit a figure may lie for all that is known: features of real worth reach 0.9 alone."""


def find_leaks(
    spec: ProjectSpec,
    model: ModelSpec,
    snapshot: Snapshot,
    truth: pd.DataFrame,
    label_reads: Sequence[str],
    empty: EmptyWindows | None = None,
) -> tuple[CheckResult, ...]:
    """Return the results of the four checks.

    Parameters
    ----------
    truth
        What the label was made of, in the order of the snapshot's rows
        (`ml_platform.datasets.leakage.label_rows.truth_of`).
    label_reads
        The columns that the label's expression reads.
    empty
        In which rows the window of a feature has no row; without it, in none.
    """
    guard = _Guard(spec, model, snapshot, truth, tuple(label_reads), empty or no_empty_windows(snapshot.frame))
    return (guard.single_feature(), guard.copies(), guard.nullness(), guard.settled())


@dataclass(frozen=True)
class _Guard:
    spec: ProjectSpec
    model: ModelSpec
    snapshot: Snapshot
    truth: pd.DataFrame
    label_reads: tuple[str, ...]
    empty: EmptyWindows

    @cached_property
    def entity(self) -> np.ndarray:
        """A number for the entity of each row."""
        keys = self.spec.file.entities[self.model.population.entity]
        return self.snapshot.frame.groupby(list(keys), sort=False, dropna=False).ngroup().to_numpy()

    @cached_property
    def features(self) -> list[str]:
        return list(expand_features(self.spec, self.model))

    @cached_property
    def train(self) -> pd.DataFrame:
        return self.snapshot.part("train")

    @cached_property
    def validate(self) -> pd.DataFrame:
        return self.snapshot.part("validate")

    def _is_allowed(self, feature: str) -> bool:
        allowed = self.model.leakage.allow
        return feature in allowed or f"{feature.partition('.')[0]}.*" in allowed

    def _strength(self, feature: pd.Series, later: pd.Series) -> Strength | None:
        return strength(
            read_column(feature, later),
            self.train[LABEL],
            self.validate[LABEL],
            is_number=self.model.task in ("regression", "quantile"),
            entity=self.entity[self.snapshot.places("validate")],
            features=len(self.features),
        )

    @property
    def _unit(self) -> str:
        return "variance explained" if self.model.task in ("regression", "quantile") else "AUC"

    def single_feature(self) -> CheckResult:
        """Each feature alone, against the declared limit."""
        strengths = {name: self._strength(self.train[name], self.validate[name]) for name in self.features}
        return self._against_limit(SINGLE, strengths, "by itself")

    def nullness(self) -> CheckResult:
        """Whether a value is missing, alone, and rows without a value that all have one label."""
        frame = self.snapshot.frame
        holed = [name for name in self.features if frame[name].isna().any()]
        strengths = {name: self._strength_of_nulls(name) for name in holed}
        by_figure = self._against_limit(NULLNESS, strengths, "by being missing")
        sides = [(name, side) for name in holed if (side := self._one_sided(name, len(holed))) is not None]
        leaks = [_missing_text(*item) for item in sides if item[1].is_leak]
        notes = [_missing_text(*item) for item in sides if not item[1].is_leak]
        problems = [str(by_figure.summary["problem"])] if not by_figure.passed else []
        if not (leaks or notes):
            return by_figure
        problems += [listed(texts, limit=_SHOWN) for texts in (leaks, notes) if texts]
        severity: Severity = "error" if leaks or by_figure.blocks else "warn"
        return _failed(NULLNESS, severity, "; ".join(problems), by_figure.summary)

    def _strength_of_nulls(self, name: str) -> Strength | None:
        """Return how well the nulls of a feature predict the label, without those that an empty window explains."""
        missing = self.snapshot.frame[name].isna()
        figure = self._strength(*self._parts(missing))
        if figure is None or figure.figure < min(self.model.leakage.single_feature, _WORTH_A_LOOK):
            return figure
        return self._strength(*self._parts(missing & ~self.empty(name)))

    def _parts(self, values: pd.Series) -> tuple[pd.Series, pd.Series]:
        """Return the values of the train and of the validate period."""
        return values.iloc[self.snapshot.places("train")], values.iloc[self.snapshot.places("validate")]

    def _one_sided(self, name: str, features: int) -> OneSided | None:
        """Return the rows that lack a feature and all have one label, unless chance or an empty window explains it."""
        frame = self.snapshot.frame
        side = one_sided(frame[name], frame[LABEL], self.entity, features)
        if side is None or not side.is_no_chance or self._is_allowed(name):
            return None
        unexplained = ~(self.empty(name) & frame[name].isna().to_numpy())
        rows = frame[unexplained]
        side = one_sided(rows[name], rows[LABEL], self.entity[unexplained], features)
        return side if side is not None and side.is_no_chance else None

    def _against_limit(self, name: str, strengths: Mapping[str, Strength | None], how: str) -> CheckResult:
        limit = self.model.leakage.single_feature
        known = sorted(((item, feature) for feature, item in strengths.items() if item is not None), reverse=True)
        strongest = [{"feature": feature, self._unit: round(item.figure, 4)} for item, feature in known[:_SHOWN]]
        summary: dict[str, Any] = {"limit": f"{self._unit} below {limit:g}", "strongest": strongest}
        open_ones = [(item, feature) for item, feature in known if not self._is_allowed(feature)]
        over = [pair for pair in open_ones if pair[0].figure >= limit]
        sure = [pair for pair in over if pair[0].at_least >= limit - _MARGIN]
        if sure:
            problem = f"{self._figures(sure)} predicts the label too well {how} (limit {limit:g})"
            return _failed(name, "error", problem, summary)
        if over:
            why = f"limit {limit:g}; not certain, because too few rows have one of the labels"
            return _failed(name, "warn", f"{self._figures(over)} predicts the label too well {how} ({why})", summary)
        look = min(limit, _WORTH_A_LOOK)
        strong = [pair for pair in open_ones if pair[0].figure >= look]
        if strong:
            return _failed(name, "warn", f"{self._figures(strong)} predicts the label well {how}", summary)
        return CheckResult(name, True, summary=summary)

    def _figures(self, strong: Sequence[tuple[Strength, str]]) -> str:
        texts = (
            f"{feature} ({self._unit} {item.figure:.3f}, at least {item.at_least:.2f})" for item, feature in strong
        )
        return listed(texts, limit=_SHOWN)

    def copies(self) -> CheckResult:
        """Features that follow from the label, or from the column that it is made of."""
        frame = self.snapshot.frame
        truths = {
            "the label": frame[LABEL],
            **{f"{self.model.label.source}.{c}": self.truth[c] for c in self.label_reads},
        }
        certain: list[str] = []
        likely: list[str] = []
        for feature in self.features:
            if self._is_allowed(feature):
                continue
            for name, values in truths.items():
                how = likeness(frame[feature], values)
                if how is not None:
                    alone = name == "the label" or len(self.label_reads) == 1
                    (certain if alone else likely).append(_LIKE[how].format(feature, name))
                    break
        summary = {"compared": len(self.features), "with": list(truths)}
        if certain or likely:
            return _failed(COPY, "error" if certain else "warn", listed(certain or likely, limit=_SHOWN), summary)
        return CheckResult(COPY, True, summary=summary)

    def settled(self) -> CheckResult:
        """Rows that were asked about when their label was known, or when it had happened."""
        frame, timing = self.snapshot.frame, settled_rows(self.snapshot.frame, self.truth)
        counts = {
            "rows": len(frame),
            "known_before": int(timing.known.sum()),
            "happened_before": int(timing.happened.sum()),
            "no_answer": self._about_events_before(),
        }
        if counts["no_answer"] and not timing.known.any():
            sentence = (
                f"the label rows of {counts['no_answer']} rows are about events before the batch run, and became known"
            )
            return _failed(SETTLED, "warn", f"{sentence} afterwards: they are no answers and were ignored", counts)
        if LABEL in self.model.leakage.allow or timing.develops or not (timing.known.any() or timing.happened.any()):
            return CheckResult(SETTLED, True, summary=counts)
        certain = bool(timing.known.any())
        late, what = (timing.known, "known") if certain else (timing.happened, "there, though not known,")
        keys = self.spec.file.entities[self.model.population.entity]
        known_at = {"label_known_at": self.truth[late][KNOWN_FROM]}
        rows = sample_rows(frame[late][[*keys, PREDICTION_TIME, EFFECTIVE_TIME]].assign(**known_at))
        problem = f"the label of {late.sum()} of {len(frame)} rows was {what} when they were asked about"
        return _failed(SETTLED, "error" if certain else "warn", problem, counts, rows)

    def _about_events_before(self) -> int:
        """Return how many rows have a label row that is no answer, since its event lies before the question."""
        about = self.snapshot.about
        return sum(int(about.get(part, {}).get("label_before", 0)) for part in ("dropped", "negatives"))


def _failed(
    name: str, severity: Severity, problem: str, summary: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = ()
) -> CheckResult:
    return CheckResult(name, False, severity, {**summary, "problem": problem}, rows)


def _missing_text(feature: str, side: OneSided) -> str:
    label = str(side.label).lower() if str(side.label) in ("True", "False") else str(side.label)
    return (
        f"{feature} is missing in {side.rows} rows, all with label {label} ({side.share_elsewhere:.1%} of the others)"
    )
