"""A version that is rolled out, in a worker: for whom it answers, and what it predicts beside the other answers.

In each stage both versions predict every row. One of them answers; the other predicts after the answer has left. Where
the candidate should answer and cannot, the champion does.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ml_platform.core.clock import to_micros
from ml_platform.core.errors import OnlineRequestFault
from ml_platform.core.plain_values import one_zero
from ml_platform.operations.predictions.online_log import LoggedShadow
from ml_platform.operations.rollout.counts import StageCounts
from ml_platform.registry.rollout import Rollout
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.served_model import Answered, ServedModel
from ml_platform.storage.online.store import OnlineStore, View


class Candidate:
    """The candidate of one model, in its present stage.

    Attributes
    ----------
    facts
        Candidate, stage and share, for people and programs.
    """

    def __init__(self, rollout: Rollout, served: ServedModel) -> None:
        self.served, self.share, self.facts = served, rollout.stage.share, rollout.facts
        self._model, self._stage = rollout.version.model, rollout.entered.seq
        self._counts: dict[int, StageCounts] = {}

    @property
    def counts(self) -> list[StageCounts]:
        """What was counted of each version, since it was written last."""
        return list(self._counts.values())

    def answer(
        self, champion: ServedModel, rows: Sequence[Mapping[str, Any]], view: View, at: datetime
    ) -> list[Answered | RequestProblem]:
        """Return the answer to each row, by the version that answers for its entity, or why it has none.

        A row has none where the champion cannot answer it either.
        """
        if not self.share:
            return champion.answer(rows, view, at, self.served)
        chosen = [self._answers_for(champion, row) for row in rows]
        mine = iter(self._answer(champion, [row for row, ours in zip(rows, chosen, strict=True) if ours], view, at))
        others = [row for row, ours in zip(rows, chosen, strict=True) if not ours]
        theirs = iter(champion.answer(others, view, at, self.served) if others else [])
        return [next(mine) if ours else next(theirs) for ours in chosen]

    def _answers_for(self, champion: ServedModel, row: Mapping[str, Any]) -> bool:
        try:
            return entity_place(self._model, champion.read_key(row)) < self.share
        except (RequestProblem, OnlineRequestFault):  # the champion words it
            return False

    def _answer(
        self, champion: ServedModel, rows: Sequence[Mapping[str, Any]], view: View, at: datetime
    ) -> list[Answered | RequestProblem]:
        """Return the answers by the candidate; by the champion where the candidate has none."""
        try:
            answers: Sequence[Answered | Exception] = self.served.answer(rows, view, at, champion) if rows else []
        except Exception as error:
            if len(rows) > 1:
                return [self._answer(champion, [row], view, at)[0] for row in rows]
            answers = [error]
        made = list[Answered | RequestProblem]()
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, Exception):
                (other,) = champion.answer([row], view, at)
                made.append(other)
                if not isinstance(other, RequestProblem):
                    self._of(self.served).failed()
            else:
                made.append(answer)
        return made

    def predict_beside(self, answered: Answered, store: OnlineStore) -> LoggedShadow:
        """Predict, by the version that did not answer, the row of an answer; nothing it does reaches the client."""
        other = answered.beside
        assert other is not None
        try:
            begun = time.perf_counter_ns()
            looked_up, predicted = other.predict_as_candidate(answered, store)
            took = time.perf_counter_ns() - begun
        except Exception:
            self._of(other).failed()
            return LoggedShadow(answered.record.id)
        self._of(answered.served).predicted(answered.look_up_took + answered.predict_took)
        self._of(other).predicted(took if looked_up else answered.look_up_took + took)
        return LoggedShadow(
            answered.record.id,
            other.version.number,
            predicted.score,
            predicted.action,
            predicted.expected_value,
        )

    def _of(self, served: ServedModel) -> StageCounts:
        number = served.version.number
        if number not in self._counts:
            self._counts[number] = StageCounts(self._model, self._stage, number)
        return self._counts[number]


def entity_place(model: str, key: tuple[Any, ...]) -> float:
    """Return a number from 0 to below 1 that is always the same for an entity, and differs from model to model."""
    plain = [to_micros(value) if isinstance(value, datetime) else one_zero(value) for value in key]
    digest = hashlib.blake2b(msgspec.json.encode([model, *plain]), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
