"""Checks that the rows of a population are known when a prediction is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ml_platform.core.clock import MICROSECOND, rounded_duration
from ml_platform.core.errors import FaultKind
from ml_platform.core.expressions import parse_expression
from ml_platform.core.expressions.tree import ExpressionNode
from ml_platform.declarations.checks.problems import Problem
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.populations.rows import RowPopulation
from ml_platform.declarations.source import SourceSpec


def check_known(model: ModelSpec, population: RowPopulation, source: SourceSpec) -> Iterator[Problem]:
    """Yield a problem where rows are known only after their prediction time; online, also where that may be.

    Online, a request carries its row, and no client can send a row that is not known yet.

    Parameters
    ----------
    source
        The population's, over whose columns the prediction time can be read.
    """
    where, ahead = f"models/{model.name}", known_ahead(source, population.prediction_time)
    knowing = source.known_at.column or source.event_timestamp
    if ahead is not None and ahead < timedelta(0):
        late = rounded_duration(-ahead)
        text = f"rows of {source.name} become known {late} after the prediction time, so no prediction can be requested"
        yield Problem(
            where,
            ("population", "prediction_time"),
            f"{text}. Ask {late} later, or correct their known_at",
            kind=FaultKind.KNOWN_LATE,
        )
    elif ahead is None and model.deployment.online and knowing in source.columns:
        text = (
            f"it is unknown whether rows of {source.name} are known by their prediction time, "
            "when a request carries them"
        )
        remedy = f"Write population.prediction_time as {knowing}, more or less a span"
        yield Problem(where, ("deployment", "online"), f"{text}. {remedy}", kind=FaultKind.KNOWN_LATE)


def known_ahead(source: SourceSpec, prediction_time: str) -> timedelta | None:
    """Return how long before its prediction time a row is known (negative: after); None where it is not declared.

    It follows from the declarations where both are the same column, more or less a span.
    """
    moment = _moment(parse_expression(prediction_time).root)
    if moment is None:
        return None
    column, offset = moment
    if source.known_at.delay is not None:
        return offset - source.known_at.delay if column == source.event_timestamp else None
    return offset if column == source.known_at.column else None


def _moment(node: ExpressionNode) -> tuple[str, timedelta] | None:
    """Return the column and the offset of a moment such as ``placed_at + 1h``; None for any other."""
    if node.op == "name":
        return str(node.value), timedelta(0)
    if node.op not in ("+", "-"):
        return None
    moment, span = node.children
    if node.op == "+" and moment.op == "duration":
        moment, span = span, moment
    inner = _moment(moment)
    if inner is None or span.op != "duration" or not isinstance(span.value, int):
        return None
    return inner[0], inner[1] + span.value * MICROSECOND * (1 if node.op == "+" else -1)
