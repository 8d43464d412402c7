"""The example's declarations: they are valid, make the graph that they should, and say where their money comes from."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from ml_platform.declarations.graph import build_graph
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.project import ProjectSpec
from ml_platform.declarations.resolve import expand_features
from ml_platform.declarations.user_code.version import load_function

FLIGHTS = Path(__file__).parents[2] / "examples/flights"
GOLDEN = Path(__file__).parent / "golden_graph.json"


@pytest.fixture(scope="module")
def spec() -> ProjectSpec:
    return load_project(FLIGHTS, environ={})


def test_the_graph_is_the_golden_one(spec: ProjectSpec) -> None:
    """Rewrite the golden file only for a change that is meant, by hand or from what this test prints."""
    feature_inputs = {node.name: sorted(node.inputs) for node in build_graph(spec)}
    assert feature_inputs == json.loads(GOLDEN.read_text()), json.dumps(feature_inputs, indent=2)


def test_every_node_leads_to_the_file_that_declares_it(spec: ProjectSpec) -> None:
    for node in build_graph(spec):
        lines = (FLIGHTS / node.location.file).read_text().splitlines()
        assert 1 <= node.location.line <= len(lines)
        if node.kind != "online_store":  # one for all online models; it leads to the first of them
            assert f"name: {node.subject}" in lines


def test_no_model_reads_whether_the_aircraft_is_known(spec: ProjectSpec) -> None:
    """The aircraft is missing only for flights that were cancelled later."""
    for model in spec.models.values():
        assert {"schedule.tailnum", "schedule.seats"}.isdisjoint(expand_features(spec, model))


def test_a_label_is_settled_for_every_flight_that_ever_arrived(spec: ProjectSpec) -> None:
    """Batch scoring at five past each hour asks up to an hour before two hours before departure."""
    schedule = load_function(FLIGHTS, "readers.nycflights:schedule")().to_pandas().set_index("flight_id")
    arrivals = load_function(FLIGHTS, "readers.nycflights:arrivals")().to_pandas().set_index("flight_id")
    asked = schedule["sched_dep"].reindex(arrivals.index) - timedelta(hours=2)
    scored = (asked - timedelta(minutes=5)).dt.floor("h") + timedelta(minutes=5)
    longest = (arrivals["arrived_at"] + timedelta(minutes=10) - scored).max()
    assert longest == timedelta(hours=35, minutes=47)
    assert all(model.label.horizon > longest for model in spec.models.values())


def test_the_calendar_is_new_yorks() -> None:
    """11:30 in UTC is 6:30 on a Tuesday in winter; 3:30 is 23:30 of the Monday before in summer."""
    calendar = load_function(FLIGHTS, "transforms.calendar:calendar")
    times = pd.to_datetime(["2013-01-01T11:30Z", "2013-07-02T03:30Z"])
    days = calendar(pd.DataFrame({"schedule.sched_dep": times}))
    assert days["minute"].tolist() == [6 * 60 + 30, 23 * 60 + 30]
    assert days["weekday"].tolist() == [1, 0]


def test_every_figure_in_a_payoff_is_in_the_readme_with_its_source(spec: ProjectSpec) -> None:
    table = [line.split("|") for line in (FLIGHTS / "README.md").read_text().splitlines() if line.startswith("|")]
    sourced = {figure for cells in table if len(cells) == 5 for figure in _figures(cells[1]) if len(cells[3]) > 10}
    written = {"0.831": "83.1", "0.10": "10"}
    for model in spec.models.values():
        payoffs = [text for text in (*(model.value.actions or {}).values(), model.value.payoff) if text]
        used = {written.get(figure, figure) for text in payoffs for figure in _figures(text)} - {"0"}
        assert used
        assert used <= sourced


def _figures(text: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", text)


def test_the_loss_of_arrival_delay_is_least_at_the_quantile_that_is_fitted(spec: ProjectSpec) -> None:
    """The optimal quantile of a linear loss is under / (under + over): Koenker and Bassett 1978."""
    model = spec.models["arrival_delay"]
    under, over = map(float, re.findall(r"-\s*(\d+\.\d+) \* max", model.value.payoff or ""))
    assert model.algorithm.params["alpha"] == pytest.approx(under / (under + over), abs=0.005)
