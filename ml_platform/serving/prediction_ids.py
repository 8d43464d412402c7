"""The ids of predictions."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any

from ml_platform.core.clock import from_micros

_DAY = 24 * 60 * 60 * 10**6


class PredictionIds:
    """Gives ids to the predictions of one model: no two are equal, in whatever worker."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._secret, self._count = os.urandom(16), 0
        self._day, self._start = -1, ""

    def next(self, at: int, key: Sequence[Any]) -> str:
        """Return the id of a prediction that is made at an instant, for an entity."""
        day = at // _DAY
        if day != self._day:
            self._day, self._start = day, f"{self._model}.{from_micros(at):%Y%m%d}."
        self._count += 1
        text = f"{self._count}|{at}|{list(key)}"
        digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=8, key=self._secret)
        return self._start + digest.hexdigest()
