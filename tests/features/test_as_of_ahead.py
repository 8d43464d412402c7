"""The example of docs/guides/features.md: what as_of reads of rows that are known ahead."""

import pytest

from tests.features.feature_tables import answers, built, one_table, project_of, row
from tests.features.world import at

ROWS = [
    row("1", 10, seen=9, kind="basic"),
    row("2", 14, seen=11, kind="gold"),
    row("3", 12, seen=12, kind=None),
]


@pytest.mark.parametrize(
    ("hour", "as_of", "last"),
    [(9, None, None), (10, "basic", "basic"), (13, None, "basic"), (14, "gold", "gold")],
)
def test_as_of_reads_the_newest_row_that_has_happened_and_last_ignores_nulls(tmp_path, hour, as_of, last):
    table = one_table({"last": "kind"}, ["ever"])
    table["features"]["plan"] = {"as_of": "kind"}
    project = project_of(tmp_path, ROWS, table)
    answered = answers(project, built(project, at(20)), [("a", at(hour))])[0]
    assert (answered["recent.plan"], answered["recent.f_ever"]) == (as_of, last)
