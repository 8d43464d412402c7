"""Answering the rows of one request, some at a time, so that other requests have a turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.served_model import Answered, ServedModel
from ml_platform.serving.service import ROWS_AT_ONCE, Service


async def answer_many(service: Service, model: ServedModel, rows: Sequence[Mapping[str, Any]]) -> list[Answered]:
    """Return the answers to rows, all of features that were published together; nothing is logged yet.

    Where features are published meanwhile, all rows are answered again. Answers that are not returned give back the
    places of a limited action.

    Raises
    ------
    RequestProblem
    """
    until, answered = time.monotonic() + service.limits.seconds, list[Answered]()
    try:
        while len(answered) < len(rows):
            start = len(answered)
            answered += service.answer(model, rows[start : start + ROWS_AT_ONCE], start)
            if answered[0].published != answered[-1].published:
                service.give_back(answered)
                answered = []
            await asyncio.sleep(0)
            if time.monotonic() > until:
                text = f"{len(answered):,} of {len(rows):,} rows were answered in time. Send fewer at once."
                raise RequestProblem(503, "too_slow", text, retry_after=1)
    except BaseException:
        service.give_back(answered)
        raise
    return answered
