"""A row that was edited or deleted by hand is not used by what reads it."""

from __future__ import annotations

import pytest

from ml_platform.audit.verify.verify import verify_project
from ml_platform.core.errors import RowDamaged
from ml_platform.project import Project
from ml_platform.sources.ingest_history import last_ingest
from ml_platform.storage.prediction_log import logged_day, logged_days
from ml_platform.storage.versions import version_of, versions
from tests.audit.verify.edits import edited_by_hand
from tests.audit.verify.factory import MODEL


def _sql(project: Project, statement: str) -> None:
    with edited_by_hand(project) as hand:
        hand.execute(statement)


def test_a_day_of_predictions_that_points_at_an_earlier_state_is_not_used(damaged: Project) -> None:
    day = logged_days(damaged, MODEL)[0]
    states = sorted(damaged.store.ids("predictions"))
    earlier = next(id for id in states if id != day.artifact)
    _sql(damaged, f"UPDATE prediction_days SET artifact = '{earlier}' WHERE day = '{day.day}'")
    with pytest.raises(RowDamaged, match="the row was changed after it had been written"):
        logged_days(damaged, MODEL)
    with pytest.raises(RowDamaged):
        logged_day(damaged, MODEL, day.day)


def test_a_day_of_predictions_that_was_deleted_is_missed(damaged: Project) -> None:
    day = logged_days(damaged, MODEL)[0]
    _sql(damaged, f"DELETE FROM prediction_days WHERE day = '{day.day}'")
    with pytest.raises(RowDamaged, match="the row was removed without a line in the row log"):
        logged_day(damaged, MODEL, day.day)
    named = [damage.where for damage in verify_project(damaged).damages]
    assert f'prediction_days ["{MODEL}","{day.day}"]' in named


@pytest.mark.parametrize("change", ["number = 9", "snapshot = 'abc'", "registered_at = '2024-01-01T00:00:00.000000Z'"])
def test_a_version_that_was_edited_is_not_used(damaged: Project, change: str) -> None:
    first = versions(damaged, MODEL)[0]
    _sql(damaged, f"UPDATE versions SET {change} WHERE number = 1")
    for read in (lambda: versions(damaged, MODEL), lambda: version_of(damaged, MODEL, first.id)):
        with pytest.raises(RowDamaged, match="table versions"):
            read()
    assert [damage for damage in verify_project(damaged).damages if damage.where.startswith("versions ")]


def test_an_ingest_that_was_emptied_is_not_used(damaged: Project) -> None:
    source = next(iter(damaged.spec.sources))
    assert last_ingest(damaged.database, source) is not None
    _sql(damaged, "UPDATE ingests SET new_rows = 0, checks = '[]', fingerprint = NULL")
    with pytest.raises(RowDamaged, match="table ingests"):
        last_ingest(damaged.database, source)
