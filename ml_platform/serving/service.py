"""The service of one worker process: bodies of requests in, bodies of answers out. It knows nothing of HTTP."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ml_platform.audit.explain import explain
from ml_platform.core.clock import to_micros
from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.operations.predictions.online_log import (
    LoggedPrediction,
    LoggedShadow,
    OnlineLogWriter,
    online_log_folder,
)
from ml_platform.operations.rollout.counts import CountsWriter, counts_folder
from ml_platform.project import Project
from ml_platform.serving.followed_models import Followed, FollowedModels
from ml_platform.serving.limited_action import LimitedAction
from ml_platform.serving.limits import Limits
from ml_platform.serving.posted_source import PostedSource, posted_sources
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.served_model import Answered, ServedModel
from ml_platform.serving.table_features import table_features
from ml_platform.storage.frame_log import FrameLog
from ml_platform.storage.online.opened import open_online_store
from ml_platform.storage.online.store import OnlineStore

ROWS_AT_ONCE = 16
"""How many rows are answered before other requests have a turn."""
_MOST_BESIDE = 5000
_COUNT_EVERY = 15.0


class Service:
    """Answers for all models of a project."""

    def __init__(self, project: Project, limits: Limits | None = None) -> None:
        self.project, self.limits = project, limits or Limits()
        self.store: OnlineStore = open_online_store(project.spec.file.storage.online, project.state, project.spec.name)
        self.followed = FollowedModels.begin(project)
        self.posted = posted_sources(project)
        self._log = OnlineLogWriter(FrameLog(online_log_folder(project)))
        self._counts, self._count_at = CountsWriter(counts_folder(project)), 0.0
        self._beside: deque[tuple[Answered, int]] = deque()
        self._encode = msgspec.json.Encoder().encode

    def model(self, name: str) -> ServedModel:
        """Return what serves for a model.

        Raises
        ------
        RequestProblem
        """
        followed = self.followed.models.get(name)
        if followed is None:
            known = ", ".join(self.followed.models) or "none"
            raise RequestProblem(404, "unknown_model", f"no model of this name answers online. There is: {known}.")
        if followed.serving is None:
            reason = followed.problem or "no version of it is deployed yet. Deploy one with ml-platform run"
            raise RequestProblem(503, "no_version", f"{name}: {reason}.", retry_after=10)
        return followed.serving

    def posted_source(self, name: str) -> PostedSource:
        """Return a source whose rows are posted.

        Raises
        ------
        RequestProblem
        """
        source = self.posted.get(name)
        if source is None:
            known = ", ".join(self.posted) or "none; declare reader: {streaming: true}"
            raise RequestProblem(404, "unknown_source", f"no source of this name takes rows. There is: {known}.")
        return source

    def answer(self, model: ServedModel, rows: Sequence[Mapping[str, Any]], first: int | None = None) -> list[Answered]:
        """Return the answers to rows; nothing is logged yet.

        Parameters
        ----------
        first
            The number of the first row within its request, for messages; None where the request is one row.

        Raises
        ------
        RequestProblem
            For the first row that cannot be answered.
        """
        items = self.answer_each(model, rows)
        answered = [item for item in items if isinstance(item, Answered)]
        for number, item in enumerate(items):
            if isinstance(item, RequestProblem):
                self.give_back(answered)
                raise item if first is None else _numbered(item, first + number)
        return answered

    def give_back(self, answered: Sequence[Answered]) -> None:
        """Give back what answers took that are not sent: the places of a limited action."""
        by_limit: dict[int, tuple[LimitedAction, list[LoggedPrediction]]] = {}
        for item in answered:
            if (limited := item.served.limited) is not None:
                by_limit.setdefault(id(limited), (limited, []))[1].append(item.record)
        for limited, records in by_limit.values():
            limited.give_back(records)

    def answer_each(self, model: ServedModel, rows: Sequence[Mapping[str, Any]]) -> list[Answered | RequestProblem]:
        """Return for each row its answer, or why it has none; nothing is logged yet."""
        at, candidate = self.followed.now, self.followed.candidate(model)
        with self.store.view() as view:
            if candidate is None:
                return model.answer(rows, view, at)
            return candidate.answer(model, rows, view, at)

    def record(self, answered: Sequence[Answered]) -> list[Mapping[str, Any]]:
        """Log answers, all or none, and return their bodies, which may leave now.

        Raises
        ------
        RequestProblem
            Where they cannot be logged.
        """
        try:
            records = [item.record for item in answered]
            for record, number in zip(records, self._log.numbers([item.context for item in answered]), strict=True):
                record.context = number
            self._log.write(*records)
        except OSError as error:
            raise RequestProblem(
                503, "log_unavailable", f"the prediction cannot be logged ({error.strerror}), so it is not given.", 5
            ) from None
        file = self._log.file
        self._beside.extend([(item, file) for item in answered if item.beside is not None])
        return [item.body for item in answered]

    def predict_beside(self) -> bool:
        """Let the version that did not answer predict some rows, and return whether more wait.

        It is called after answers have left. Rows that are too many to keep are left out, and so is what cannot be
        written: an answer never depends on it.
        """
        for _ in range(min(ROWS_AT_ONCE, len(self._beside))):
            answered, file = self._beside.popleft()
            candidate = self.followed.candidate(answered.served)
            full = len(self._beside) > _MOST_BESIDE
            shadow = candidate.predict_beside(answered, self.store) if candidate is not None and not full else None
            with contextlib.suppress(OSError):
                self._log.write_shadow(shadow or LoggedShadow(answered.record.id), file)
        return bool(self._beside)

    def write_counts(self) -> None:
        """Write what was counted of versions that are rolled out, every few seconds."""
        if time.monotonic() >= self._count_at:
            self._write_counts()

    def _write_counts(self) -> None:
        self._count_at = time.monotonic() + _COUNT_EVERY
        candidates = [item.candidate for item in self.followed.models.values() if item.candidate is not None]
        with contextlib.suppress(OSError):
            if not candidates:
                self._counts.close()
            self._counts.write([counts for candidate in candidates for counts in candidate.counts])

    def table_ages(self) -> dict[str, float]:
        """Return how many seconds old the published tick of each feature table is; nothing where none can be read."""
        try:
            with self.store.view() as view:
                tables = view.description.tables
        except OnlineStoreUnavailable:
            return {}
        now = to_micros(self.followed.now)
        return {name: (now - table.tick) / 1e6 for name, table in tables.items()}

    def features(self, model: ServedModel, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the features that predictions for rows would use."""
        with self.store.view() as view:
            return [model.features(row, view, self.followed.now) for row in rows]

    def table_features(self, table: str, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the published features of entities."""
        with self.store.view() as view:
            return [table_features(view, table, row, self.followed.now) for row in rows]

    def explanation(self, id: str) -> Mapping[str, Any]:
        """Return why a prediction is what it is. May run in a thread.

        Raises
        ------
        NoSuchPrediction, PlatformError
        """
        return explain(self.project, id, self.followed.now).as_json()

    @property
    def facts(self) -> list[Mapping[str, Any]]:
        """What serves, model by model."""
        return [
            self.facts_of(item.serving)
            if item.serving
            else {"model": item.model, "version": None, "problem": item.problem}
            for item in self.followed.models.values()
        ]

    def facts_of(self, model: ServedModel) -> Mapping[str, Any]:
        """Return what serves for a model, and the version that is rolled out."""
        candidate = self.followed.candidate(model)
        return {**model.facts, "rollout": None if candidate is None else candidate.facts}

    def encode(self, value: Any) -> bytes:
        """Return a value as JSON."""
        return self._encode(value)

    def store_problem(self) -> str:
        """Return why the online store cannot be read; "" where it can."""
        try:
            with self.store.view():
                return ""
        except OnlineStoreUnavailable as error:
            return str(error)

    def sync(self) -> None:
        """Wait until every record that was written is on the disk. May run in a thread."""
        self._log.sync()

    def look(self) -> list[Followed]:
        """Follow the champions, and end a log file that is old. Runs in a thread."""
        return self.followed.look()

    def rotate_log(self) -> None:
        """End a log file that is old, so that its rows reach the prediction log."""
        self._log.rotate()

    def close(self) -> None:
        """End the log."""
        while self.predict_beside():
            pass
        self._write_counts()
        self._counts.close()
        self._log.close()
        self.store.close()


def _numbered(problem: RequestProblem, number: int) -> RequestProblem:
    return RequestProblem(problem.status, problem.code, f"row {number}: {problem.message}", problem.retry_after)
