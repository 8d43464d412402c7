"""Features of entities that a row names by other columns, or only through another entity."""

import pandas as pd
import pytest

from ml_platform.core.errors import DeclarationError, FrameError
from ml_platform.datasets.model_frame import model_frame
from ml_platform.declarations.lineage import snapshot_lineage
from ml_platform.features.build import build_feature_table
from ml_platform.operations.feature_points import feature_points
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.outputs import record_output
from tests.features.world import at, write_csv, write_project

SOURCES = {
    "flights": {"id": "string", "origin": "string", "dest": "string", "tail": "string", "at": "timestamp"},
    "weather": {"airport": "string", "at": "timestamp", "wind": "float"},
    "register": {"tail": "string", "at": "timestamp", "operator": "string"},
    "delays": {"id": "string", "operator": "string", "at": "timestamp", "late": "int"},
}
KEYS = {"flights": ["id"], "weather": ["airport", "at"], "register": ["tail", "at"], "delays": ["id"]}
ENTITIES = {"flight": ["id"], "airport": ["airport"], "aircraft": ["tail"], "operator": ["operator"]}
ROWS = {
    "flights": [
        ["f1", "EWR", "BOS", "N1", at(10)],
        ["f2", "BOS", "EWR", "N2", at(10)],
        ["f3", "EWR", "XXX", "", at(10)],
    ],
    "weather": [["EWR", at(8), 5.0], ["BOS", at(8), 20.0], ["EWR", at(9.5), 99.0]],
    "register": [["N1", at(0), "UA"], ["N1", at(5), "DL"], ["N2", at(0), "UA"]],
    "delays": [["d1", "UA", at(7), 30], ["d2", "DL", at(7), 4]],
}


def table(entity, source, features):
    return {"entity": entity, "source": source, "refresh": "1h", "publish_delay": "0s", "features": features}


FEATURES = {
    "airport_weather": table("airport", "weather", {"wind": {"as_of": "wind"}}),
    "aircraft": table("aircraft", "register", {"operator": {"as_of": "operator"}}),
    "operations": table("operator", "delays", {"late": {"mean": "late", "windows": ["1d"]}}),
}
MODEL = {
    "task": "regression",
    "population": {"source": "flights", "entity": "flight", "prediction_time": "at - 1h"},
    "label": {"source": "flights", "expression": "1", "horizon": "2h"},
    "joins": {
        "here": {"table": "airport_weather", "keys": {"airport": "origin"}},
        "there": {"table": "airport_weather", "keys": {"airport": "flights.dest"}},
        "carrier": {"table": "operations", "keys": {"operator": "aircraft.operator"}},
    },
    "features": ["carrier.*", "here.wind", "there.wind"],
    "split": {"train": "1d", "validate": "1d", "test": "1d"},
    "algorithm": "lightgbm",
    "value": {"payoff": "-abs(label - prediction)", "do_nothing": "0"},
    "deployment": {"batch": "0 * * * * UTC"},
    "monitoring": {"window": "1d"},
}


def project_of(directory, **changes):
    sources = {}
    for name, columns in SOURCES.items():
        write_csv(directory / f"data/{name}.csv", list(columns), ROWS[name])
        known = {"delay": "-1d" if name == "flights" else "0s"}
        declared = {"key": KEYS[name], "event_timestamp": "at", "known_at": known, "columns": columns}
        sources[name] = {"reader": {"csv": f"data/{name}.csv"}, **declared}
    return write_project(
        directory, sources=sources, features=FEATURES, models={"delay": MODEL | changes}, entities=ENTITIES
    )


