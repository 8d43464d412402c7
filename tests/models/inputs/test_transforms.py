from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from ml_platform.core.errors import PredictionError, TrainingError
from ml_platform.declarations.user_code.locate import ProjectCodeError
from ml_platform.models.bundled_code import Code
from ml_platform.models.inputs.columns import InputColumn
from ml_platform.models.inputs.row import columns_of, row_of, rows_of
from ml_platform.models.inputs.transforms import learn_transform

ROWS = pd.DataFrame({"t.x": [1.0, 2.0, 3.0], "t.s": pd.Series(["a", None, "b"], dtype=object)}, index=[5, 6, 9])


def _learn(call, frame=ROWS):
    transform, together = learn_transform("transforms:twice", call, frame)
    pd.testing.assert_frame_equal(together, transform.add(frame))
    return transform


def test_a_transform_adds_columns_named_after_its_function_and_of_its_types():
    transform = _learn(lambda frame: pd.DataFrame({"x": frame["t.x"] * 2, "known": frame["t.s"].notna()}))
    assert transform.columns == (InputColumn("twice.x", "float"), InputColumn("twice.known", "bool"))
    added = transform.add(ROWS)
    assert added.columns.tolist() == ["t.x", "t.s", "twice.x", "twice.known"]
    assert added["twice.x"].tolist() == [2.0, 4.0, 6.0]


def test_a_transform_cannot_change_the_rows_that_it_gets():
    def spoil(frame):
        frame["t.x"] = 0.0
        return pd.DataFrame({"y": frame["t.x"]})

    assert _learn(spoil).add(ROWS)["t.x"].tolist() == [1.0, 2.0, 3.0]


def test_a_transform_that_looks_at_other_rows_is_refused():
    with pytest.raises(TrainingError, match=r"gives twice\.x another value for a row alone than among others"):
        _learn(lambda frame: pd.DataFrame({"x": frame["t.x"] - frame["t.x"].mean()}))


def test_columns_in_another_order_are_matched_by_name():
    transform = _learn(lambda frame: pd.DataFrame({"x": frame["t.x"], "y": -frame["t.x"]}))
    swapped = type(transform)(transform.reference, transform.columns, lambda frame: transform.call(frame)[["y", "x"]])
    pd.testing.assert_frame_equal(swapped.add(ROWS), transform.add(ROWS))


def test_a_transform_that_gives_other_columns_than_in_training_is_refused():
    transform = _learn(lambda frame: pd.DataFrame({"x": frame["t.x"]}))
    changed = type(transform)(
        transform.reference, transform.columns, lambda frame: frame[["t.x"]].set_axis(["z"], axis=1)
    )
    with pytest.raises(PredictionError, match=r"gave twice.z; in training it gave twice.x"):
        changed.add(ROWS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda frame: frame.iloc[:1], "must return a frame with the index of the frame it was given"),
        (lambda frame: 3, "must return a frame"),
        (lambda frame: 1 / 0, "failed with ZeroDivisionError: division by zero"),
        (lambda frame: frame[["t.x"]].set_axis(["a b"], axis=1), "Name each once, with letters, digits and _"),
        (lambda frame: frame[["t.x", "t.x"]].set_axis(["a", "a"], axis=1), "Name each once"),
    ],
)
def test_a_transform_that_gives_no_new_columns_for_these_rows_is_refused(call, message):
    with pytest.raises(PredictionError, match=message):
        _learn(call)


def test_a_transform_that_gives_a_timestamp_is_refused():
    with pytest.raises(TrainingError, match="which no model reads"):
        _learn(lambda frame: pd.DataFrame({"at": pd.Timestamp("2024-01-01", tz="UTC")}, index=frame.index))


def test_a_transform_whose_column_is_there_already_is_refused():
    frame = ROWS.assign(**{"twice.x": 1.0})
    with pytest.raises(TrainingError, match=r"gives twice\.x, which is there already"):
        _learn(lambda rows: pd.DataFrame({"x": rows["t.x"]}), frame)


# The code behind a transform ---------------------------------------------------


def _project(root, factor):
    (root / "transforms.py").write_text(f"from shared import f\ndef twice(frame):\n    return f(frame) * {factor}\n")
    (root / "shared.py").write_text("def f(frame):\n    return frame\n")
    return root


def test_code_is_read_with_everything_of_the_project_that_it_imports(tmp_path):
    code = Code.read(_project(tmp_path, 2), ["transforms:twice"], tmp_path / "kept")
    assert sorted(code.files) == ["shared.py", "transforms.py"]
    assert code.load("transforms:twice")(10) == 20


def test_code_that_has_changed_since_is_loaded_as_it_was(tmp_path):
    code = Code.read(_project(tmp_path, 2), ["transforms:twice"], tmp_path / "kept")
    (tmp_path / "shared.py").write_text("def f(frame):\n    return 1000\n")
    assert code.load("transforms:twice")(10) == 20
    assert Code.read(tmp_path, ["transforms:twice"], tmp_path / "kept").load("transforms:twice")(10) == 2000


def test_kept_code_that_somebody_edited_is_put_right(tmp_path):
    code = Code.read(_project(tmp_path, 2), ["transforms:twice"], tmp_path / "kept")
    (tmp_path / "transforms.py").unlink()
    assert code.load("transforms:twice")(10) == 20
    (kept,) = (tmp_path / "kept").glob("*/transforms.py")
    kept.write_text("def twice(frame):\n    return 'planted'\n")
    assert code.load("transforms:twice")(10) == 20


def test_line_ends_do_not_change_the_hash_of_code(tmp_path):
    code = Code.read(_project(tmp_path, 2), ["transforms:twice"], tmp_path / "kept")
    path = tmp_path / "shared.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert Code.read(tmp_path, ["transforms:twice"], tmp_path / "kept").hashes == code.hashes


def test_a_transform_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ProjectCodeError, match="there is no module transfroms in the project"):
        Code.read(_project(tmp_path, 2), ["transfroms:twice"], tmp_path / "kept")


def test_many_rows_of_plain_values_are_what_each_row_alone_gives():
    frame = pd.DataFrame(
        {
            "float": [0.5, float("nan"), -0.0, 1e300],
            "int": pd.array([2**62, None, -1, 0], dtype="Int64"),
            "bool": pd.array([True, None, False, True], dtype="boolean"),
            "text": pd.Series(["a", None, "", "é"], dtype=object),
            "at": np.array(["2024-02-29T23:59:59.999999", "NaT", "1970-01-01", "9999-12-31"], "datetime64[us]"),
        }
    )
    frame["at"] = frame["at"].dt.tz_localize("UTC")
    columns, places = columns_of(frame), [3, 1, 0]
    together = list(rows_of(frame, places, columns))
    alone = [row_of(frame, place, columns) for place in places]
    assert [*map(repr, together)] == [*map(repr, alone)]
    assert together[2] == {
        "float": 0.5,
        "int": 2**62,
        "bool": True,
        "text": "a",
        "at": datetime.max.replace(year=2024, month=2, day=29, tzinfo=UTC),
    }
    assert [value for name, value in together[1].items() if name != "float"] == [None] * 4
