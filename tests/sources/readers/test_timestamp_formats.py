"""Times in declared formats, against strptime."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from ml_platform.core.errors import SourceError
from ml_platform.sources.conform import conform
from tests.sources.readers.test_csv import spec_of

FORMATS = [
    "%d.%m.%Y %H:%M",
    "%Y%m%d%H%M%S",
    "%m/%d/%y %I:%M:%S %p",
    "%d %b %Y",
    "%B %d, %Y %H:%M:%S.%f",
    "%Y-%j",
    "%Y-%m-%dT%H:%M:%S%z",
]


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_is_read_as_by_strptime_in_the_declared_zone(form):
    draw, zone = random.Random(form), ZoneInfo("Europe/Berlin")
    texts = []
    for _ in range(300):
        instant = datetime(2024, 1, 1, tzinfo=zone) + timedelta(
            hours=draw.randint(0, 8000), seconds=draw.random() * 3599
        )
        texts.append(instant.strftime(form))
    naive = "%z" not in form
    column = {"type": "timestamp", "format": form} | ({"zone": "Europe/Berlin", "dst": "later"} if naive else {})
    conformed = conform(pa.table({"at": pa.array([*texts, None])}), spec_of({"at": column}), "x")["at"].to_pylist()
    parsed = [datetime.strptime(text, form) for text in texts]
    expected = [one.replace(tzinfo=zone, fold=1) if naive else one for one in parsed]
    assert conformed == [*(one.astimezone(UTC) for one in expected), None]


def test_years_of_four_digits_are_read_as_by_strptime():
    texts = [f"03.02.{year:04}" for year in (1, 24, 987, 999, 1000, 1001, 1582, 1970, 9999)]
    spec = spec_of({"at": {"type": "timestamp", "format": "%d.%m.%Y", "zone": "UTC"}})
    conformed = conform(pa.table({"at": pa.array(texts)}), spec, "x")["at"].to_pylist()
    assert conformed == [datetime.strptime(text, "%d.%m.%Y").replace(tzinfo=UTC) for text in texts]


@pytest.mark.parametrize(("form", "factor"), [("epoch s", 1), ("epoch ms", 1000), ("epoch us", 10**6)])
@pytest.mark.parametrize("as_text", [True, False])
def test_counts_since_1970_are_instants(form, factor, as_text):
    seconds = [0, 1_717_171_717, -86_400]
    values = [second * factor for second in seconds]
    raw = pa.array([str(value) for value in values] if as_text else values)
    spec = spec_of({"at": {"type": "timestamp", "format": form}})
    conformed = conform(pa.table({"at": raw}), spec, "x")["at"].to_pylist()
    assert conformed == [datetime.fromtimestamp(second, UTC) for second in seconds]


@pytest.mark.parametrize(
    ("column", "text", "problem"),
    [
        ({"format": "%d.%m.%Y", "zone": "UTC"}, "31.02.2024", "'31.02.2024' is no timestamp of the format %d.%m.%Y"),
        ({"format": "%d.%m.%Y", "zone": "UTC"}, "2024-02-01", "'2024-02-01' is no timestamp of the format %d.%m.%Y"),
        ({"format": "%d.%m.%Y", "zone": "UTC"}, "15.12.24", "'15.12.24' is no timestamp of the format %d.%m.%Y"),
        ({"format": "%d.%m.%Y", "zone": "UTC"}, "15.12.987", "'15.12.987' is no timestamp of the format %d.%m.%Y"),
        ({"format": "%m/%d/%Y %z"}, "12/15/24 +0100", "'12/15/24 +0100' is no timestamp of the format %m/%d/%Y %z"),
        ({"format": "epoch ms"}, "1.5", "'1.5' is no timestamp of the format epoch ms"),
        ({"format": "epoch s"}, "9" * 18, "'999999999999999999' is no timestamp of the format epoch s"),
        (
            {"format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
            "31.03.2024 02:30",
            "'31.03.2024 02:30' is a time that clocks in Europe/Berlin skip. Correct the data, or declare for the "
            "column dst: shift_forward.",
        ),
    ],
)
def test_what_is_not_of_the_format_is_named_with_its_row(column, text, problem):
    spec = spec_of({"at": {"type": "timestamp", **column}})
    with pytest.raises(SourceError) as refused:
        conform(pa.table({"at": [None, text]}), spec, "x.csv")
    assert f"x.csv: row 2: column at: {problem}" in str(refused.value)