def test_two_airports_of_a_row_and_the_operator_of_its_aircraft_are_each_looked_up_as_known_then(tmp_path):
    """Asked at 9:00: the wind of 8:00, not 9:30; N1 flies for DL since 5:00."""
    project = project_of(tmp_path)
    ids = {f"sources/{name}": ingest_source(project, name, at(20)).made.artifact.id for name in SOURCES}
    for name, declared in FEATURES.items():
        made = build_feature_table(project, name, ids[f"sources/{declared['source']}"])
        ids[f"features/{name}"] = made.artifact.id
    frame = model_frame(project, "delay", ids, at(0), at(24), at(24)).set_index("id")
    assert frame[["here.wind", "there.wind", "carrier.late_1d"]].astype(object).where(frame.notna(), None).to_dict(
        "index"
    ) == {
        "f1": {"here.wind": 5.0, "there.wind": 20.0, "carrier.late_1d": 4.0},
        "f2": {"here.wind": 20.0, "there.wind": 5.0, "carrier.late_1d": 30.0},
        "f3": {"here.wind": 5.0, "there.wind": None, "carrier.late_1d": None},
    }
    assert "aircraft.operator" not in frame
    for name in FEATURES:
        record_output(
            project.database, f"features/{name}", "feature_table", ids[f"features/{name}"], run="test", at=at(20)
        )
    points = frame[["effective_time"]].rename(columns={"effective_time": "time"})
    flights = {row[0]: row for row in ROWS["flights"]}
    for place, column in ((1, "origin"), (2, "dest"), (3, "tail")):
        points[column] = [flights[id][place] or None for id in points.index]
    joined = feature_points(project, points, at(20), model="delay")
    assert list(joined.columns) == [*points.columns, "carrier.late_1d", "here.wind", "there.wind"]
    pd.testing.assert_frame_equal(joined[["here.wind", "carrier.late_1d"]], frame[["here.wind", "carrier.late_1d"]])
    with pytest.raises(FrameError, match="the points lack tail, the key of aircraft"):
        feature_points(project, points.drop(columns="tail"), at(20), model="delay")


def test_columns_lead_back_to_the_joined_table(tmp_path):
    project = project_of(tmp_path)
    origins = snapshot_lineage(project.spec, project.spec.models["delay"])
    assert origins["there.wind"] == (("features/airport_weather", "wind"),)


@pytest.mark.parametrize(
    ("joins", "fault"),
    [
        (
            {"here": {"table": "airport_weathr", "keys": {"airport": "origin"}}},
            "joins.here.table: there is no feature table airport_weathr. Did you mean airport_weather?",
        ),
        (
            {"here": {"table": "airport_weather", "keys": {"airprt": "origin"}}},
            "joins.here.keys: airport_weather is known by airport, and airport is not given. Add it.",
        ),
        (
            {"here": {"table": "airport_weather", "keys": {"airport": "orgin"}}},
            "joins.here.keys.airport: flights has no column orgin. Did you mean origin?",
        ),
        (
            {"here": {"table": "airport_weather", "keys": {"airport": "at"}}},
            "joins.here.keys.airport: at is timestamp, and airport of airport_weather is string. Give a column of one "
            "type.",
        ),
        (
            {"here": {"table": "airport_weather", "keys": {"airport": "aircraft.oprator"}}},
            "joins.here.keys.airport: aircraft has no column oprator. Did you mean operator?",
        ),
        (
            {"aircraft": {"table": "airport_weather", "keys": {"airport": "origin"}}},
            "joins.aircraft: aircraft is a source or a feature table already. Give the join another name.",
        ),
        (
            {
                "here": {"table": "aircraft", "keys": {"tail": "there.operator"}},
                "there": {"table": "aircraft", "keys": {"tail": "here.operator"}},
            },
            "joins: delay.joins.here -> delay.joins.there -> delay.joins.here",
        ),
    ],
)
def test_a_faulty_join_names_the_place_the_value_and_the_remedy(tmp_path, joins, fault):
    features = ["here.*"] if "here" in joins else ["airport_weather.*"]
    with pytest.raises(DeclarationError) as error:
        project_of(tmp_path, joins=joins, features=features)
    assert fault in str(error.value)
    assert "models/delay.yaml:" in str(error.value)
