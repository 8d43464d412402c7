"""What may be asked for is reached, each artifact once, with the path that led to it."""

from __future__ import annotations

from ml_platform.audit.references.links import Root, reach
from ml_platform.audit.references.roots import all_roots, champion_roots, prediction_roots, removed_on_purpose
from ml_platform.project import Project
from ml_platform.registry.champion import champion
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest
from ml_platform.storage.artifacts import ArtifactStore
from ml_platform.storage.ledger.lines import append_line
from ml_platform.storage.outputs import current_output
from ml_platform.storage.versions import versions
from tests.audit.verify.factory import MODEL, NOON


def test_a_champion_rests_on_its_snapshot_and_that_on_tables_and_sources(built: Project) -> None:
    reached = list(reach(built.store, champion_roots(built.database)))
    assert [item.kind for item in reached] == ["trained_model", "snapshot", "feature_table", "source", "source"]
    trained = champion(built, MODEL)
    assert trained is not None
    assert reached[0].id == trained.id
    assert [str(item).split(" > ")[0] for item in reached] == ["champion of late_parcel"] * 5
    assert (
        str(reached[1]) == f"champion of late_parcel > trained_model {trained.id[:12]} > snapshot {reached[1].id[:12]}"
    )
    assert all(item.problem is None for item in reached)


def test_a_logged_day_rests_on_the_version_that_scored_it_though_another_is_champion(built: Project) -> None:
    first, second = versions(built, MODEL)
    reached = list(reach(built.store, prediction_roots(built.database)))
    by_day: dict[str, set[str]] = {item.path[0]: set() for item in reached}
    for item in reached:
        by_day[item.path[0]].add(item.id)
    days = [f"logged predictions of late_parcel on 2024-03-0{day}" for day in (1, 2)]
    assert sorted(by_day) == days
    assert first.id in by_day[days[0]]
    assert {first.id, second.id} <= {item.id for item in reached}


def test_all_that_is_deployed_logged_or_made_last_is_reached_once(built: Project) -> None:
    rows = [(item.kind, item.id) for item in reach(built.store, all_roots(built.database))]
    assert len(rows) == len(set(rows))
    sources = {id: built.store.get("source", id) for id in built.store.ids("source")}
    latest = current_output(built.database, "sources/parcels")
    former = {id for id, made in sources.items() if made.about["source"] == "parcels" and id != latest}
    assert len(former) == 1  # no model reads parcels: only its latest state is needed
    for kind in ("trained_model", "snapshot", "evaluation", "feature_table", "source"):
        assert {id for of, id in rows if of == kind} == set(built.store.ids(kind)) - former, kind


def test_objects_are_those_that_the_manifest_lists(built: Project) -> None:
    for item in reach(built.store, all_roots(built.database)):
        assert item.artifact is not None
        assert item.objects == {stored.sha256 for stored in item.artifact.objects.values()}


def test_what_is_missing_is_reported_with_its_path(factory: Project) -> None:
    (snapshot_id, _) = factory.store.ids("snapshot")
    (factory.state / f"store/manifests/snapshot/{snapshot_id}.json").unlink()
    (missed,) = [item for item in reach(factory.store, all_roots(factory.database)) if item.problem]
    assert (missed.kind, missed.id, missed.artifact) == ("snapshot", snapshot_id, None)
    assert missed.path[-1] == f"snapshot {snapshot_id[:12]}"
    assert "was never finished, or has been removed" in str(missed.problem)


def write(store: ArtifactStore, like: ArtifactStore, kind: str, id: str, **inputs: str) -> None:
    """Write an artifact that holds what some artifact of its kind in another store holds."""
    about = like.get(kind, next(like.ids(kind))).about
    store.write(kind, id, f"key of {id}", about=about, inputs=inputs)


def test_the_shortest_way_is_reported(store: ArtifactStore, built: Project) -> None:
    write(store, built.store, "source", "s")
    write(store, built.store, "snapshot", "n", **{"sources/a": "s"})
    write(store, built.store, "trained_model", "t", **{"snapshot": "n", "sources/a": "s", "champion": ""})
    reached = list(reach(store, [Root("trained_model", "t", "asked")]))
    assert [item.problem for item in reached] == [None] * 3
    assert {item.id: str(item) for item in reached} == {
        "t": "asked > trained_model t",
        "n": "asked > trained_model t > snapshot n",
        "s": "asked > trained_model t > source s",
    }


def test_a_former_state_of_a_source_is_not_needed(store: ArtifactStore, built: Project) -> None:
    write(store, built.store, "source", "new", previous="old")
    assert [(item.id, item.problem) for item in reach(store, [Root("source", "new", "asked")])] == [("new", None)]


def test_roles_have_their_kinds() -> None:
    roles = {"sources/a": "source", "features/b": "feature_table", "predictions/2024-03-01": "predictions"}
    assert {role: MonitoringManifest.kind_of(role) for role in roles} == roles
    assert EvaluationManifest.kind_of("champion") == "trained_model"
    assert EvaluationManifest.kind_of("evaluation") == "evaluation"
    assert EvaluationManifest.kind_of("late_parcel/deployment") == "trained_model"
    assert EvaluationManifest.kind_of("late_parcel/snapshot") == "snapshot"


def test_what_was_removed_on_purpose_is_known_from_the_ledger(factory: Project) -> None:
    assert removed_on_purpose(factory.database) == {}
    with factory.database.writing() as connection:
        line = append_line(
            connection, at=NOON, actor="ada", action="delete", ref="retention", reason="older than a year",
            facts={"removed": {"snapshot": ["n1", "n2"]}},
        )  # fmt: skip
    assert removed_on_purpose(factory.database) == {("snapshot", "n1"): line, ("snapshot", "n2"): line}
