"""One answer, and what is logged of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_platform.operations.predictions.online_log import LogContext, LoggedPrediction

if TYPE_CHECKING:
    from ml_platform.serving.served_model import ServedModel


class Answered(NamedTuple):
    """One answer, and what is logged of it but for the number of its context.

    Attributes
    ----------
    row
        The row in the request.
    values
        What was looked up for it.
    look_up_took, predict_took
        How long both took, in nanoseconds.
    beside
        The other version that is to predict the same row, while one is rolled out.
    """

    body: Mapping[str, Any]
    context: LogContext
    record: LoggedPrediction
    served: ServedModel
    row: Mapping[str, Any]
    values: Mapping[str, Any]
    look_up_took: int
    predict_took: int
    beside: ServedModel | None = None
