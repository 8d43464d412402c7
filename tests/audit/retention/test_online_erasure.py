"""A person who is erased leaves the online store: records by the key, and rows of others that name it."""

import pytest

from ml_platform.audit.erasure.data_subject import Person
from ml_platform.audit.erasure.erase import erase
from ml_platform.audit.erasure.online_records import erase_online, held_online
from ml_platform.audit.erasure.plan import plan_erasure
from ml_platform.operations.online.due import published_description
from ml_platform.operations.online.lookup import ModelLookup
from ml_platform.operations.online.publish import online_store, publish_online
from ml_platform.operations.predictions.compact_online import compact_online_log
from ml_platform.serving.service import Service
from ml_platform.storage.prediction_log import read_predictions
from ml_platform.storage.redirects import successor
from tests.features.world import at
from tests.operations.online.worlds import inputs_of, project_of, random_rows
from tests.serving.world import NOW as SERVED
from tests.serving.world import served_world

NOW = at(35)


@pytest.fixture
def published(tmp_path):
    rows = random_rows(1)
    rows["orders"] += [[f"person-order-{n}", "a", 777, at(2), at(2), 0.5, 3, True] for n in range(3)]
    rows["orders"] += [["person-order-now", "a", 777, at(34.5), at(34.5), 0.5, 3, True]]  # asked about at 35:00
    rows["profiles"] += [["p777", 777, at(1), at(1), "north"]]
    project = project_of(tmp_path, rows)
    inputs = inputs_of(project, NOW)
    publish_online(project, inputs, NOW)
    return project, inputs


def looked_up(project, row):
    with online_store(project).view() as view:
        return ModelLookup(project.spec, project.spec.models["by_rows"]).look_up(view, row)


def raw(project):
    return b"".join(path.read_bytes() for path in (project.state / "online").rglob("*") if path.is_file())


def test_an_erased_person_has_no_record_and_is_in_no_free_page(published):
    project, _ = published
    person = Person.of(project, "customer", {"customer": "777"})
    assert all(text in raw(project) for text in (b"person-order-1", b"order:string/by_rows\0person-order-now"))
    plan = plan_erasure(project, person, NOW)
    assert plan.online == 5  # its profile, and four orders
    done = erase(project, person, plan.id, NOW, actor="ada", reason="asked for by letter")
    assert done.online == 5
    assert held_online(project, person) == {}
    assert b"person-order" not in raw(project)
    assert published_description(project).populations == {}
    assert looked_up(project, {"id": "person-order-1"}).missing
    next_plan = plan_erasure(project, person, NOW)
    assert next_plan.is_empty
    assert next_plan.elsewhere == plan.elsewhere or not [text for text in next_plan.elsewhere if "online/" in text]


def test_what_is_published_next_is_made_of_the_remaining_rows(published):
    project, inputs = published
    person = Person.of(project, "customer", {"customer": "777"})
    before = published_description(project).records
    plan = plan_erasure(project, person, NOW)
    erase(project, person, plan.id, NOW, actor="ada", reason="asked for by letter")
    next_inputs = {
        node: successor(project.database, "source" if node.startswith("sources") else "feature_table", id) or id
        for node, id in inputs.items()
    }
    actual = publish_online(project, next_inputs, NOW)
    assert actual.outcome == "published"
    assert actual.description.records["order:string"].count == before["order:string"].count - 4
    assert actual.description.records["customer:int"].count == before["customer:int"].count - 1
    assert actual.removed == 0
    assert set(actual.description.populations) == {"by_rows", "by_ticks"}


def test_a_person_who_has_no_record_changes_nothing(published):
    project, _ = published
    before = published_description(project)
    assert erase_online(project, Person.of(project, "customer", {"customer": "424242"})) == 0
    assert published_description(project) == before


def test_predictions_of_a_service_that_runs_do_not_come_back(tmp_path, monkeypatch):
    """A worker writes to its log file for ten minutes, and each collection of predictions reads it again."""
    world = served_world(tmp_path, monkeypatch, ["by_rows"])
    service = Service(world.project)

    def ask(*orders):
        rows = [{"id": id, "shop": "a", "customer": customer, "items": 2, "gift": True} for id, customer in orders]
        service.record(service.answer(service.model("by_rows"), rows))

    def logged():
        compact_online_log(world.project, SERVED)
        return sorted(read_predictions(world.project, "by_rows", at(0), at(100))["id"])

    ask(("order-of-7770", 7770), ("order-of-1", 1))
    assert logged() == ["order-of-1", "order-of-7770"]
    person = Person.of(world.project, "customer", {"customer": "7770"})
    ask(("other-of-7770", 7770))
    plan = plan_erasure(world.project, person, SERVED)
    assert plan.rows["predictions"] == 2
    done = erase(world.project, person, plan.id, SERVED, actor="ada", reason="asked for by letter")
    assert [text.rpartition(": ")[2] for text in done.elsewhere if text.startswith("serving/log/")] in (
        [],
        ["the prediction service ends this file within 10 minutes, and the next collection removes it"],
    )
    assert logged() == ["order-of-1"]
    ask(("third-of-7770", 7770), ("order-of-2", 2))
    assert logged() == ["order-of-1", "order-of-2"]
    service.close()
    assert logged() == ["order-of-1", "order-of-2"]
    assert plan_erasure(world.project, person, SERVED).is_empty
