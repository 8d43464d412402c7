"""Values of features in the cases that are easily computed wrong, each worked out by hand."""

import math
from datetime import datetime, timedelta

import pytest

from ml_platform.core.errors import FeatureError
from ml_platform.features.sample import newest_values, sample_values
from tests.features.feature_tables import answers, built, declared, one_table, project_of, row, value_at
from tests.features.world import SALES, at, write_csv, write_project

pytestmark = pytest.mark.usefixtures("each_engine")


def test_a_row_at_the_window_s_open_end_is_outside_and_at_its_closed_end_inside(tmp_path):
    # Window (tick - 2h, tick]: the event at 1:00 is in it at 1:00 and 2:00, and out at 3:00.
    project = project_of(tmp_path, [row("r", 1)], one_table({"count": True}, ["2h"]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (0, 1, 2, 3)] == [0, 1, 1, 0]


def test_a_row_one_microsecond_after_a_tick_waits_for_the_next(tmp_path):
    project = project_of(tmp_path, [row("r", 1, microseconds=1)], one_table({"count": True}, ["ever"]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (1, 1.9, 2)] == [0, 0, 1]


def test_a_row_counts_from_when_it_is_known_not_from_when_it_happened(tmp_path):
    project = project_of(tmp_path, [row("r", 1, seen=4)], one_table({"count": True}, ["ever"]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (1, 3, 4)] == [0, 0, 1]


def test_a_row_that_is_known_only_after_the_window_passed_it_never_counts(tmp_path):
    project = project_of(tmp_path, [row("r", 1, seen=4), row("s", 5)], one_table({"count": True}, ["2h"]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (3, 4, 5)] == [0, 0, 1]


def test_publish_delay_moves_the_tick_that_can_be_read(tmp_path):
    table = one_table({"count": True}, ["ever"], publish_delay="10m")
    project = project_of(tmp_path, [row("r", 1)], table)
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (1, 1.1, 7 / 6)] == [0, 0, 1]


def test_a_correction_replaces_its_row_from_when_it_is_known(tmp_path):
    rows = [row("r", 1, amount=10.0), row("r", 1, seen=3, amount=4.0)]
    project = project_of(tmp_path, rows, one_table({"sum": "amount"}, ["ever"]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (1, 2, 3, 8)] == [10.0, 10.0, 4.0, 4.0]


def test_rows_that_are_known_ahead_are_read_forward(tmp_path):
    # Window (tick, tick + 2h]: the event at 4:00, known since -1:00, is ahead at 2:00 and 3:00.
    project = project_of(tmp_path, [row("r", 4, seen=-1)], one_table({"count": True}, [["0h", "2h"]]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (1, 2, 3, 4)] == [0, 1, 1, 0]


def test_an_empty_window_has_count_0_sum_0_no_row_and_nothing_else(tmp_path):
    project = project_of(tmp_path, [row("r", 1)], declared(windows=["1h"]))
    answered = answers(project, built(project, at(9)), [("a", at(8)), ("nobody", at(1)), (None, at(1))])
    for cells in answered:
        values = {name: value for name, value in cells.items() if "." in name}
        assert (values.pop("recent.some_1h"), values.pop("recent.no_one_1h")) == (False, True)
        zero = {name for name, value in values.items() if value == 0}
        assert zero == {"recent.rows_1h", "recent.big_1h", "recent.total_1h", "recent.pieces_1h"}
        assert all(value is None for name, value in values.items() if name not in zero)


def test_sums_are_exact_where_floats_are_not(tmp_path):
    # Added one by one, 0.1 + 0.2 - 0.3 leaves 5.6e-17 and not 2.8e-17; and what enters would never quite leave again.
    rows = [row("r", 1, amount=0.1), row("s", 1, amount=0.2), row("t", 1, amount=-0.3)]
    project = project_of(tmp_path, rows, one_table({"sum": "amount"}, ["2h"]))
    artifact = built(project, at(9))
    assert [value_at(project, artifact, "a", at(hour)) for hour in (1, 3)] == [math.fsum([0.1, 0.2, -0.3]), 0.0]


def test_days_are_24_hours_also_when_clocks_change(tmp_path):
    # New York's clocks went forward on 10 March 2013; 7d and ticks do not care. Event at 01:30 EST = 06:30 UTC.
    write_csv(tmp_path / "data/sales.csv", ["id", "shop", "at", "seen"], [["r", "a", "2013-03-10T01:30:00", ""]])
    source = {
        **SALES,
        "reader": {"csv": "data/sales.csv"},
        "known_at": {"delay": "0s"},
        "columns": {"id": "string", "shop": "string", "at": {"type": "timestamp", "zone": "America/New_York"}},
    }
    project = write_project(
        tmp_path, sources={"sales": source}, features={"recent": one_table({"count": True}, ["1d"])}
    )
    artifact = built(project, at(0))
    first = at(0).replace(year=2013, month=3, day=10, hour=6)
    hours = (0, 1, 24, 25)
    assert [value_at(project, artifact, "a", first + timedelta(hours=hour)) for hour in hours] == [0, 1, 1, 0]


def test_a_value_that_is_too_large_for_exact_sums_is_a_clear_error(tmp_path):
    rows = [row("r", 1, amount=1e44), row("s", 2, amount=1e44)]
    project = project_of(tmp_path, rows, one_table({"std": "amount"}, ["3h"]))
    with pytest.raises(FeatureError, match="feature table recent: a value is too large for exact sums"):
        built(project, at(9))


def test_a_table_without_a_single_row_answers_all_the_same(tmp_path):
    table = one_table({"count": True}, ["1d"], where="amount > 100")
    project = project_of(tmp_path, [row("r", 1)], table)
    artifact = built(project, at(9))
    assert artifact.about["rows"] == 0
    assert value_at(project, artifact, "a", at(2)) == 0


@pytest.mark.parametrize("sentinel", ["9999-12-31T23:59:59.999999+00:00", "0001-01-01T00:00:00+00:00"])
def test_a_row_of_the_end_of_time_counts_where_its_window_has_it_and_values_can_be_sampled(tmp_path, sentinel):
    last = datetime.fromisoformat(sentinel)
    table = one_table({"count": True}, ["ever", "7d"])
    project = project_of(tmp_path, [row("a", 1), row("b", 2, seen=2) | {"at": last}], table)
    artifact = built(project, at(9))
    [answered] = answers(project, artifact, [("a", at(5))])
    assert (answered["recent.f_ever"], answered["recent.f_7d"]) == (1 + (last < at(5)), 1)
    for values in (sample_values(project, "recent", artifact.id, 50), newest_values(project, "recent", artifact.id)):
        assert all(tick.year <= 9999 for tick in values["tick"].to_pylist())
