"""A new project reads its file as it is written: signs, encodings, formats of times, numbers."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_platform.core.errors import PlatformError
from ml_platform.declarations.label import RowLabel
from ml_platform.declarations.project import ProjectSpec
from ml_platform.project import open_project
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.readers.csv import CsvReader
from ml_platform.sources.reading.reader import reader_of
from ml_platform.sources.source_log import source_versions
from tests.operations.new_project.order_files import write_orders, write_rows


@pytest.mark.parametrize("form", ["%Y/%m/%d %H:%M", "%d.%m.%Y", "%b %d %Y", "%Y-%m-%d %H:%M:%S"])
def test_a_file_is_read_as_it_is_written(make: Callable[..., ProjectSpec], tmp_path: Path, form: str) -> None:
    file = write_orders(tmp_path / "orders.csv", form=form)
    spec = make(file, predict="minutes", key=("order_id",))
    assert (tmp_path / "shop/data/orders.csv").read_bytes() == file.read_bytes()  # new files of this form can follow
    assert spec.sources["orders"].reader.null_values == ("", "NA")
    project = open_project(tmp_path / "shop")
    ingested = ingest_source(project, "orders", datetime(2025, 1, 1, tzinfo=UTC))
    with project.engine() as engine:
        log = source_versions(engine, project.store, ingested.made.artifact, ["order_id", "placed_at", "note"], "rows")
        rows = sorted((row["order_id"], row["placed_at"], row["note"]) for row in engine.run(log).to_pylist())
    with file.open(newline="") as written:
        expected = [
            (int(line["Order ID"]), datetime.strptime(line["placed at"], form).replace(tzinfo=UTC), None)
            for line in csv.DictReader(written)
        ]
    assert rows == expected


@pytest.mark.parametrize(("separator", "decimal"), [(";", "."), (";", ","), ("\t", ","), ("|", "."), (",", ",")])
def test_separators_and_decimal_commas_are_noticed(
    make: Callable[..., ProjectSpec], tmp_path: Path, separator: str, decimal: str
) -> None:
    draw, file = random.Random(3), tmp_path / "meters.csv"
    start = datetime(2024, 1, 1, tzinfo=UTC)
    rows = [(start + timedelta(hours=6 * number), draw.randint(1, 80) / 4, draw.randint(0, 9)) for number in range(400)]
    with file.open("w", newline="") as lines:
        written = csv.writer(lines, delimiter=separator)
        written.writerow(["at", "heat", "note", "used"])
        for number, (at, heat, used) in enumerate(rows):
            note = "two\nlines, or; more" if number % 7 == 0 else "NA"
            written.writerow([f"{at:%Y-%m-%dT%H:%MZ}", str(heat).replace(".", decimal), note, used])
    source = make(file, predict="used", key=("at",)).sources["meters"]
    reader = reader_of(source)
    assert isinstance(reader, CsvReader)
    signs = (None if separator == "," else separator, None if decimal == "." else decimal)
    assert (reader.separator, reader.decimal, source.reader.null_values) == (*signs, ("", "NA"))
    project = open_project(tmp_path / "shop")
    ingested = ingest_source(project, "meters", datetime(2025, 1, 1, tzinfo=UTC))
    with project.engine() as engine:
        log = source_versions(engine, project.store, ingested.made.artifact, ["at"], "rows")
        read = sorted((row["at"], row["heat"]) for row in engine.run(log).to_pylist())
    assert read == [(at, heat) for at, heat, _ in rows]


EUROPEAN = """\
Bestellung;Bestellt am;Größe;Gewicht;Minuten
{n};{day:02}/{month:02}/2024;{size};{weight};{minutes}
"""


def write_european(path: Path) -> Path:
    """Write semicolons, decimal commas, days before months, Latin-1, a text that means null, and a row without time."""
    head, row = EUROPEAN.splitlines()
    lines = [head]
    for n in range(84):
        weight, size = "k.A." if n % 9 == 0 else f"{n},5", ("groß", "klein", "mittel")[n % 3]
        lines.append(row.format(n=n, day=1 + n % 28, month=1 + n // 28, size=size, weight=weight, minutes=n % 17))
    path.write_text("\n".join([*lines, "84;;groß;1,5;3"]), encoding="latin-1")
    return path


def test_a_file_from_europe_is_read_as_it_is_written(make: Callable[..., ProjectSpec], tmp_path: Path) -> None:
    spec = make(write_european(tmp_path / "aufträge.csv"), predict="Minuten")
    rows = spec.sources["auftrage"]
    assert {name: column.type for name, column in rows.columns.items()} == {
        "bestellung": "int",
        "bestellt_am": "timestamp",
        "grosse": "string",
        "gewicht": "float",
    }
    project = open_project(tmp_path / "shop")
    ingested = ingest_source(project, "auftrage", datetime(2025, 1, 1, tzinfo=UTC))
    assert (ingested.new_rows, ingested.rows.quarantined) == (84, 1)
    names = ["bestellung", "bestellt_am", "grosse", "gewicht"]
    with project.engine() as engine:
        log = source_versions(engine, project.store, ingested.made.artifact, names, "rows")
        read = {row["bestellung"]: row for row in engine.run(log).to_pylist()}
    assert (read[9]["gewicht"], read[10]["gewicht"], read[9]["grosse"]) == (None, 10.5, "groß")
    assert read[40]["bestellt_am"] == datetime(2024, 2, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "declared"),
    [
        ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"),
        ("%d.%m.%y", "%d.%m.%y"),
        ("%d/%m/%Y %I:%M %p", "%d/%m/%Y %I:%M %p"),
    ],
)
def test_the_format_of_times_is_the_one_that_fits_every_row(
    make: Callable[..., ProjectSpec], tmp_path: Path, form: str, declared: str
) -> None:
    spec = make(write_orders(tmp_path / "orders.csv", form=form), predict="minutes", key=("order_id",))
    assert spec.sources["orders"].columns["placed_at"].format == declared


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        (lambda n: f"0{1 + n % 9}/0{1 + n % 8}/2024", "column at can be of the format %d/%m/%Y and of %m/%d/%Y"),
        (lambda n: "soon" if n == 5 else f"2024-01-{1 + n % 28:02}", "column at has '2024-01-01', and 'soon' in row 6"),
        (lambda n: "13/13/2024" if n == 7 else f"{1 + n % 28}/01/2024", "has '1/01/2024', and '13/13/2024' in row 8"),
        (lambda n: "" if n % 2 else f"2024-01-{1 + n % 28:02}", "column at is empty in 42 of 84 rows"),
    ],
)
def test_a_file_without_times_is_refused_with_the_first_row_that_does_not_fit(
    make: Callable[..., ProjectSpec], tmp_path: Path, times: Callable[[int], str], sentence: str
) -> None:
    lines = ["id,at,late", *(f"{n},{times(n)},{n % 2}" for n in range(84))]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    with pytest.raises(PlatformError) as refused:
        make(tmp_path / "x.csv", predict="late")
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (lambda n: f"{n % 7:05}", "string"),  # postcodes: 00006 is not 6
        (lambda n: str(2**64 + n % 7), "string"),  # as a float, all of them are one number
        (lambda n: str(2**62 + n), "int"),
        (lambda n: f"{n}.50", "float"),
        (lambda n: "0.5" if n % 2 else "0", "float"),
    ],
)
def test_a_column_becomes_numbers_only_where_numbers_keep_what_is_written(
    make: Callable[..., ProjectSpec], tmp_path: Path, cells: Callable[[int], str], kind: str
) -> None:
    spec = make(write_rows(tmp_path / "x.csv", "code,late", lambda n: f"{cells(n)},{n % 3}"), predict="late")
    assert spec.sources["x"].columns["code"].type == kind
    assert "x.code" in spec.models["predict_late"].features or spec.feature_tables["code_history"]


def test_a_label_of_two_large_numbers_names_one_of_them_exactly(
    make: Callable[..., ProjectSpec], tmp_path: Path
) -> None:
    file = write_rows(tmp_path / "x.csv", "n,kind", lambda n: f"{n},{1000002 if n % 3 else 1000001}")
    label = make(file, predict="kind").models["predict_kind"].label
    assert isinstance(label, RowLabel)
    assert label.expression == "kind == 1000001"
