"""Looking at a CSV or Parquet file: its columns, their types, and which cells mean null."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING

from ml_platform.core.errors import PlatformError
from ml_platform.declarations.checks.problems import RESERVED_COLUMNS
from ml_platform.operations.new_project.csv_file import PLAIN, CsvForm, read_unknown_csv
from ml_platform.operations.new_project.times import with_times

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_WORDS = ("true", "false", "null", "none")


class UnusableFile(PlatformError):
    """A project cannot be made from a file; the sentence gives the reason, and what to do."""

    def __init__(self, file: object, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{file}: {problem} Nothing was written.")


@dataclass(frozen=True)
class ColumnFacts:
    """One column: its name, its type in a declaration, and how many distinct values and nulls it has."""

    name: str
    type: str
    distinct: int
    nulls: int


@dataclass(frozen=True)
class TableFacts:
    """A file's rows, and what was found in them.

    Attributes
    ----------
    rows
        All rows; columns have names that expressions can use.
    renamed
        Names of columns in declarations by those in the file, where they differ.
    formats
        How columns of times are written where that is not ISO 8601.
    form
        How the cells of a CSV file are written.
    reader, variable
        The reader in a declaration, and the environment variable with the address of the database; None for a file.
    table, copied
        The table of a DuckDB or SQLite file and its rows, which are copied; None for other files.
    not_taken
        Columns of a type that declarations do not have.
    """

    file: Path
    rows: pa.Table
    columns: Mapping[str, ColumnFacts]
    renamed: Mapping[str, str]
    formats: Mapping[str, str]
    form: CsvForm = PLAIN
    reader: str | None = None
    variable: str | None = None
    table: str | None = None
    copied: pa.Table | None = None
    not_taken: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The file, and its table, as messages name them."""
        return str(self.file) if self.table is None else f"{self.file}, table {self.table}"

    @property
    def origin(self) -> str:
        """Where the rows are from, without folders."""
        return self.file.name if self.table is None else f"table {self.table} of {self.file.name}"

    @property
    def name(self) -> str:
        """The name of the rows in declarations."""
        return name_of(self.table or self.file.stem)

    @property
    def suffix(self) -> str:
        """How the name of the copy ends."""
        return self.file.suffix if self.table is None else ".parquet"

    def frame(self, *names: str) -> pd.DataFrame:
        """Return some columns as a data frame."""
        frame: pd.DataFrame = self.rows.select(list(names)).to_pandas()
        return frame


def name_of(text: str) -> str:
    """Return a name that declarations take.

    >>> name_of("Arrival delay (min)"), name_of("2nd"), name_of("HomeTeam"), name_of("Größe")
    ('arrival_delay_min', 'c_2nd', 'home_team', 'grosse')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    plain = unicodedata.normalize("NFKD", words.casefold()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:60]
    return name if name[:1].isalpha() else f"c_{name}".rstrip("_")


def _column_name(text: str) -> str:
    """Return a name that declarations and expressions take."""
    name = name_of(text)
    return f"c_{name}" if name in (*RESERVED_COLUMNS, *_WORDS) or iskeyword(name) else name


def look_at(file: Path) -> TableFacts:
    """Read a file of rows.

    Raises
    ------
    UnusableFile
    """
    if not file.is_file():
        raise UnusableFile(file, "no such file. Correct the path.")
    rows, form = _read(file)
    return facts_of_rows(file, rows, form=form)


def facts_of_rows(file: Path, rows: pa.Table, table: str | None = None, form: CsvForm = PLAIN) -> TableFacts:
    """Return the facts of rows that are read.

    Raises
    ------
    UnusableFile
    """
    taken = with_types(rows)
    not_taken = tuple(name for name in rows.column_names if name not in taken.column_names)
    rows = taken
    renamed = new_names(file, rows)
    rows, formats = with_times(rows.rename_columns([renamed.get(name, name) for name in rows.column_names]))
    require_finite(file, rows)
    return TableFacts(file, rows, column_facts(rows), renamed, formats, form, table=table, not_taken=not_taken)


def new_names(file: Path, rows: pa.Table) -> dict[str, str]:
    """Return the names of columns in declarations by those in a file, where they differ.

    Raises
    ------
    UnusableFile
        Where there is no row, or two columns have one name.
    """
    if not rows.num_rows:
        raise UnusableFile(file, "it has no rows. Name another one.")
    names = [_column_name(name) for name in rows.column_names]
    if len(set(names)) < len(names):
        raise UnusableFile(file, "two columns have the same name, apart from signs and capitals. Rename one.")
    return {old: new for old, new in zip(rows.column_names, names, strict=True) if old != new}


def require_finite(file: Path, rows: pa.Table) -> None:
    """Refuse a column with an infinite number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name in rows.column_names:
        column = rows.column(name)
        if pa.types.is_floating(column.type) and (row := pc.index(pc.is_inf(column), True).as_py()) >= 0:
            raise UnusableFile(file, f"row {row + 1} has an infinite number in column {name}. Correct the row.")


def _read(file: Path) -> tuple[pa.Table, CsvForm]:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        if file.suffix == ".parquet":
            return pa.parquet.read_table(file), PLAIN
        return read_unknown_csv(file)
    except UnicodeDecodeError as error:
        problem = f"byte {error.start} is neither UTF-8 nor Western European text. Save the file as UTF-8."
        raise UnusableFile(file, problem) from None
    except (pa.ArrowException, csv.Error, OSError) as error:
        raise UnusableFile(file, f"not readable as CSV or Parquet: {error}. Repair it.") from None


def column_facts(rows: pa.Table) -> dict[str, ColumnFacts]:
    """Return the facts of every column by its name."""
    import pyarrow.compute as pc

    facts = {}
    for name in rows.column_names:
        column = rows.column(name)
        distinct = 0 if column.null_count == len(column) else pc.count_distinct(column).as_py()
        facts[name] = ColumnFacts(name, _type(column.type), distinct, column.null_count)
    return facts


def _type(kind: pa.DataType) -> str:
    import pyarrow as pa

    tests = {
        "bool": pa.types.is_boolean,
        "int": pa.types.is_integer,
        "float": lambda kind: pa.types.is_floating(kind) or pa.types.is_decimal(kind),
        "timestamp": pa.types.is_timestamp,
    }
    return next((name for name, test in tests.items() if test(kind)), "string")


def with_types(rows: pa.Table) -> pa.Table:
    """Return the columns for whose values declarations have a type; categories become their values."""
    import pyarrow as pa

    columns = {}
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if _has_type(column.type):
            columns[name] = column
    return pa.table(columns)


def _has_type(kind: pa.DataType) -> bool:
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType) or pa.types.is_nested(kind):
        return False
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return not any(test(kind) for test in (*tests, pa.types.is_time, pa.types.is_duration, pa.types.is_interval))
