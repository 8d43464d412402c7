"""The records of predictions that were made online, as a worker writes them before it answers.

A context holds once what many predictions share: the version, the declarations, the artifacts of the features and
their ticks. Each prediction names its context by number. While a version is rolled out, another version predicts the
same row beside it: that follows in a record of its own, after the answer has left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from ml_platform.project import Project
from ml_platform.storage.frame_log import FrameLog, read_frames


class LogContext(msgspec.Struct, frozen=True, tag="context", omit_defaults=True):
    """What many predictions share.

    Attributes
    ----------
    inputs
        Ids of the artifacts that the values come from, by node.
    ticks
        The tick of each feature table that was read, in microseconds since 1970 UTC.
    key
        The key columns of the entity.
    columns
        Name and type of each logged value, in order: the predictor's inputs, then what else the row brought.
    scores
        The names of the scores: ``score``, or ``score.CLASS`` for each of several classes.
    declared
        The model's declarations, as the prediction log keeps them.
    control
        The share of entities that is held out; None where no one is.
    limited
        Whether an action is recommended at most so often a day.
    """

    model: str
    version: int
    trained_model: str
    inputs: dict[str, str]
    ticks: dict[str, int]
    key: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    scores: tuple[str, ...]
    declared: bytes
    control: float | None = None
    limited: bool = False


class LoggedPrediction(msgspec.Struct, array_like=True):
    """One prediction.

    Attributes
    ----------
    context
        The number of its context within the file.
    at
        When it was asked for, by the project's clock, in microseconds since 1970 UTC.
    key
        The values of the entity's key columns.
    values
        What the columns of the context held; instants in microseconds.
    shadowed
        Whether a record of what another version predicted for the same row follows.
    control
        Whether the row was held out; None where the model has no control group.
    best_action
        The action that would be recommended were no row held out, and no action limited.
    capacity_gain
        The expected gain of the limited action; None where no action is limited, or it is not known.
    """

    context: int
    id: str
    at: int
    key: list[Any]
    scores: list[float]
    predicted: str | None
    action: str | None
    expected_value: float | None
    unlearned_nulls: str | None
    values: list[Any]
    shadowed: bool = False
    control: bool | None = None
    best_action: str | None = None
    capacity_gain: float | None = None


class LoggedShadow(msgspec.Struct, frozen=True, array_like=True):
    """What another version predicted for the row of a prediction. No client received it.

    Attributes
    ----------
    id
        The prediction that was given.
    version
        Of the other version; None where it predicted nothing.
    score
        None for several classes.
    """

    id: str
    version: int | None = None
    score: float | None = None
    action: str | None = None
    expected_value: float | None = None


_encoder = msgspec.msgpack.Encoder()
_context = msgspec.msgpack.Decoder(LogContext)
_prediction = msgspec.msgpack.Decoder(LoggedPrediction)
_shadow = msgspec.msgpack.Decoder(LoggedShadow)
_CONTEXT, _PREDICTION, _SHADOW = b"c", b"p", b"s"


def online_log_folder(project: Project) -> Path:
    """Return where the workers of this machine write."""
    return project.state / "serving" / "log"


class OnlineLogWriter:
    """Writes the records of one worker."""

    def __init__(self, log: FrameLog) -> None:
        self._log, self._file = log, 0
        self._numbers: dict[int, tuple[LogContext, int]] = {}

    def number(self, context: LogContext) -> int:
        """Return the number of a context in the file that is written to, after it was written there.

        Raises
        ------
        OSError
        """
        return self.numbers([context])[0]

    def numbers(self, contexts: Sequence[LogContext]) -> list[int]:
        """Return the numbers of contexts within one file, so that their predictions can be written together.

        Raises
        ------
        OSError
        """
        if self._log.prepare() != self._file:
            self._file, self._numbers = self._log.number, {}
        return [self._number(context) for context in contexts]

    def _number(self, context: LogContext) -> int:
        known = self._numbers.get(id(context))  # an object is looked up by its identity, at every prediction
        if known is None:
            known = (context, len(self._numbers))
            self._log.append(_CONTEXT + _encoder.encode(context))
            self._numbers[id(context)] = known
        return known[1]

    def write(self, *predictions: LoggedPrediction) -> None:
        """Hand predictions to the operating system, all or none.

        Raises
        ------
        OSError
        """
        self._log.append(*[_PREDICTION + _encoder.encode(prediction) for prediction in predictions])

    @property
    def file(self) -> int:
        """The number of the file that was written to last."""
        return self._file

    def write_shadow(self, shadow: LoggedShadow, file: int) -> None:
        """Write what another version predicted, unless the file of the prediction has ended: then it is left out.

        Raises
        ------
        OSError
        """
        if file == self._file == self._log.number and self._log.is_open:
            self._log.append(_SHADOW + _encoder.encode(shadow))

    def sync(self) -> None:
        """Wait until everything that was written is on the disk."""
        self._log.sync()

    def rotate(self) -> None:
        """End the file where it is old, so that its rows reach the prediction log also when no request comes."""
        if self._file:
            self._log.end_if_old()

    def close(self) -> None:
        """End the file."""
        self._log.close()


def read_online_log(path: Path) -> Iterator[tuple[LogContext, LoggedPrediction]]:
    """Yield the whole predictions of a file, each with its context."""
    contexts: list[LogContext] = []
    for body in read_frames(path):
        if body[:1] == _CONTEXT:
            contexts.append(_context.decode(body[1:]))
        elif body[:1] == _PREDICTION:
            prediction = _prediction.decode(body[1:])
            yield contexts[prediction.context], prediction


def read_shadows(path: Path) -> dict[str, LoggedShadow]:
    """Return what other versions predicted for the rows of a file, by the id of the prediction that was given."""
    records = (_shadow.decode(body[1:]) for body in read_frames(path) if body[:1] == _SHADOW)
    return {record.id: record for record in records}


def context_key(context: LogContext) -> Mapping[str, Any]:
    """Return a context as plain values that distinguish it from others."""
    return cast(Mapping[str, Any], msgspec.to_builtins(context))
