"""Each row is scored by the version in charge at its batch run; before the first one, rows are only counted."""

from __future__ import annotations

from datetime import timedelta

from tests.operations.monitoring.hand_made_world import HandMadeWorld
from tests.operations.predictions.scored_day import END, START, appointed, log_of, rows_of_day, score


def test_each_row_is_scored_by_the_version_in_charge_at_its_batch_run(world: HandMadeWorld) -> None:
    noon = START + timedelta(hours=12)
    first, second = appointed(world, START - timedelta(days=1), seed=1), appointed(world, noon, seed=2)
    score(world, END)
    log = log_of(world)
    before = log["effective_time"] < noon
    assert before.any()
    assert (~before).any()
    assert set(log.loc[before, "version"]) == {first}
    assert set(log.loc[~before, "version"]) == {second}


def test_rows_before_the_first_deployment_are_counted_and_never_answered(world: HandMadeWorld) -> None:
    noon = START + timedelta(hours=12)
    appointed(world, noon)
    scored = score(world, END)
    assert scored.before_first_deployment == len(rows_of_day(world, end=noon))
    assert scored.rows == len(rows_of_day(world, start=noon))
    assert (log_of(world)["effective_time"] >= noon).all()
    assert scored.fact == (
        f"{scored.rows} predictions for 2024-01-10, {scored.rows} of them new; "
        f"{scored.before_first_deployment} rows came before the first deployment"
    )


def test_a_day_before_any_deployment_is_an_artifact_of_no_rows_with_its_reason(world: HandMadeWorld) -> None:
    scored = score(world, END)
    assert (scored.rows, scored.new_rows) == (0, 0)
    assert scored.made.artifact.about["rows"] == 0
    assert scored.fact == (
        "no row asked for a prediction on 2024-01-10 while a version was deployed; "
        f"{len(rows_of_day(world))} rows came before the first deployment"
    )
