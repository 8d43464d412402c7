"""An action that is recommended at most so often a day: who of those that ask gets it.

The rule is that of batch scoring (`models.capacity`), for runs of the rows that are answered together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import NamedTuple

import numpy as np

from ml_platform.core.clock import from_micros
from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.models.capacity import Capacity
from ml_platform.models.row_form import RowPrediction
from ml_platform.models.rows_to_come import RowsToCome
from ml_platform.operations.online.capacities import rows_to_come
from ml_platform.operations.predictions.online_log import LoggedPrediction
from ml_platform.project import Project
from ml_platform.serving.problems import RequestProblem
from ml_platform.storage.online.description import Description
from ml_platform.storage.online.opened import open_places
from ml_platform.storage.online.places import Places

_NONE_KNOWN = RowsToCome(np.array([]), np.array([], dtype="timedelta64[ns]"), 1)


class Limited(NamedTuple):
    """A prediction within the capacity.

    Attributes
    ----------
    gain
        The expected gain of the limited action; None where it is not known, or the row is held out.
    """

    prediction: RowPrediction
    gain: float | None


class LimitedAction:
    """Shares the places of one model's limited action among requests.

    Parameters
    ----------
    actions
        The names of all actions, in declared order.
    """

    def __init__(self, model: str, capacity: Capacity, actions: Sequence[str], places: Places) -> None:
        self._model, self._capacity, self._places = model, capacity, places
        self._place = list(actions).index(capacity.action)
        self._others = [name for name in actions if name != capacity.action]
        self._to_come = _NONE_KNOWN
        self._description: Description | None = None

    def limited(self, items: Sequence[tuple[RowPrediction, bool]], at: datetime, known: Description) -> list[Limited]:
        """Return predictions of one moment, of which those without a place recommend the best other action.

        Parameters
        ----------
        items
            Each prediction, and whether its row is held out, so that it takes no place.
        known
            What the online store holds: what is expected of the day is part of it.

        Raises
        ------
        RequestProblem
            Where places cannot be counted.
        """
        gains = [None if is_control else self._gain(prediction.expected) for prediction, is_control in items]
        wanted = [(gain, place) for place, gain in enumerate(gains) if gain is not None and gain > 0]
        chosen = self._chosen(sorted(wanted, key=lambda item: -item[0]), at, known) if wanted else set()
        denied = {place for _, place in wanted} - chosen
        return [
            Limited(self._without_place(prediction) if place in denied else prediction, gains[place])
            for place, (prediction, _) in enumerate(items)
        ]

    def give_back(self, records: Sequence[LoggedPrediction]) -> None:
        """Give back the places of answers that are not sent; where they cannot be counted, they stay taken."""
        for day, count in Counter(self._days_of(records)).items():
            with suppress(OnlineStoreUnavailable):
                self._places.take(self._model, day, "service", partial(_fewer, count))

    def _days_of(self, records: Sequence[LoggedPrediction]) -> Iterator[str]:
        """Yield the day of each place that answers have."""
        for record in records:
            if record.action == self._capacity.action and record.capacity_gain is not None and record.capacity_gain > 0:
                yield self._capacity.moment(from_micros(record.at))[0]

    def _gain(self, expected: Sequence[float]) -> float | None:
        if any(value != value for value in expected):
            return None
        return expected[self._place] - max(self._of_others(expected))

    def _chosen(self, wanted: Sequence[tuple[float, int]], at: datetime, known: Description) -> set[int]:
        """Take places for some of the rows that want one, and return which rows have one."""
        day, time = self._capacity.moment(at)
        gains, to_come, count = np.array([gain for gain, _ in wanted]), self._expected(known), 0

        def choose(mine: int, others: int) -> int:
            nonlocal count
            count = self._capacity.places(gains, time, to_come, mine + others)
            return mine + count

        try:
            self._places.take(self._model, day, "service", choose)
        except OnlineStoreUnavailable as error:
            raise RequestProblem(503, "places_unavailable", str(error), retry_after=5) from None
        return {place for _, place in wanted[:count]}

    def _expected(self, known: Description) -> RowsToCome:
        if known is not self._description:
            published = known.capacities.get(self._model)
            self._to_come = _NONE_KNOWN if published is None else rows_to_come(published)
            self._description = known
        return self._to_come

    def _without_place(self, prediction: RowPrediction) -> RowPrediction:
        others = self._of_others(prediction.expected)
        worth = max(others)
        action = self._others[others.index(worth)]
        return prediction._replace(action=action, expected_value=worth, best_action=prediction.action)

    def _of_others(self, expected: Sequence[float]) -> list[float]:
        return [value for place, value in enumerate(expected) if place != self._place]


def limited_action(project: Project, model: str, actions: Sequence[str]) -> LimitedAction | None:
    """Return what limits an action, as the model is declared now; None where a version does not know that action."""
    capacity, file = Capacity.declared(project.spec.models[model].value), project.spec.file
    if capacity is None or capacity.action not in actions:
        return None
    return LimitedAction(model, capacity, actions, open_places(file.storage.online, project.state, file.name))


def _fewer(count: int, mine: int, others: int) -> int:
    return max(0, mine - count)
