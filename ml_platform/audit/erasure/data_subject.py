"""Whose data is meant: an entity's key, and where in tables and texts it is found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.errors import PlatformError, suggest
from ml_platform.core.secrets import in_any_form, whole_words
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.source import ColumnType
from ml_platform.project import Project
from ml_platform.sources.dirty_rows import CELLS, TEXT
from ml_platform.sources.suppression_list import has_key, key_columns, key_hash, key_text
from ml_platform.sources.upstream import FIELDS

ERASED = "[erased]"
_SHORTEST = 4
"""A shorter text occurs in too many places by chance to be masked wherever it is found."""


class UnknownKey(PlatformError):
    """What was given is not the key of an entity."""

    def __init__(self, entity: str, problem: str) -> None:
        super().__init__(f"{entity}: {problem}. Give the entity and each column of its key, such as customer id=4711.")


@dataclass(frozen=True)
class Person:
    """One entity by its key, each value as text.

    Attributes
    ----------
    hash
        By which the ledger and the suppression list know it.
    names
        What the declarations call things: a text that is one of these is masked in no sentence.
    """

    entity: str
    key: Mapping[str, str]
    hash: str
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, project: Project, entity: str, key: Mapping[str, str]) -> Person:
        """Return who is meant.

        Raises
        ------
        UnknownKey
        """
        entities = project.spec.file.entities
        if entity not in entities:
            raise UnknownKey(entity, f"there is no such entity. {suggest(entity, entities)}"[:-1])
        if set(key) != set(entities[entity]):
            raise UnknownKey(entity, f"its key is {', '.join(entities[entity])}, found {', '.join(key) or 'nothing'}")
        texts = {name: _normal(project.spec, entities[entity], name, key[name]) for name in entities[entity]}
        hash = key_hash(project.database, entity, list(texts.values()))
        return cls(entity, texts, hash, declared_names(project.spec))

    def rows(self, table: pa.Table) -> pa.ChunkedArray:
        """Return which rows of a table are about this entity: by columns called like its key, or all by ``x.key``.

        Of dirty rows, also those whose texts hold the key: a cell that does not fit, a line without cells.
        """
        of_person = pa.chunked_array([pa.array([False] * table.num_rows, pa.bool_())])
        for columns in self._places(table.column_names):
            values = {columns[name]: _typed(text, table[columns[name]].type) for name, text in self.key.items()}
            if None not in values.values():
                of_person = pc.or_(of_person, has_key(table, values))
        for name in {CELLS, TEXT} & set(table.column_names):
            named = [text is not None and self._is_named_in(text) for text in table[name].to_pylist()]
            of_person = pc.or_(of_person, pa.chunked_array([pa.array(named, pa.bool_())]))
        return of_person

    def values_of(self, kinds: Mapping[str, ColumnType]) -> list[Any] | None:
        """Return the key as values of columns of some types; None where these are not all of its columns, or no fit."""
        if set(kinds) != set(self.key):
            return None
        values = [_typed(text, _ARROW[kinds[name]]) for name, text in self.key.items()]
        return None if None in values else values

    def _is_named_in(self, text: str) -> bool:
        """Return whether a text holds every value of the key as a word of its own."""
        patterns = [_pattern_of(value)[1] for value in self.key.values()]
        return all(any(not match["kept"] for match in pattern.finditer(text)) for pattern in patterns)

    def _places(self, columns: Sequence[str]) -> Iterable[dict[str, str]]:
        return key_columns(columns, list(self.key))

    def elsewhere(self, table: pa.Table) -> dict[str, int]:
        """Return how many rows that are not about this entity still hold its key, by column of texts."""
        others = table.filter(pc.invert(self.rows(table)))
        counts = {
            name: pc.sum(pc.is_in(others[name], value_set=pa.array(self.texts, others[name].type))).as_py() or 0
            for name in others.column_names
            if pa.types.is_string(others[name].type) or pa.types.is_large_string(others[name].type)
        }
        return {name: count for name, count in counts.items() if count}

    @property
    def texts(self) -> list[str]:
        """The values that are masked wherever they are found."""
        return [text for text in self.key.values() if len(text) >= _SHORTEST and text not in self.names]

    def masked_text(self, text: str) -> str:
        """Return a text with the key's values masked, as whole words, also as pages, links and JSON write them."""
        for value in self.texts:
            plainest, pattern = _pattern_of(value)
            if plainest in text:
                text = pattern.sub(lambda match: match["kept"] or ERASED, text)
        return text

    def masked(self, value: Any) -> Any:
        """Return JSON with the key's values masked: texts that hold them, and numbers under the key's names."""
        if isinstance(value, Mapping):
            others = self._of_others(value)
            return {
                name if name in FIELDS else self.masked_text(name): (
                    item if name in others else self._masked_item(name, item)
                )
                for name, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.masked(item) for item in value]
        return self.masked_text(value) if isinstance(value, str) else value

    def _of_others(self, record: Mapping[str, Any]) -> set[str]:
        """Return the columns of a key in several columns that, taken together, is that of another entity."""
        others = set[str]()
        for columns in self._places(list(record)) if len(self.key) > 1 else ():
            values = {columns[name]: record[columns[name]] for name in self.key}
            single = not any(isinstance(item, Mapping | list | tuple) for item in values.values())
            if single and not all(_is_same(text, record[columns[name]]) for name, text in self.key.items()):
                others.update(values)
        return others

    def _masked_item(self, name: str, item: Any) -> Any:
        """Return the masked value of a name, and of each item where it is a list or, as in JSON tables, numbered."""
        if isinstance(item, list | tuple):
            return [self._masked_item(name, part) for part in item]
        if isinstance(item, Mapping) and item and all(place.isdecimal() for place in item):
            return {place: self._masked_item(name, part) for place, part in item.items()}
        of_key = self.key.get(name.rpartition(".")[2])
        return ERASED if of_key is not None and _is_same(of_key, item) else self.masked(item)

    def masked_json(self, text: str) -> str:
        """Return JSON text, masked."""
        try:
            parsed = json.loads(text)
        except ValueError:
            return self.masked_text(text)
        if not isinstance(parsed, dict | list | str):
            return self.masked_text(text)
        masked = self.masked(parsed)
        return text if masked == parsed else json.dumps(masked, sort_keys=True, ensure_ascii=False)


