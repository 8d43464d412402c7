"""Drawn rows: entities of the online store, looked up one by one, beside what training reads at the same ticks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ml_platform.core.clock import EPOCH, from_micros
from ml_platform.core.engines import Engine
from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.core.frames import to_frame
from ml_platform.core.hashing import format_instant
from ml_platform.core.plain_values import plain_value
from ml_platform.datasets.exclusions import EFFECTIVE, PREDICTION_TIME
from ml_platform.datasets.feature_columns import effective_of, with_feature_columns
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.population_columns import required_columns
from ml_platform.declarations.source import ColumnType
from ml_platform.features.known_entities import known_entities
from ml_platform.models.predictor import Predictor
from ml_platform.operations.online.content import PopulationNeeds, joins_online, population_needs
from ml_platform.operations.online.lookup import LookedUp, ModelLookup
from ml_platform.operations.online.newest_rows import newest_rows
from ml_platform.operations.online.publish import online_store
from ml_platform.operations.parity.bits import differing
from ml_platform.operations.parity.difference import Compared
from ml_platform.operations.parity.outputs import many_rows, output_columns, row_by_row, transform_columns, typed_table
from ml_platform.operations.parity.reasons import cause_of_output
from ml_platform.operations.predictions.rows import ARROW_TYPES
from ml_platform.project import Project
from ml_platform.storage.online.description import Description

Row = dict[str, Any]
"""Columns of a population by their bare names."""
_UNSEEN: Mapping[ColumnType, Any] = {
    "string": "\x00never seen",
    "int": -(2**62) - 7,
    "float": -1.5e300,
    "bool": None,
    "timestamp": EPOCH + timedelta(days=1),
}
"""Keys that hardly any entity has."""


@dataclass
class DrawnParity:
    """Rows that were drawn from the online store.

    Attributes
    ----------
    without_history
        Rows of which some feature table knew no entity.
    """

    compared: Compared = field(default_factory=Compared)
    without_history: int = 0


def compare_drawn(project: Project, model: str, predictor: Predictor, size: int, at: datetime) -> DrawnParity:
    """Look up rows of the online store and predict each alone, and do the same with the engine and the form for many.

    Parameters
    ----------
    size
        So many entities are drawn, beside as many rows without history as there are ways to have none.
    at
        The prediction time.

    Raises
    ------
    OnlineStoreUnavailable
        Where the store does not hold what the model needs.
    """
    return _Drawn(project, model, predictor, at).compare(size)


class _Drawn:
    def __init__(self, project: Project, model: str, predictor: Predictor, at: datetime) -> None:
        self._project, self._predictor, self._at = project, predictor, at
        self._model = project.spec.models[model]
        self._population = required_columns(project.spec, self._model)
        self._needs: PopulationNeeds = population_needs(project.spec, self._model)
        self._joins = joins_online(project.spec, self._model)

    def compare(self, size: int) -> DrawnParity:
        """Compare rows of entities that are known, and of some that are not."""
        lookup = ModelLookup(self._project.spec, self._model)
        with online_store(self._project).view() as view, self._project.engine() as engine:
            described = view.description
            known = self._known(engine, described, size)
            unseen = self._unseen(known)
            sent = [{key: row[key] for key in self._needs.keys} for row in known]
            looked_up = [lookup.look_up(view, row) for row in [*sent, *unseen.values()]]
            recomputed = self._recomputed(engine, described, [*known, *unseen.values()])
        return self._compared(described, [*map(self._called, known), *unseen], looked_up, recomputed)

    # Rows ----------------------------------------------------------------------

    def _known(self, engine: Engine, described: Description, size: int) -> list[Row]:
        """Return the newest rows of some entities as the population's source has them, drawn with a fixed seed."""
        if self._needs.source is not None:
            published = described.rows.get(self._model.name)
            if published is None:
                raise OnlineStoreUnavailable(
                    f"{self._model.name}: the online store does not hold the rows of its population. Run "
                    "`ml-platform run`: it publishes them."
                )
            artifact = self._project.store.get("source", published.artifact)
            rows = newest_rows(self._project, engine, self._model, self._needs, artifact, published.as_of)
        else:
            rows = self._known_entities(described)
        rows = rows.sort_by([(key, "ascending") for key in self._needs.keys])
        places = np.random.default_rng(0).choice(len(rows), min(size, len(rows)), replace=False)
        drawn: list[Row] = rows.take(pa.array(np.sort(places))).to_pylist()
        return drawn

    def _known_entities(self, described: Description) -> pa.Table:
        """Return the entities that the feature tables of the population's entity know."""
        keys, parts = list(self._needs.keys), []
        for joined in self._joins:
            published = described.tables.get(joined.table.name)
            if joined.table.entity != self._model.population.entity or published is None:
                continue
            artifact = self._project.store.get("feature_table", published.artifact)
            parts.append(known_entities(self._project, [artifact], keys).at(published.tick + published.publish_delay))
        empty = pa.table({key: pa.nulls(0, ARROW_TYPES[self._needs.needed[key]]) for key in keys})
        return pa.concat_tables(parts).group_by(keys).aggregate([]) if parts else empty

    def _unseen(self, known: Sequence[Row]) -> dict[str, Row]:
        """Return rows whose keys no feature table knows, or are null, one column after the other and all together."""
        prefix = f"{self._population.name}."
        read = {name for joined in self._joins for name in joined.keys.values()}
        columns = [name for name in self._needs.needed if prefix + name in read]
        template = known[0] if known else dict.fromkeys(self._needs.needed, None)
        unseen = {}
        for names in [*([name] for name in columns), columns]:
            for value in (_UNSEEN, {}):
                changed = {name: value.get(self._needs.needed[name]) for name in names}
                row = {**template, **changed}
                if all(row[key] is not None for key in self._needs.keys):
                    unseen[f"{self._called(row)}, sent with {self._called(row, names)}"] = row
        return unseen

    def _recomputed(self, engine: Engine, described: Description, rows: Sequence[Row]) -> pd.DataFrame:
        """Return what the engine of training reads for rows at the ticks that are published."""
        asked = {
            f"{self._population.name}.{name}": pa.array([row[name] for row in rows], ARROW_TYPES[kind])
            for name, kind in self._needs.needed.items()
        }
        inputs, instants = dict[str, str](), dict[str, int]()
        for joined in self._joins:
            published = described.tables.get(joined.table.name)
            if published is None:
                continue  # the look-up has raised already
            inputs[NodeName("feature_table", joined.table.name)] = published.artifact
            instants[effective_of(joined.table.name)] = published.tick + published.publish_delay
        columns = {name: pa.array([at] * len(rows), pa.int64()) for name, at in instants.items()}
        columns[EFFECTIVE] = pa.array([described.as_of] * len(rows), pa.int64())
        wanted = [name for name in self._columns if "." in name]
        table = pa.table({**asked, **columns})
        return to_frame(with_feature_columns(self._project, self._model, inputs, engine, table, wanted))

    @property
    def _columns(self) -> dict[str, ColumnType]:
        """The columns that are compared: those that the model needs of its population, and the predictor's inputs."""
        types: dict[str, ColumnType] = {
            f"{self._population.name}.{name}": kind for name, kind in self._needs.needed.items()
        }
        return types | {column.name: column.type for column in self._predictor.inputs if "." in column.name}

    # Comparing -----------------------------------------------------------------

    def _compared(
        self, described: Description, ids: Sequence[str], looked_up: Sequence[LookedUp], recomputed: pd.DataFrame
    ) -> DrawnParity:
        columns, outputs = self._columns, output_columns(self._predictor)
        values = {name: [item.values.get(name) for item in looked_up] for name in columns}
        now = pd.Series([self._at] * len(ids)).astype("datetime64[us, UTC]")
        served = to_frame(typed_table(columns, values)).assign(prediction_time=now)
        recomputed = recomputed.assign(prediction_time=now)
        alone = row_by_row(self._predictor, [{**item.values, PREDICTION_TIME: self._at} for item in looked_up])
        many = many_rows(self._predictor, recomputed)
        made = {**transform_columns(self._predictor), **outputs}
        masks = {**differing(served, recomputed, columns), **differing(alone, many, made)}
        parity = DrawnParity(without_history=sum(_lacks_history(item) for item in looked_up))
        before, after = served.join(alone), recomputed[list(columns)].join(many)
        for listed, place, column in parity.compared.add(ids, before, after, masks, self._noted(described)):
            if column in outputs:
                difference, row = parity.compared.differences[listed], served.iloc[[place]]
                parity.compared.differences[listed] = cause_of_output(
                    self._project, self._model.name, self._predictor, row, alone.iloc[[place]], difference
                )
        return parity

    def _noted(self, described: Description) -> Callable[[int, str], str]:
        published = {joined.alias: described.tables[joined.table.name].tick for joined in self._joins}
        ticks = {alias: format_instant(from_micros(tick)) for alias, tick in published.items()}

        def note(place: int, column: str) -> str:
            tick = ticks.get(column.partition(".")[0])
            return "in the online store" + (f", tick {tick}" if tick else "")

        return note

    def _called(self, row: Row, names: Sequence[str] = ()) -> str:
        return ", ".join(f"{name}={plain_value(row[name])!r}" for name in names or self._needs.keys)


def _lacks_history(item: LookedUp) -> bool:
    return not all(state.has_history for state in item.tables)
