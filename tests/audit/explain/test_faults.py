"""What is gone, damaged or false is named; what remains is shown all the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.erase import erase
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.audit.explain import Explanation, explain
from ml_platform.audit.explain.champion_history import production_at
from ml_platform.audit.explain.lookup import find_predictions, sample_ids
from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing, NoSuchPrediction
from ml_platform.project import Project, open_project
from ml_platform.storage.prediction_log import append_predictions, logged_days, segment_names
from tests.audit.explain.shop_with_history import MODEL, Lived, explained_now, object_of
from tests.worlds import NOW


def planted(shop: Project, before: Explanation, column: str, value: object) -> Explanation:
    """Log the same prediction once more under another id, with one value that is false."""
    logged = find_predictions(shop, [before.prediction_id])[0]
    rows = logged.rows.drop(columns=["_log", "_segment"]).assign(prediction_id=f"{MODEL}.20240310.{'f' * 16}")
    table = pa.Table.from_pandas(rows, preserve_index=False)
    place = table.column_names.index(column)
    table = table.set_column(place, column, pa.array([value], table.schema.field(column).type))
    append_predictions(shop, MODEL, date(2024, 3, 10), "key", lambda _: table, logged.inputs, {})
    return explain(shop, f"{MODEL}.20240310.{'f' * 16}", NOW)


def test_a_false_score_in_the_log_is_reported_with_both_values(shop: Project, before: Explanation) -> None:
    explanation = planted(shop, before, "score", 0.123)
    assert not explanation.holds
    assert explanation.rescored.statement == (
        f"1 of 3 outputs differ: score was 0.123 and is {before.answer.scores['score']!r}."
    )
    assert [output.name for output in explanation.outputs if not output.agrees] == ["score"]
    assert explanation.outputs[0].logged_bytes == "3fbf7ced916872b0"  # 0.123 as a double


def test_a_false_input_in_the_log_is_reported_with_the_value_of_the_feature_table(
    shop: Project, before: Explanation
) -> None:
    explanation = planted(shop, before, "courier_recent.mean_late_7d", 999.0)
    differing = [item for item in explanation.inputs if not item.agrees]
    was = next(item.value for item in before.inputs if item.name == "courier_recent.mean_late_7d")
    assert [(item.name, item.value, item.recomputed) for item in differing] == [
        ("courier_recent.mean_late_7d", 999.0, was)
    ]
    assert explanation.from_features is not None
    assert (
        explanation.from_features.agrees
    )  # the logged outputs follow from what the table says, not from the false input


def test_a_missing_feature_table_is_named_and_the_rest_is_shown(shop: Project, before: Explanation) -> None:
    id = before.made.artifacts["features/courier_recent"]
    (shop.state / f"store/manifests/feature_table/{id}.json").unlink()
    explanation = explained_now(shop, before)
    assert len(explanation.problems) == 1
    assert explanation.problems[0].startswith(f"the features cannot be recomputed: feature_table {id} is not in")
    assert (explanation.rescored, explanation.contributions, explanation.version) == (
        before.rescored,
        before.contributions,
        before.version,
    )
    assert {item.agrees for item in explanation.inputs} == {None}


def test_a_damaged_source_is_named_and_the_rest_is_shown(shop: Project, before: Explanation) -> None:
    source = shop.store.get("source", before.made.artifacts["sources/deliveries"])
    for chunk in source.about["chunks"]:
        path = object_of(shop, source.objects[chunk["name"]])
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    explanation = explained_now(shop, before)
    assert any("the source rows of courier_recent are unavailable: object" in text for text in explanation.problems)
    assert any("is damaged" in text for text in explanation.problems)
    assert explanation.holds
    assert all(item.source_rows is None for item in explanation.inputs)


def test_an_edited_ledger_is_reported_and_nothing_is_read_from_it(shop: Project, before: Explanation) -> None:
    with closing(sqlite3.connect(shop.state / "platform.sqlite")) as database:
        for (name,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f"drop trigger {name}")
        database.execute("update ledger set actor = 'somebody else' where action = 'deploy'")
        database.commit()
    explanation = explained_now(shop, before)
    assert len(explanation.problems) == 1
    assert "ledger" in explanation.problems[0]
    assert (explanation.version.deployment, explanation.version.champion_then) == (None, None)
    assert explanation.holds


def test_a_damaged_log_or_trained_model_is_an_error_that_names_it(shop: Project, before: Explanation) -> None:
    trained = shop.store.get("trained_model", before.version.trained_model)
    path = object_of(shop, trained.objects["predictor/trees.txt"])
    content = path.read_bytes()
    path.write_bytes(content.replace(b"leaf_value=", b"leaf_valu=="))
    with pytest.raises(ArtifactDamaged, match=f"object {path.name[:12]} is damaged"):
        explained_now(shop, before)
    path.unlink()
    with pytest.raises(ArtifactMissing, match=f"object {path.name} is not in"):
        explained_now(shop, before)
    path.write_bytes(content)
    logged = next(item for item in logged_days(shop, MODEL) if item.day == before.effective_time.date())
    state = shop.store.get("predictions", logged.artifact)
    path = object_of(shop, state.objects[segment_names(state)[0]])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ArtifactDamaged, match=path.name[:12]):
        explained_now(shop, before)


def test_a_row_that_is_no_longer_in_the_source_is_reported_as_gone(
    shop: Project, before: Explanation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml_platform.datasets.population import source_rows as population

    real = vars(population)["source_versions"]

    def without_it(*arguments: object) -> object:
        rows = real(*arguments)
        return rows.filter(rows["order_id"] != before.key["order_id"])

    monkeypatch.setattr("ml_platform.datasets.population.source_rows.source_versions", without_it)
    explanation = explained_now(shop, before)
    assert explanation.problems == (
        "the population row is not in the log of orders as the scoring read it, so the features cannot be "
        "recomputed: it was erased, or the log was restarted",
    )
    assert (explanation.rescored.agrees, explanation.from_features, explanation.population) == (True, None, None)


def test_ids_that_are_none_are_answered_with_what_is_nearest(lived: Lived, before: Explanation) -> None:
    def problem(id: str) -> str:
        with pytest.raises(NoSuchPrediction) as caught:
            explain(lived.project, id, lived.now)
        return str(caught.value)

    start, hash = before.prediction_id[:-16], before.prediction_id[-16:]
    turned = hash[:7] + hash[8] + hash[7] + hash[9:] if hash[7] != hash[8] else "0" + hash[1:]
    assert problem(start + turned).endswith(f"Did you mean {before.prediction_id}?")
    for text in (
        "late_parcel",
        start + "xyz",
        "late_parcel.20241341.0123456789abcdef",
        "../x.20240301." + "0" * 16,
        "",
    ):
        assert "this is not a prediction id. An id is MODEL.YYYYMMDD.HASH" in problem(text)
    assert problem("late_parcl.20240301." + "0" * 16).endswith("Did you mean late_parcel?")
    assert problem("late_parcel.20250301." + "0" * 16).endswith(
        "late_parcel has no prediction on 2025-03-01. It has some on 6 days, 2024-03-01 to 2024-03-06."
    )


def test_what_was_in_production_follows_the_ledger(lived: Lived) -> None:
    second = NOW + timedelta(days=3, hours=7)
    moment = timedelta(microseconds=1)
    at_instants = {
        at: production_at(lived.project, MODEL, at) for at in (NOW - moment, NOW, second - moment, second, lived.now)
    }
    numbers = [item.deployment.version if item.deployment else None for item in at_instants.values()]
    assert numbers == [None, 1, 1, 2, 2]
    assert at_instants[NOW - moment].first == NOW
    assert at_instants[NOW].deployment is not None
    assert (at_instants[NOW].deployment.at, at_instants[NOW].deployment.until) == (NOW, second)


def test_every_segment_of_the_log_was_written_by_the_platform_of_today(lived: Lived) -> None:
    for logged in logged_days(lived.project, MODEL):
        state = lived.project.store.get("predictions", logged.artifact)
        assert all({"inputs", "declared"} <= set(segment) for segment in state.about["segments"])
        rows = [
            pq.read_table(pa.BufferReader(lived.project.store.read(state.objects[name])), columns=["prediction_id"])
            for name in segment_names(state)
        ]
        assert pc.count_distinct(pa.concat_tables(rows)["prediction_id"]).as_py() == logged.rows


def test_erased_parts_are_reported_and_the_rest_is_still_reproduced(shop: Project, lived: Lived) -> None:
    id = sample_ids(lived.project, MODEL, None, 1)[0]
    whole = explain(lived.project, id, lived.now, rows=None)
    place = next(number for number, item in enumerate(whole.inputs) if item.name == "courier_recent.mean_late_7d")
    feature_inputs = whole.inputs[place].source_rows
    assert feature_inputs is not None
    gone = feature_inputs.rows[2].values["order_id"]
    erase_order(shop, gone)
    explanation = explain(open_project(shop.root), id, lived.now, rows=None)
    traced_after = explanation.inputs[place].source_rows
    assert traced_after is not None
    assert [row.values["order_id"] for row in traced_after.rows] == [
        row.values["order_id"] for row in feature_inputs.rows if row.values["order_id"] != gone
    ]
    assert [text.partition(",")[0] for text in explanation.problems] == ["sources/orders", "sources/deliveries"]
    assert all("1 row erased" in text for text in explanation.problems)
    assert (explanation.holds, explanation.outputs) == (True, whole.outputs)
    erase_order(shop, whole.key["order_id"])
    with pytest.raises(NoSuchPrediction, match="1 row erased: these predictions can no longer be explained"):
        explain(open_project(shop.root), id, lived.now)


def erase_order(shop: Project, order_id: str) -> None:
    project, now = open_project(shop.root), NOW + timedelta(days=7)
    person = Person.of(project, "order", {"order_id": order_id})
    erase(project, person, plan_erasure(project, person, now).id, now, actor="ada", reason="asked for by letter")