def declared_names(spec: ProjectSpec) -> frozenset[str]:
    """Return the names of a project's sources, tables, models, entities, actions and all their columns."""
    names = {spec.name, *spec.sources, *spec.feature_tables, *spec.models}
    for entity, key in spec.file.entities.items():
        names |= {entity, *key}
    for source in spec.sources.values():
        names |= set(source.columns)
    for table in spec.feature_tables.values():
        names |= {*table.features, *table.columns}
    for model in spec.models.values():
        names |= {*model.joins, *(model.value.actions or {}), *model.gates}
    return frozenset(names)


_ID = re.compile("[0-9A-Fa-f]+")
_KEPT = "|".join(
    (
        r"(?<![0-9A-Za-z-])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z-])",
        r"(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?)?(?![0-9])",
        r"(?<![0-9A-Za-z.])[0-9]+\.[0-9]+(?![0-9A-Za-z.])",
    )
)
"""Ids of runs, instants and fractions: their digits match a key by chance, and their readers need them whole."""


@lru_cache(maxsize=64)
def _pattern_of(value: str) -> tuple[str, re.Pattern[str]]:
    """Return the longest part of a value that every way to write it has, and the pattern of all ways."""
    plainest = max(re.findall("[0-9A-Za-z]+", value), key=len, default="")
    kept = _KEPT if _ID.fullmatch(value) else "(?!)"
    alone = whole_words(in_any_form(value), r"\w")
    return plainest, re.compile(f"(?P<kept>{kept})|{alone}")


def _is_same(value: str, item: Any) -> bool:
    """Return whether a value in JSON is that of the key; a column with nulls has whole numbers as fractions."""
    if isinstance(item, float) and item.is_integer():
        return value in (str(item), str(int(item)))
    return str(item) == value


def _normal(spec: ProjectSpec, key: Sequence[str], name: str, text: str) -> str:
    """Return a value as key hashes have it, by the type of the column in the sources that hold the key."""
    kinds = {item.columns[name].type for item in spec.sources.values() if set(key) <= set(item.columns)}
    typed = {key_text(_typed(text, _ARROW[kind])) for kind in kinds} - {None}
    return str(min(typed)) if typed else text  # type: ignore[type-var]


_ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def _typed(text: str, kind: pa.DataType) -> Any:
    """Return a text as a value of a column's type, or None where it is none."""
    try:
        if pa.types.is_timestamp(kind):
            return datetime.fromisoformat(text)
        return pa.scalar(text).cast(kind).as_py()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError):
        return None
