"""Predictions are explained by the declarations of their day, where today's are others, unreadable or not recorded."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from ml_platform.audit.explain import Explanation, explain
from ml_platform.audit.explain.champion_history import production_at
from ml_platform.audit.explain.lookup import find_predictions
from ml_platform.project import Project, open_project
from ml_platform.storage.prediction_log import append_predictions, logged_days
from tests.audit.explain.shop_with_history import MODEL, explained_now, object_of
from tests.worlds import COURIER, NOW


def test_a_model_that_is_declared_no_longer_is_explained_as_before(shop: Project, before: Explanation) -> None:
    (shop.root / f"models/{MODEL}.yaml").unlink()
    assert MODEL not in open_project(shop.root).spec.models
    assert explained_now(shop, before) == before
    assert production_at(open_project(shop.root), MODEL, NOW).version is not None


def test_a_feature_that_means_something_else_by_now_is_explained_as_it_was_meant(
    shop: Project, before: Explanation
) -> None:
    edited = COURIER.replace("publish_delay: 5m", "publish_delay: 45m").replace(
        "minutes_late >= 30", "minutes_late >= 5"
    )
    (shop.root / "features/courier_recent.yaml").write_text(edited)
    assert explained_now(shop, before) == before


def test_a_log_without_recorded_declarations_is_explained_by_todays_and_reports_it(
    shop: Project, before: Explanation, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = find_predictions(shop, [before.prediction_id])[0].rows.drop(columns=["_log", "_segment"])
    table = pa.Table.from_pandas(rows.assign(prediction_id=f"{MODEL}.20240310.{'0' * 16}"), preserve_index=False)
    monkeypatch.setattr("ml_platform.storage.prediction_log.kept_declarations", lambda *_: {})
    inputs = {name: id for name, id in before.made.artifacts.items() if name != "sources/deliveries"}
    state, _ = append_predictions(shop, MODEL, date(2024, 3, 10), "key", lambda _: table, inputs, {})
    older = [{"id": item["id"], "rows": item["rows"]} for item in state.about["segments"]]
    rewrite(shop, date(2024, 3, 10), older)
    explanation = explain(shop, f"{MODEL}.20240310.{'0' * 16}", NOW)
    assert not explanation.made.exact
    assert explanation.problems == ("the log segment has no declarations: the current declarations are used",)
    assert explanation.holds
    (shop.root / f"models/{MODEL}.yaml").unlink()
    explanation = explain(open_project(shop.root), f"{MODEL}.20240310.{'0' * 16}", NOW)
    assert explanation.problems == (
        "the log segment has no declarations, and late_parcel is no longer declared: its features and "
        "source rows are unavailable",
    )
    assert (explanation.rescored.agrees, explanation.from_features) == (True, None)
    assert [item.value for item in explanation.inputs] == [item.value for item in before.inputs]


def rewrite(shop: Project, day: date, segments: list[dict[str, object]]) -> None:
    """Write a day's state as an older version of the platform did."""
    from ml_platform.storage.prediction_log import KIND, PREDICTION_DAYS
    from ml_platform.storage.rows import update_rows

    logged = next(item for item in logged_days(shop, MODEL) if item.day == day)
    state = shop.store.get(KIND, logged.artifact)
    about = {**state.about, "segments": segments}
    shop.store.write(KIND, "e" * 64, "older", objects=state.objects, about=about, inputs=state.inputs)
    with shop.database.writing() as connection:
        here = PREDICTION_DAYS.c.day == day.isoformat()
        update_rows(connection, PREDICTION_DAYS, here, {"artifact": "e" * 64})


def test_unreadable_declarations_are_reported_and_the_current_ones_are_used(
    shop: Project, before: Explanation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: object) -> None:
        raise ValueError("an unknown key")

    monkeypatch.setattr("ml_platform.operations.predictions.recompute_features.read_declarations", unreadable)
    explanation = explained_now(shop, before)
    assert explanation.problems == (
        "the logged declarations are of another version of the platform: the current declarations are used",
    )
    assert explanation.holds
    monkeypatch.undo()
    state = shop.store.get("predictions", before.made.log)
    kept = next(stored for name, stored in state.objects.items() if name.startswith("declared/"))
    object_of(shop, kept).unlink()
    explanation = explained_now(shop, before)
    assert explanation.problems[0].startswith(f"the logged declarations cannot be read: object {kept.sha256} is not in")
    assert explanation.holds
