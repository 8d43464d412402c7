"""From declarations to plain nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ml_platform.core.errors import DeclarationCycle
from ml_platform.declarations.graph import Node, build_graph, downstream, in_order
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.node_kinds import node_kind
from ml_platform.declarations.project import Location
from tests.declarations.ferry import edit, write_ferry
from tests.worlds import write_shop

GOLDEN = """\
sources/arrivals            source         sources   team:harbour        sources/arrivals.yaml:1      <-
sources/trips               source         sources   team:harbour        sources/trips.yaml:1         <-
features/ship_recent        feature_table  features  team:harbour        features/ship_recent.yaml:1  <- sources/arrivals
delay/snapshot              snapshot       delay     fleet@ferry.example models/delay.yaml:6          <- sources/trips, sources/arrivals, features/ship_recent
delay/trained_model         trained_model  delay     fleet@ferry.example models/delay.yaml:10         <- delay/snapshot
delay/evaluation            evaluation     delay     fleet@ferry.example models/delay.yaml:11         <- delay/trained_model, delay/snapshot
delay/deployment            deployment     delay     fleet@ferry.example models/delay.yaml:14         <- delay/evaluation, delay/trained_model
delay/predictions           predictions    delay     fleet@ferry.example models/delay.yaml:14         <- delay/deployment, sources/trips, features/ship_recent
delay/monitoring            monitoring     delay     fleet@ferry.example models/delay.yaml:15         <- delay/predictions, delay/snapshot, sources/arrivals
late/snapshot               snapshot       late      team:harbour        models/late.yaml:6           <- sources/trips, sources/arrivals, features/ship_recent
late/trained_model          trained_model  late      team:harbour        models/late.yaml:10          <- late/snapshot
late/evaluation             evaluation     late      team:harbour        models/late.yaml:14          <- late/trained_model, late/snapshot
late/deployment             deployment     late      team:harbour        models/late.yaml:20          <- late/evaluation, late/trained_model
late/predictions            predictions    late      team:harbour        models/late.yaml:20          <- late/deployment, sources/trips, features/ship_recent
late/monitoring             monitoring     late      team:harbour        models/late.yaml:21          <- late/predictions, late/snapshot, sources/arrivals
"""  # noqa: E501 - one node a line

GOLDEN_FLIGHTS = """\
sources/arrivals                 <-
sources/departures               <-
sources/schedule                 <-
sources/weather                  <-
features/aircraft_rotation       <- sources/arrivals
features/carrier_punctuality     <- sources/arrivals
features/destination_punctuality <- sources/arrivals
features/flight_history          <- sources/arrivals
features/origin_congestion       <- sources/departures
features/origin_outlook          <- sources/schedule
features/origin_weather          <- sources/weather
features/station_punctuality     <- sources/departures
online/online_store              <- features/aircraft_rotation, features/carrier_punctuality, features/destination_punctuality, features/flight_history, features/origin_congestion, features/origin_outlook, features/origin_weather, features/station_punctuality, sources/schedule
arrival_delay/snapshot           <- sources/schedule, sources/arrivals, features/carrier_punctuality, features/destination_punctuality, features/flight_history, features/aircraft_rotation, features/station_punctuality, features/origin_congestion, features/origin_outlook, features/origin_weather
arrival_delay/trained_model      <- arrival_delay/snapshot
arrival_delay/evaluation         <- arrival_delay/trained_model, arrival_delay/snapshot
arrival_delay/parity             <- arrival_delay/trained_model, online/online_store
arrival_delay/deployment         <- arrival_delay/evaluation, arrival_delay/trained_model, arrival_delay/parity
arrival_delay/predictions        <- arrival_delay/deployment, sources/schedule, features/carrier_punctuality, features/destination_punctuality, features/flight_history, features/aircraft_rotation, features/station_punctuality, features/origin_congestion, features/origin_outlook, features/origin_weather
arrival_delay/monitoring         <- arrival_delay/predictions, arrival_delay/snapshot, sources/arrivals
late_arrival/snapshot            <- sources/schedule, sources/arrivals, features/carrier_punctuality, features/destination_punctuality, features/flight_history, features/aircraft_rotation, features/station_punctuality, features/origin_congestion, features/origin_outlook, features/origin_weather
late_arrival/trained_model       <- late_arrival/snapshot
late_arrival/evaluation          <- late_arrival/trained_model, late_arrival/snapshot
late_arrival/parity              <- late_arrival/trained_model, online/online_store
late_arrival/deployment          <- late_arrival/evaluation, late_arrival/trained_model, late_arrival/parity
late_arrival/predictions         <- late_arrival/deployment, sources/schedule, features/carrier_punctuality, features/destination_punctuality, features/flight_history, features/aircraft_rotation, features/station_punctuality, features/origin_congestion, features/origin_outlook, features/origin_weather
late_arrival/monitoring          <- late_arrival/predictions, late_arrival/snapshot, sources/arrivals
"""  # noqa: E501 - one node a line


@pytest.fixture
def ferry(tmp_path: Path) -> Path:
    return write_ferry(tmp_path / "ferry")


def nodes_of(directory: Path) -> dict[str, Node]:
    return {node.name: node for node in build_graph(load_project(directory, {}))}


def versions(directory: Path) -> dict[str, str]:
    return {name: node.code_version for name, node in nodes_of(directory).items()}


def changed(directory: Path, file: str, old: str, new: str) -> list[str]:
    """Return the nodes whose code version an edit changes."""
    before = versions(directory)
    edit(directory, file, old, new)
    after = versions(directory)
    return [name for name in after if before.get(name) != after[name]]


def test_the_golden_graph_of_a_small_project(ferry: Path) -> None:
    lines = [
        f"{node.name:<27} {node.kind:<14} {node.group:<9} {node.owner:<19} "
        f"{f'{node.location.file}:{node.location.line}':<28} <- {', '.join(node.inputs)}".rstrip()
        for node in nodes_of(ferry).values()
    ]
    assert "\n".join(lines) + "\n" == GOLDEN


def test_the_golden_graph_of_the_example() -> None:
    nodes = build_graph(load_project(Path(__file__).parents[2] / "examples/flights", {}))
    lines = [f"{node.name:<32} <- {', '.join(node.inputs)}".rstrip() for node in nodes]
    assert "\n".join(lines) + "\n" == GOLDEN_FLIGHTS


def test_every_node_comes_after_its_inputs(tmp_path: Path) -> None:
    seen: set[str] = set()
    for node in build_graph(load_project(write_shop(tmp_path / "shop", days=1), {})):
        assert seen.issuperset(node.inputs)
        seen.add(node.name)


def test_a_node_is_described_by_its_purpose_and_by_the_description_of_its_author(ferry: Path) -> None:
    nodes = nodes_of(ferry)
    assert nodes["sources/trips"].description == "Planned trips."
    assert nodes["late/trained_model"].description == ("The fitted model, and its baselines. Will this trip be late?")
    assert nodes["late/trained_model"].subject == "late"


def test_a_source_that_is_population_and_label_is_one_input(ferry: Path) -> None:
    edit(ferry, "models/delay.yaml", "source: arrivals, expression: minutes_late", "source: trips, expression: cars")
    assert nodes_of(ferry)["delay/snapshot"].inputs == ("sources/trips", "features/ship_recent")


def test_a_feature_table_that_a_model_does_not_use_is_no_input(ferry: Path) -> None:
    edit(ferry, "models/delay.yaml", "[ship_recent.mean_late_7d, trips.price]", "[trips.price]")
    assert nodes_of(ferry)["delay/snapshot"].inputs == ("sources/trips", "sources/arrivals")
    assert nodes_of(ferry)["delay/predictions"].inputs == ("delay/deployment", "sources/trips")


def test_downstream_is_everything_that_is_made_from_a_node(ferry: Path) -> None:
    nodes = build_graph(load_project(ferry, {}))
    assert [node.name for node in downstream(nodes, "late/trained_model")] == [
        "late/evaluation",
        "late/deployment",
        "late/predictions",
        "late/monitoring",
    ]
    assert [node.name for node in downstream(nodes, "late/monitoring")] == []


def node(name: Any, *inputs: Any) -> Node:
    return Node(name, "source", inputs, name, "team:x", "", Location("x.yaml"), "1", "x")


def test_nodes_keep_their_order_but_for_what_their_inputs_ask() -> None:
    listed = [node("c", "a"), node("b"), node("a"), node("d", "b")]
    assert [item.name for item in in_order(listed)] == ["b", "a", "c", "d"]


def test_a_cycle_is_an_error_with_its_path() -> None:
    with pytest.raises(DeclarationCycle) as caught:
        in_order([node("a", "c"), node("b", "a"), node("c", "b"), node("d", "a")])
    assert str(caught.value) == (
        "a -> b -> c -> a is a cycle: none of these can be made before the others. Remove one reference."
    )
    assert caught.value.path == ("a", "b", "c", "a")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("sources/trips.yaml", "description: Planned trips.", "description: Trips as planned."),
        ("sources/trips.yaml", "owner: team:harbour", "owner: team:other"),
        ("sources/trips.yaml", "cars: int", "cars: {type: int, unit: cars, description: How many}"),
        ("sources/arrivals.yaml", "args: {column: ship}", "args: {column: pier}"),
        ("features/ship_recent.yaml", "unit: min", "unit: minutes, description: The mean"),
        ("features/ship_recent.yaml", "windows: [1d, 7d]", "windows: [24h, 1w]"),
        ("models/late.yaml", "description: Will this trip be late?", "description: Late or not?"),
        ("models/late.yaml", "horizon: 1d", "horizon: 24h"),
        ("models/late.yaml", "baselines:\n", "calibration: none\nbaselines:\n"),
        ("project.yaml", "currency: NOK", "currency: EUR"),
    ],
)
def test_what_does_not_decide_changes_no_code_version(ferry: Path, file: str, old: str, new: str) -> None:
    assert changed(ferry, file, old, new) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("sources/trips.yaml", "csv: data/trips.csv", "csv: data/*.csv", ["sources/trips"]),
        (
            "features/ship_recent.yaml",
            "mean: minutes_late, windows: [7d]",
            "mean: minutes_late + 1, windows: [7d]",
            ["features/ship_recent"],
        ),
        (
            "features/ship_recent.yaml",
            "windows: [ever]",
            "windows: [30d]",
            ["features/ship_recent", "late/snapshot", "late/predictions"],
        ),
        (
            "features/ship_recent.yaml",
            "publish_delay: 5m",
            "publish_delay: 6m",
            ["features/ship_recent", "delay/snapshot", "delay/predictions", "late/snapshot", "late/predictions"],
        ),
        (
            "models/late.yaml",
            "horizon: 1d",
            "horizon: 2d",
            ["late/snapshot", "late/evaluation", "late/predictions", "late/monitoring"],
        ),
        ("models/late.yaml", "test: 14d", "test: 15d", ["late/snapshot"]),
        ("models/late.yaml", "departs_at - 2h", "departs_at - 3h", ["late/snapshot", "late/predictions"]),
        ("models/late.yaml", "num_leaves: 7", "num_leaves: 8", ["late/trained_model"]),
        (
            "models/late.yaml",
            "warn: -3 + label * 20",
            "warn: -4 + label * 20",
            ["late/trained_model", "late/evaluation", "late/monitoring"],
        ),
        ("models/late.yaml", ">= 0.6", ">= 0.7", ["late/evaluation", "late/deployment"]),
        ("models/late.yaml", "0 * * * * Europe/Oslo", "0 6 * * * Europe/Oslo", ["late/snapshot", "late/predictions"]),
        ("models/late.yaml", "window: 7d", "window: 8d", ["late/monitoring"]),
        (
            "project.yaml",
            "currency: NOK",
            "threads: 1\ncurrency: NOK",
            ["delay/trained_model", "late/trained_model"],
        ),
    ],
)
def test_what_decides_changes_the_code_versions_of_what_it_decides(
    ferry: Path, file: str, old: str, new: str, expected: list[str]
) -> None:
    assert changed(ferry, file, old, new) == expected


def test_the_order_of_actions_decides_because_ties_go_to_the_first(ferry: Path) -> None:
    old = "    warn: -3 + label * 20\n    wait: 0\n"
    new = "    wait: 0\n    warn: -3 + label * 20\n"
    assert changed(ferry, "models/late.yaml", old, new) == ["late/trained_model", "late/evaluation", "late/monitoring"]


def test_a_changed_transform_makes_its_models_new(ferry: Path) -> None:
    (ferry / "transforms").mkdir()
    (ferry / "transforms/calendar.py").write_text("def weekday(frame):\n    return frame\n")
    edit(ferry, "models/late.yaml", "features: [", "transforms: ['transforms.calendar:weekday']\nfeatures: [")
    assert changed(ferry, "transforms/calendar.py", "return frame", "return frame * 2") == ["late/trained_model"]


def test_a_raised_kind_version_makes_that_kind_new(ferry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = versions(ferry)
    monkeypatch.setattr(node_kind("snapshot"), "version", 99)
    after = versions(ferry)
    assert [name for name in after if before[name] != after[name]] == ["delay/snapshot", "late/snapshot"]


TUNING = "tuning: {space: {num_leaves: {low: 3, high: 31}}}\n"


def test_a_search_for_parameters_is_between_snapshot_and_model(ferry: Path) -> None:
    before = versions(ferry)
    edit(ferry, "models/late.yaml", "baselines:\n", f"{TUNING}baselines:\n")
    nodes = nodes_of(ferry)
    assert nodes["late/tuning"].inputs == ("late/snapshot",)
    assert nodes["late/trained_model"].inputs == ("late/snapshot", "late/tuning")
    assert "delay/tuning" not in nodes
    after = versions(ferry)
    assert {name for name in after if before.get(name) != after[name]} == {"late/tuning", "late/trained_model"}


def test_payoffs_decide_a_search_only_where_they_score_it(ferry: Path) -> None:
    edit(ferry, "models/late.yaml", "baselines:\n", f"{TUNING}baselines:\n")
    assert "late/tuning" not in changed(ferry, "models/late.yaml", "-3 + label * 20", "-4 + label * 20")
    edit(ferry, "models/late.yaml", "tuning: {space", "tuning: {score: value, space")
    assert "late/tuning" in changed(ferry, "models/late.yaml", "-4 + label * 20", "-5 + label * 20")
