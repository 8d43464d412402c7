"""Cells of some entities alone, beside a plain set of keys, and the values that follow from them."""

import random

import pyarrow as pa
import pytest

from ml_platform.features import point_in_time
from ml_platform.features.point_in_time import features_at
from ml_platform.features.some_entities import SomeEntities
from tests.features.test_known_entities import KEYS


@pytest.mark.parametrize("kind", KEYS)
def test_cells_of_the_entities_are_kept_and_others_only_where_each_key_column_has_a_value_of_one(kind):
    drawn = random.Random(kind)
    for count in (0, 1, 2):
        chosen = [drawn.choice(KEYS[kind]) for _ in range(count)]
        rows = [drawn.choice(KEYS[kind]) for _ in range(40)]
        names = [f"key_{place}" for place in range(len(KEYS[kind][0]))]
        kinds = [pa.array([value]).type for value in KEYS[kind][0]]
        some, cells = (
            pa.table({name: pa.array([row[place] for row in of], kinds[place]) for place, name in enumerate(names)})
            for of in (chosen, rows)
        )
        kept = SomeEntities({name: some[name] for name in names}).among(cells)
        allowed = [{key[place] for key in chosen} for place in range(len(names))]
        assert kept.tolist() == [all(row[place] in allowed[place] for place in range(len(names))) for row in rows]


def test_whole_numbers_beside_the_entities_are_of_none():
    some = SomeEntities({"key": pa.chunked_array([[5, None, 9]])})
    assert some.among(pa.table({"key": [-(2**63), 4, 5, 6, 9, 10, 2**63 - 1]})).tolist() == [
        False,
        False,
        True,
        False,
        True,
        False,
        False,
    ]


def test_values_of_few_entities_among_many_cells_are_those_of_all_cells(tmp_path, monkeypatch):
    from tests.features.world import at
    from tests.operations.online.worlds import FEATURES, inputs_of, project_of, random_rows

    project = project_of(tmp_path, random_rows(2))
    inputs = inputs_of(project, at(60))
    artifact = project.store.get("feature_table", inputs["features/shop_recent"])
    asked = pa.table(
        {"shop": ["b", None, "unseen", "b"], "when": [int(at(h).timestamp() * 1e6) for h in (9, 9, 9, 20)]}
    )
    columns = list(project.spec.feature_tables["shop_recent"].columns)
    assert FEATURES["shop_recent"]["source"] == "sales"
    answers = []
    for many in (0, 10**9):
        monkeypatch.setattr(point_in_time, "MANY_CELLS", many)
        with project.engine() as engine:
            answers.append(
                features_at(project, engine, artifact, asked, keys={"shop": "shop"}, instant="when", columns=columns)
            )
    assert answers[0].equals(answers[1])
