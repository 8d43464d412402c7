"""The values of a feature table's columns at every tick at which any of them may change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis

from ml_platform.clock import MICROSECOND
from ml_platform.engine import Engine
from ml_platform.engine.functions import instant_of
from ml_platform.expression import parse_expression
from ml_platform.features.extremes import extremes_at
from ml_platform.features.measures import RANK, FeaturePlan, measures_of, plan_features, result_of
from ml_platform.features.source_log import EVENT, INGEST, KNOWN, UNTIL
from ml_platform.features.totals import ENTITY, TICK, running_totals
from ml_platform.features.windows import ENTER, LEAVE, in_window, never, while_newest
from ml_platform.spec.feature_table import FeatureTableSpec, column_name
from ml_platform.spec.source import SourceSpec
from ml_platform.spec.types import Window

VALID_FROM = "valid_from"


class FeatureValues:
    """Computes one feature table from its source's rows.

    Parameters
    ----------
    keys
        The entity's key columns.
    rows_are_replaced
        Whether any row of the source was ever replaced by a later one of the same key.
    """

    def __init__(
        self,
        engine: Engine,
        spec: FeatureTableSpec,
        source: SourceSpec,
        keys: Sequence[str],
        *,
        rows_are_replaced: bool,
    ) -> None:
        self._engine, self._spec, self._source, self._keys = engine, spec, source, list(keys)
        self._replaced = rows_are_replaced
        self._plans = plan_features(spec, source)
        self._parts: dict[str, tuple[str, ...]] = {}

    def log(self, rows: Any) -> Any:
        """Return entity key, ``valid_from`` and the declared columns, sorted by key and tick.

        Parameters
        ----------
        rows
            The source's rows with the intervals in which they are known (`source_versions`).
        """
        rows = self._engine.keep("entity_rows", self._entity_rows(rows))
        self._entities = self._engine.keep("entities", self._numbered_entities(rows))
        self._contributions = self._engine.keep("contributions", self._contributing(rows))
        windows = dict.fromkeys(window for plan in self._plans for window in plan.feature.windows)
        timed = {window: self._in_window(number, window) for number, window in enumerate(windows)}
        return self._named(self._with_extremes(self._totals(timed), timed))

    # Rows ------------------------------------------------------------------

    def _entity_rows(self, rows: Any) -> Any:
        if self._spec.where is not None:
            rows = rows.filter(parse_expression(self._spec.where).to_ibis(rows))
        rows = rows.filter([rows[key].notnull() for key in self._keys])
        if not any(plan.is_newest for plan in self._plans):
            return rows.mutate(**{RANK: ibis.literal(0, "int64")})
        order = ibis.window(order_by=[EVENT, KNOWN, *self._source.key, INGEST])
        return rows.mutate(**{RANK: ibis.row_number().over(order) + 1})

    def _numbered_entities(self, rows: Any) -> Any:
        order = ibis.window(order_by=self._keys)
        return rows.select(*self._keys).distinct().mutate(**{ENTITY: ibis.row_number().over(order)})

    def _contributing(self, rows: Any) -> Any:
        """Return for each row its entity, its interval and what it contributes to each feature."""
        columns: dict[str, Any] = {}
        for plan in self._plans:
            found = measures_of(rows, plan.feature)
            self._parts[plan.name] = tuple(found.totals)
            columns |= {f"{plan.name}:{part}": value for part, value in found.totals.items()}
            columns |= {f"{plan.name}:best": found.best} if found.best is not None else {}
            columns |= {f"{plan.name}:value": found.value} if found.value is not None else {}
        measured = rows.select(*self._keys, EVENT, KNOWN, UNTIL, RANK, **columns)
        return measured.join(self._entities, self._keys).drop(*self._keys)

    def _in_window(self, number: int, window: Window) -> Any:
        return self._engine.keep(f"window_{number}", in_window(self._contributions, window, self._spec.refresh))

    # Values ----------------------------------------------------------------

    def _totals(self, timed: dict[Window, Any]) -> Any:
        """Return running totals at every tick at which anything changes, also for windows that have none."""
        wanted: list[tuple[Any, dict[str, str]]] = []
        for window, rows in timed.items():
            plans = [plan for plan in self._plans if window in plan.feature.windows]
            sums = {
                f"{column_name(plan.name, window)}:{part}": f"{plan.name}:{part}"
                for plan in plans
                for part in self._parts[plan.name]
            }
            wanted.append((rows, sums))
            for plan in plans:
                if plan.is_newest and not self._replaced:
                    best = f"{plan.name}:best"
                    newest = while_newest(rows.filter(rows[best].notnull()), ENTITY, RANK).select(
                        ENTITY, ENTER, LEAVE, best
                    )
                    column = column_name(plan.name, window)
                    wanted.append((self._engine.keep(f"newest_{len(wanted)}", newest), {f"{column}:best": best}))
        return running_totals(self._engine, wanted, never(self._spec.refresh))

    def _with_extremes(self, log: Any, timed: dict[Window, Any]) -> Any:
        """Add the extremes that are no running totals: smallest, largest, and newest where rows are replaced."""
        ticks = log.select(ENTITY, TICK)
        for number, (window, rows) in enumerate(timed.items()):
            plans = [plan for plan in self._plans if window in plan.feature.windows and self._is_extreme(plan)]
            if not plans:
                continue
            best = {f"{plan.name}:best": "min" if plan.feature.aggregate == "min" else "max" for plan in plans}
            found = extremes_at(self._engine, ticks, rows, best)
            names = {f"{column_name(plan.name, window)}:best": found[f"{plan.name}:best"] for plan in plans}
            found = self._engine.keep(f"extremes_{number}", found.select(ENTITY, TICK, **names))
            log = log.left_join(found, [ENTITY, TICK]).drop(f"{ENTITY}_right", f"{TICK}_right")
        return log

    def _is_extreme(self, plan: FeaturePlan) -> bool:
        return not plan.is_total and (self._replaced or not plan.is_newest)

    # The log ---------------------------------------------------------------

    def _named(self, log: Any) -> Any:
        """Return the declared columns in declared order, for entities by their keys."""
        plans = {plan.name: plan for plan in self._plans}
        for column, (name, _) in self._spec.columns.items():
            if plans[name].is_newest:
                told = {f"{column}:rank": RANK, f"{column}:value": f"{name}:value"}
                newest = self._contributions.select(**told)
                log = log.left_join(newest, log[f"{column}:best"].cast("int64") == newest[f"{column}:rank"])
        log = log.join(self._entities, ENTITY)
        columns = {column: self._value(log, plans[name], column) for column, (name, _) in self._spec.columns.items()}
        valid_from = instant_of(log[TICK] * ibis.literal(self._spec.refresh // MICROSECOND, "int64"))
        named = log.select(*self._keys, **{VALID_FROM: valid_from}, **columns)
        return named.order_by([*self._keys, VALID_FROM])

    def _value(self, log: Any, plan: FeaturePlan, column: str) -> Any:
        if plan.is_total:
            return result_of(plan, {part: log[f"{column}:{part}"] for part in self._parts[plan.name]})
        return log[f"{column}:value"] if plan.is_newest else log[f"{column}:best"]
