"""As-of joins for Spark, which has none: questions and answers in one table, sorted, each with the last answer."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.operations as ops
from ibis.common.patterns import replace
from ibis.expr.rewrites import p

_ON, _KEY, _ASKS, _ANSWER, _KEPT = "on", "key_{}", "asks", "answer", "own_{}"


@replace(p.JoinChain)  # type: ignore[untyped-decorator]
def as_of_to_window(_: Any, **context: Any) -> Any:
    """Return a join without as-of links; rows with a null key, or a null instant, find nothing."""
    if not any(link.how == "asof" for link in _.rest):
        return _
    if len(_.rest) > 1:
        raise TypeError("an as-of join cannot be followed by another join: select from it first")
    return _AsOf(_).relation().op()


class _AsOf:
    """One as-of join of two tables."""

    def __init__(self, chain: Any) -> None:
        (link,) = chain.rest
        self._chain, self._first, self._second = chain, chain.first, link.table
        self._left, self._right = chain.first.parent.to_expr(), link.table.parent.to_expr()
        self._on, *self._same = link.predicates

    def relation(self) -> Any:
        """Return the join's columns."""
        sides = self._questions().union(self._answers())
        keys = [_KEY.format(number) for number in range(len(self._same))]
        window = ibis.window(group_by=keys, order_by=[sides[_ON], sides[_ASKS]], rows=(None, 0))
        rows = sides.mutate(**{_ANSWER: sides[_ANSWER].last().over(window)})
        rows = rows.filter(rows[_ASKS] == 1)
        fields = {
            ops.Field(self._first, name): rows[_KEPT.format(number)].op()
            for number, name in enumerate(self._left.columns)
        }
        answer = ibis.ifelse(self._askable(rows, keys), rows[_ANSWER], ibis.null(rows[_ANSWER].type()))
        fields |= {
            ops.Field(self._second, name): answer[f"f{number}"].op() for number, name in enumerate(self._right.columns)
        }
        return rows.select(**{name: value.replace(fields).to_expr() for name, value in self._chain.values.items()})

    def _questions(self) -> Any:
        kept = {_KEPT.format(number): self._left[name] for number, name in enumerate(self._left.columns)}
        return self._left.select(
            **self._sides("left", self._first, self._left),
            **{_ASKS: 1, _ANSWER: ibis.null(self._packed().type())},
            **kept,
        )

    def _answers(self) -> Any:
        kept = {
            _KEPT.format(number): ibis.null(self._left[name].type()) for number, name in enumerate(self._left.columns)
        }
        sides = self._sides("right", self._second, self._right)
        known = self._right.filter([value.notnull() for value in sides.values()])
        sides = self._sides("right", self._second, known)
        return known.select(**sides, **{_ASKS: 0, _ANSWER: self._packed(known)}, **kept)

    def _packed(self, table: Any = None) -> Any:
        table = self._right if table is None else table
        return ibis.struct({f"f{number}": table[name] for number, name in enumerate(self._right.columns)})

    def _sides(self, side: str, reference: Any, table: Any) -> dict[str, Any]:
        """Return the instant and the keys of one side of the predicates."""
        fields = {ops.Field(reference, name): table[name].op() for name in table.columns}
        values = {_ON: self._on, **{_KEY.format(number): same for number, same in enumerate(self._same)}}
        return {name: getattr(value, side).replace(fields).to_expr() for name, value in values.items()}

    def _askable(self, rows: Any, keys: list[str]) -> Any:
        condition = rows[_ON].notnull()
        for key in keys:
            condition &= rows[key].notnull()
        return condition
