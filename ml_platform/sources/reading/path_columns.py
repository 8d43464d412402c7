"""Columns whose values are in the paths of files, such as ``sales/region={region}/{day}.csv``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ml_platform.sources.reading.batch import Batch

if TYPE_CHECKING:
    import pyarrow as pa

_NAME = re.compile(r"(?<!\$)\{([A-Za-z_]\w*)\}")
_TOKEN = re.compile(r"(?<!\$)\{([A-Za-z_]\w*)\}|\*\*/|\*|\?|\[[^\]]+\]", re.DOTALL)
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class PathPattern:
    """A path, a glob or a URL in which ``{name}`` is a part of a folder's or a file's name.

    >>> pattern = PathPattern("sales/region={region}/{day}.csv")
    >>> pattern.names, pattern.glob
    (('region', 'day'), 'sales/region=*/*.csv')
    >>> pattern.values("sales/region=s%C3%BCd/2024-05-01.csv")
    {'region': 'süd', 'day': '2024-05-01'}
    """

    text: str

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns in it, each once."""
        return tuple(dict.fromkeys(_NAME.findall(self.text)))

    @property
    def glob(self) -> str:
        """The glob that names the files."""
        return _NAME.sub("*", self.text)

    def values(self, path: str) -> Mapping[str, str | None]:
        """Return the text of each column in a path that the glob names.

        After ``name=``, as Hive writes it, signs are unescaped, and its sign for null is null.

        Raises
        ------
        ValueError
            Where a column that occurs twice has two values.
        """
        match = self._expression.search(path)
        if match is None:
            raise ValueError(f"its path is not of the form {self.text}")
        return {name: _hive(match[name]) if self._is_hive(name) else match[name] for name in self.names}

    def _is_hive(self, name: str) -> bool:
        return f"={{{name}}}" in self.text

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        text, parts, seen, place = self.text.partition("://")[2] or self.text, list[str](), set[str](), 0
        for token in _TOKEN.finditer(text):
            parts += [re.escape(text[place : token.start()]), _as_regex(token, seen)]
            place = token.end()
        parts.append(re.escape(text[place:]))
        return re.compile(f"(?:^|/){''.join(parts).lstrip('/')}$", re.DOTALL)


def _as_regex(token: re.Match[str], seen: set[str]) -> str:
    name = token[1]
    if name is None:
        plain = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
        return plain.get(token[0]) or token[0].replace("[!", "[^")
    if name in seen:
        return f"(?P={name})"
    seen.add(name)
    return f"(?P<{name}>[^/]+?)"


def _hive(text: str) -> str | None:
    return None if text == _HIVE_NULL else unquote(text)


def with_path_columns(batches: Iterator[Any], values: Mapping[str, str | None]) -> Iterator[Any]:
    """Yield tables, or batches of them, with a column of texts for each value of the path."""
    for batch in batches:
        if isinstance(batch, Batch):
            yield replace(batch, table=_with_texts(batch.table, values))
        else:
            yield _with_texts(batch, values)


def _with_texts(table: pa.Table, values: Mapping[str, str | None]) -> pa.Table:
    import pyarrow as pa

    for name, value in values.items():
        table = table.append_column(name, pa.repeat(pa.scalar(value, pa.string()), table.num_rows))
    return table


def path_problems(text: str, columns: Sequence[str], key: str) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Yield what is wrong with the columns in a path: those that are not declared.

    Parameters
    ----------
    key
        The reader's key that holds the path.
    """
    from ml_platform.core.errors import suggest

    for name in PathPattern(text).names:
        if name not in columns:
            yield (key,), f"{{{name}}} is not a column. {suggest(name, columns)}"
