"""The ids of predictions that a request asks for; those of batch scoring follow from the question."""

from __future__ import annotations

import os

from ml_platform.core.clock import from_micros

_DAY = 24 * 60 * 60 * 10**6
_SIZE, _AT_ONCE = 8, 512


class PredictionIds:
    """Gives ids to the predictions of one model: each has 64 bits that the system drew, in whatever worker."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._day, self._start = -1, ""
        self._drawn: list[str] = []

    def next(self, at: int) -> str:
        """Return the id of a prediction that is made at an instant, in microseconds since 1970 UTC."""
        day = at // _DAY
        if day != self._day:
            self._day, self._start = day, f"{self._model}.{from_micros(at):%Y%m%d}."
        if not self._drawn:
            text = os.urandom(_SIZE * _AT_ONCE).hex()
            self._drawn = [text[place : place + 2 * _SIZE] for place in range(0, len(text), 2 * _SIZE)]
        return self._start + self._drawn.pop()
