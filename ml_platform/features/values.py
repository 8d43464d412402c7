"""The values of a feature table's columns at every tick at which any of them may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis

from ml_platform.clock import MICROSECOND
from ml_platform.engine import Engine
from ml_platform.engine.functions import instant_of
from ml_platform.expression import parse_expression
from ml_platform.features.extremes import extremes_at
from ml_platform.features.measures import RANK, FeaturePlan, measures_of, plan_features, result_of
from ml_platform.features.source_log import EVENT, INGEST, KNOWN, UNTIL
from ml_platform.features.totals import ENTITY, TICK, changes_of, running_totals
from ml_platform.features.windows import in_window, never, while_newest
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
        """Return entity key, ``valid_from``, the declared columns and the entity's number, sorted by key and tick.

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
        return self._named(self._totals(timed), self._extremes(timed))

    # Rows ------------------------------------------------------------------

    def _entity_rows(self, rows: Any) -> Any:
        if self._spec.where is not None:
            rows = rows.filter(parse_expression(self._spec.where).to_ibis(rows))
        rows = rows.filter([rows[key].notnull() for key in self._keys])
        read = {name for text in self._texts() for name in parse_expression(text).names}
        order_by = [KNOWN, *self._source.key, INGEST]
        rows = rows.select(*dict.fromkeys([*self._keys, EVENT, UNTIL, *order_by, *sorted(read)]))
        if not any(plan.is_newest for plan in self._plans):
            return rows.mutate(**{RANK: ibis.literal(0, "int64")})
        order = ibis.window(order_by=[EVENT, *order_by])
        return rows.mutate(**{RANK: ibis.row_number().over(order) + 1})

    def _texts(self) -> list[str]:
        features = [plan.feature for plan in self._plans]
        return [text for feature in features for text in (feature.expression, feature.where) if text is not None]

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
        rows = self._engine.keep(f"window_{number}", in_window(self._contributions, window, self._spec.refresh))
        newest = [plan.name for plan in self._of(window) if plan.is_newest and not self._replaced]
        if not newest:
            return rows
        until = {f"{name}:until": while_newest(rows, f"{name}:best", ENTITY, RANK) for name in newest}
        return self._engine.keep(f"newest_{number}", rows.mutate(**until))

    def _of(self, window: Window) -> list[FeaturePlan]:
        return [plan for plan in self._plans if window in plan.feature.windows]

    # Values ----------------------------------------------------------------

    def _totals(self, timed: Mapping[Window, Any]) -> Any:
        """Return running totals at every tick at which anything changes, also for windows that have none."""
        changes = []
        for number, (window, rows) in enumerate(timed.items()):
            sums: dict[str, str] = {}
            newest: dict[str, tuple[str, str]] = {}
            for plan in self._of(window):
                column = column_name(plan.name, window)
                sums |= {f"{column}:{part}": f"{plan.name}:{part}" for part in self._parts[plan.name]}
                if plan.is_newest and not self._replaced:
                    newest[f"{column}:best"] = (f"{plan.name}:best", f"{plan.name}:until")
            kept = self._engine.keep(f"changes_{number}", changes_of(rows, sums, newest))
            changes.append((kept, [*sums, *newest]))
        self._ticks = running_totals(self._engine, changes, never(self._spec.refresh))
        return self._ticks

    def _extremes(self, timed: Mapping[Window, Any]) -> list[Any]:
        """Return what is no running total: smallest, largest, and newest where rows are replaced."""
        found = []
        for number, (window, rows) in enumerate(timed.items()):
            plans = [plan for plan in self._of(window) if self._is_extreme(plan)]
            if plans:
                best = {f"{plan.name}:best": "min" if plan.feature.aggregate == "min" else "max" for plan in plans}
                values = extremes_at(self._engine, self._ticks, rows, best)
                names = {f"{column_name(plan.name, window)}:best": values[f"{plan.name}:best"] for plan in plans}
                found.append(self._engine.keep(f"extremes_{number}", values.select(ENTITY, TICK, **names)))
        return found

    def _is_extreme(self, plan: FeaturePlan) -> bool:
        return not plan.is_total and (self._replaced or not plan.is_newest)

    # The log ---------------------------------------------------------------

    def _named(self, totals: Any, extremes: Sequence[Any]) -> Any:
        """Return the declared columns in declared order, for entities by their keys."""
        log = totals
        for number, table in enumerate(extremes):
            own = [name for name in table.columns if name not in (ENTITY, TICK)]
            table = table.select(*own, **{f"_entity_{number}": ENTITY, f"_tick_{number}": TICK})
            same = [totals[ENTITY] == table[f"_entity_{number}"], totals[TICK] == table[f"_tick_{number}"]]
            log = log.left_join(table, same)
        plans = {plan.name: plan for plan in self._plans}
        for column, (name, _) in self._spec.columns.items():
            if plans[name].is_newest:
                told = {f"{column}:rank": RANK, f"{column}:value": f"{name}:value"}
                newest = self._contributions.select(**told)
                log = log.left_join(newest, log[f"{column}:best"] == newest[f"{column}:rank"])
        entities = self._entities.rename(_numbered=ENTITY)
        log = log.join(entities, totals[ENTITY] == entities["_numbered"])
        columns = {column: self._value(log, plans[name], column) for column, (name, _) in self._spec.columns.items()}
        valid_from = instant_of(log[TICK] * ibis.literal(self._spec.refresh // MICROSECOND, "int64"))
        named = log.select(*self._keys, **{VALID_FROM: valid_from}, **columns, **{ENTITY: log[ENTITY]})
        return named.order_by([ENTITY, VALID_FROM])  # entities are numbered in the order of their keys

    def _value(self, log: Any, plan: FeaturePlan, column: str) -> Any:
        if plan.is_total:
            return result_of(plan, {part: log[f"{column}:{part}"] for part in self._parts[plan.name]})
        return log[f"{column}:value"] if plan.is_newest else log[f"{column}:best"]
