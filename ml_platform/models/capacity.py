"""At most so many rows a day get an action: the best by expected gain, as far as can be known when each is asked about.

A row's gain is the expected payoff of the limited action less that of the best other action. Batch runs of a day share
its places. A run cannot know the rows of later runs, so it expects what the last seven days had at later times of day:
a row gets the action where it is among the best of its own run and of the rows still to come. The last run of a
day expects none, and gives away what is left. Places of a day that are not used lapse. Of equal gains the smaller hash
of entity and batch run comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import cached_property

import numpy as np
import pandas as pd

from ml_platform.core.clock import read_zone
from ml_platform.core.hashing import content_id
from ml_platform.core.plain_values import plain_value
from ml_platform.declarations.daily_limit import read_daily_limit
from ml_platform.declarations.value import Value
from ml_platform.models.predictor import Predictor
from ml_platform.models.rows_to_come import RowsToCome

BEST_ACTION, CAPACITY_GAIN = "best_action", "capacity_gain"
"""Columns: the action with the highest expected payoff, and the expected gain of the limited action."""


Take = Callable[[str, Callable[[int, int], int]], None]
"""What lets batch runs take places of a day (`storage.online.places`)."""


def alone(day: str, choose: Callable[[int, int], int]) -> None:
    """Let batch runs take places that they share with no service."""
    choose(0, 0)


@dataclass(frozen=True)
class Capacity:
    """How often an action may be recommended.

    Attributes
    ----------
    most
        Rows a day.
    zone
        The time zone whose days are counted.
    """

    action: str
    most: int
    zone: str

    @classmethod
    def declared(cls, value: Value) -> Capacity | None:
        """Return the capacity that a model declares; None where it declares none."""
        return next((cls(action, *read_daily_limit(text)) for action, text in (value.capacity or {}).items()), None)

    @property
    def text(self) -> str:
        """The capacity in words.

        >>> Capacity("call", 200, "Europe/Berlin").text
        'at most 200 call a day (Europe/Berlin)'
        """
        return f"at most {self.most:,} {self.action} a day ({self.zone})"

    def days(self, times: pd.Series) -> pd.Series:
        """Return the day of each instant, as midnight without a zone."""
        days: pd.Series = self._local(times).dt.floor("D")
        return days

    def _local(self, times: pd.Series) -> pd.Series:
        local: pd.Series = times.dt.tz_convert(self.zone).dt.tz_localize(None)
        return local

    def limited(
        self,
        predicted: pd.DataFrame,
        expected: pd.DataFrame,
        keys: pd.DataFrame,
        past: pd.DataFrame | None = None,
        take: Take = alone,
    ) -> pd.DataFrame:
        """Return predictions whose ``action`` and ``expected_value`` respect the capacity.

        Parameters
        ----------
        predicted
            As `Predictor.predict` gives them.
        expected
            The expected payoff of each action of the same rows; NaN where it is not known.
        keys
            The entity's key and ``effective_time`` of the same rows.
        past
            Rows that have their action already, as the prediction log has them, with ``effective_time``, ``action``
            and `CAPACITY_GAIN`; ``online`` is true for those that the prediction service answered.
        take
            Takes places of a day (``YYYY-MM-DD``) where the service takes some too.

        Returns
        -------
        The predictions with `BEST_ACTION`, the action without the capacity, and `CAPACITY_GAIN`.
        """
        if self.action not in expected:
            return predicted.assign(best_action=predicted["action"], capacity_gain=np.nan)
        others = expected.drop(columns=self.action)
        place = np.argmax(others.fillna(-np.inf).to_numpy(), axis=1)
        other, worth = np.array(others.columns, dtype=object)[place], others.to_numpy()[np.arange(len(others)), place]
        gain = np.where(expected.isna().any(axis=1), np.nan, expected[self.action].to_numpy() - worth)
        granted = self.granted(gain, keys, past, take)
        known = ~np.isnan(gain)
        action = np.where(granted, self.action, np.where(known, other, predicted["action"].to_numpy(dtype=object)))
        value = np.where(granted, expected[self.action].to_numpy(), np.where(known, worth, predicted["expected_value"]))
        return predicted.assign(
            action=pd.Series(action, index=predicted.index, dtype=object),
            expected_value=value.astype("float64"),
            best_action=predicted["action"],
            capacity_gain=gain,
        )

    def granted(
        self, gain: np.ndarray, keys: pd.DataFrame, past: pd.DataFrame | None = None, take: Take = alone
    ) -> np.ndarray:
        """Return which rows get the limited action.

        Parameters
        ----------
        gain
            The expected gain of each row; a row without a gain above 0 gets another action.
        keys, past, take
            As in `limited`.
        """
        rows = self._placed(gain, keys["effective_time"])
        earlier = rows.iloc[:0].assign(granted=False, answered=False)
        if past is not None:
            answered = past.get("online", pd.Series(False, past.index)).astype("boolean").fillna(False).to_numpy(bool)
            earlier = self._placed(past[CAPACITY_GAIN], past["effective_time"])
            earlier = earlier.assign(granted=(past["action"] == self.action).to_numpy(), answered=answered)
        order, gains = _ordered(rows["gain"].to_numpy(), keys), rows["gain"].to_numpy()
        at, known = rows["at"].to_numpy(), pd.concat([earlier, rows])
        known = known[known["gain"].notna()]
        granted, by_day = np.zeros(len(rows), dtype=bool), pd.Series(rows["day"])
        for day in sorted(by_day.unique()):
            wanted = np.flatnonzero((by_day == day).to_numpy() & (gains > 0))
            wanted = wanted[np.lexsort((order[wanted], at[wanted]))]
            ends = np.flatnonzero(np.diff(at[wanted].astype("int64"))) + 1
            today = earlier[(earlier["day"] == day).to_numpy() & earlier["granted"].to_numpy(dtype=bool)]
            service = int(today["answered"].sum())
            runs = [(run, gains[run], rows["time"].iloc[run[0]]) for run in np.split(wanted, ends) if len(run)]
            chosen = _Day(self, runs, RowsToCome.before(day, known, self.most), len(today) - service, service)
            take(f"{day:%Y-%m-%d}", chosen.choose)
            granted[[place for places in chosen.chosen for place in places]] = True
        return granted

    def places(self, gains: np.ndarray, time: timedelta, to_come: RowsToCome, used: int) -> int:
        """Return how many of some rows of one moment get the limited action: so many of the first ones.

        Parameters
        ----------
        gains
            Above 0, the largest first.
        time
            Their time of day.
        used
            How many places of the day are taken.
        """
        wanted = np.arange(1, len(gains) + 1) + to_come.better(gains, time)
        return int(np.count_nonzero(wanted <= self.most - used))

    def to_come(self, day: pd.Timestamp, past: pd.DataFrame) -> RowsToCome:
        """Return the rows that a day is expected to bring, from `past` as in `limited`."""
        known = self._placed(past[CAPACITY_GAIN], past["effective_time"])
        return RowsToCome.before(day, known[known["gain"].notna()], self.most)

    def moment(self, at: datetime) -> tuple[str, timedelta]:
        """Return the day of an instant, as ``YYYY-MM-DD``, and its time of day.

        >>> Capacity("call", 200, "Europe/Berlin").moment(datetime.fromisoformat("2024-03-01T23:30Z"))
        ('2024-03-02', datetime.timedelta(seconds=1800))
        """
        local = at.astimezone(self._zone).replace(tzinfo=None)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        return f"{midnight:%Y-%m-%d}", local - midnight

    @cached_property
    def _zone(self) -> tzinfo:
        return read_zone(self.zone)

    def _placed(self, gain: np.ndarray | pd.Series, times: pd.Series) -> pd.DataFrame:
        local = self._local(times)
        day = local.dt.floor("D")
        at = times.dt.tz_convert("UTC").dt.tz_localize(None)
        facts = {"at": at.to_numpy(), "day": day.to_numpy(), "time": (local - day).to_numpy()}
        return pd.DataFrame({**facts, "gain": np.asarray(gain, dtype="float64")})


@dataclass
class _Day:
    """Batch runs of one day that share its places.

    Attributes
    ----------
    runs
        Of each its rows, the best first, with their gains and their time of day.
    batch, service
        How many places batch scoring and the service have in the prediction log.
    chosen
        The rows of each run that get the action.
    """

    capacity: Capacity
    runs: Sequence[tuple[np.ndarray, np.ndarray, timedelta]]
    to_come: RowsToCome
    batch: int
    service: int
    chosen: list[np.ndarray] = field(default_factory=list)

    def choose(self, _: int, service: int) -> int:
        """Return how many places batch scoring has afterwards, where the service has taken so many."""
        used, self.chosen = self.batch + max(self.service, service), []
        for run, gains, time in self.runs:
            count = self.capacity.places(gains, time, self.to_come, used)
            self.chosen.append(run[:count])
            used += count
        return self.batch + sum(map(len, self.chosen))


def predict_within(
    predictor: Predictor, rows: pd.DataFrame, capacity: Capacity | None, entity_key: Sequence[str]
) -> pd.DataFrame:
    """Return what `Predictor.predict` returns, within a capacity where one is declared.

    Parameters
    ----------
    rows
        With the entity's key and ``effective_time``.
    """
    if capacity is None:
        return predictor.predict(rows)
    predicted, expected = predictor.predict_actions(rows)
    return capacity.limited(predicted, expected, rows[[*entity_key, "effective_time"]])


def _ordered(gain: np.ndarray, keys: pd.DataFrame) -> np.ndarray:
    """Return the place of each row in the order of gains, the largest first; of equal gains by a hash of the row."""
    order = np.lexsort((_hashes(gain, keys), -np.nan_to_num(gain, nan=-np.inf)))
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(len(order))
    return place


def _hashes(gain: np.ndarray, keys: pd.DataFrame) -> Sequence[str]:
    """Return what orders rows of equal gain; empty texts where a gain comes once."""
    hashes = np.full(len(gain), "", dtype=object)
    tied = np.flatnonzero(pd.Series(gain).duplicated(keep=False).to_numpy() & (gain > 0))
    for place, row in zip(tied, keys.iloc[tied].itertuples(index=False), strict=True):
        hashes[place] = content_id([plain_value(value) for value in row])
    return list(hashes)
