"""A project from a file of rows: what is guessed, what is refused, and that what is written is valid."""

from __future__ import annotations

import ast
import csv
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_platform.cli.new_project import make_project
from ml_platform.core.errors import PlatformError
from ml_platform.declarations.label import RowLabel
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.project import ProjectSpec
from ml_platform.operations.new_project.choices import Wanted, choose
from ml_platform.operations.new_project.table import look_at
from tests.operations.new_project.order_files import write_orders, write_rows


def test_each_task_becomes_a_valid_project(make: Callable[..., ProjectSpec]) -> None:
    spec = make(predict="late")
    model = spec.models["predict_late"]
    assert model.task == "binary"
    assert isinstance(model.label, RowLabel)
    assert model.label.expression == "late == 'yes'"
    assert spec.file.entities == {"order": ("order_id",), "courier": ("courier",)}
    assert set(spec.feature_tables["courier_history"].columns) == {"rows_1d", "rows_7d", "share_1d", "share_7d"}
    assert spec.sources["orders"].columns["placed_at"].type == "timestamp"


@pytest.mark.parametrize(
    ("predict", "template", "task"),
    [("minutes", None, "regression"), ("size", None, "multiclass"), ("minutes", "binary", "binary")],
)
def test_the_template_follows_from_the_column_unless_it_is_named(
    make: Callable[..., ProjectSpec], predict: str, template: str | None, task: str
) -> None:
    assert make(predict=predict, template=template).models[f"predict_{predict}"].task == task


def test_the_days_of_the_first_run_have_rows_also_where_most_days_have_none(tmp_path: Path) -> None:
    games = [datetime(2024, 1, 1, 20, tzinfo=UTC) + timedelta(days=5 * number) for number in range(24)]
    lines = [f"{number},{at:%Y-%m-%d %H:%M:%S},{number % 7},{number % 2}" for number, at in enumerate(games)]
    (tmp_path / "games.csv").write_text("\n".join(["game,at,rank,won", *lines]) + "\n")
    chosen = choose(look_at(tmp_path / "games.csv"), Wanted(), lambda _, guess: guess)
    assert (chosen.start, chosen.until) == (datetime(2024, 4, 23, tzinfo=UTC), datetime(2024, 4, 26, tzinfo=UTC))
    assert chosen.start < games[-1] - timedelta(hours=1) < chosen.until  # the last game, on April 25th, is predicted


@pytest.mark.parametrize("template", ["binary", "regression", "multiclass"])
def test_a_template_without_a_file_has_made_rows_from_which_its_label_follows(tmp_path: Path, template: str) -> None:
    make_project(tmp_path / "shop", None, None, Wanted(template=template))
    [model] = load_project(tmp_path / "shop", {}).models.values()
    assert model.task == template
    with (tmp_path / "shop/data/orders.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    by_courier: dict[str, set[str]] = {}
    for row in rows:
        by_courier.setdefault(row["courier"], set()).add(row[model.name.removeprefix("predict_")])
    assert len(rows) == 3600
    assert sorted(by_courier) == ["ada", "bob", "cyd", "dee"]
    assert all(len(outcomes) > 1 for outcomes in by_courier.values())  # no column gives the label away


def test_the_label_is_no_feature_and_its_source_no_population(make: Callable[..., ProjectSpec]) -> None:
    spec = make(predict="minutes")
    model = spec.models["predict_minutes"]
    assert "minutes" not in spec.sources["orders"].columns
    assert "orders.minutes" not in model.features
    assert model.label.source == "orders_outcomes"
    assert set(spec.sources["orders_outcomes"].columns) == {"order_id", "placed_at", "courier", "minutes"}


def test_columns_that_are_known_only_later_are_excluded(make: Callable[..., ProjectSpec]) -> None:
    spec = make(predict="late", leave_out=("minutes",))
    assert "minutes" not in spec.sources["orders"].columns
    assert "orders.minutes" not in spec.models["predict_late"].features


def test_the_split_and_the_clock_fit_the_days_of_the_file(make: Callable[..., ProjectSpec]) -> None:
    spec = make(predict="minutes")  # 90 days from 2024-01-01; the clock starts 3 days before the last
    split = spec.models["predict_minutes"].split
    assert spec.file.clock.simulated_from == datetime(2024, 3, 27, tzinfo=UTC)  # type: ignore[union-attr]
    assert split.test >= timedelta(days=14)
    assert split.train + split.validate_ + split.test <= timedelta(days=86)


@pytest.mark.parametrize(
    ("rows_a_day", "window"),
    [(12, 7), (1, 63), (0.25, 91)],  # 50 rows and a fifth more: 5 days, 60 days, and 240 days, which is too long
)
def test_the_window_of_monitoring_has_enough_rows(
    make: Callable[..., ProjectSpec], tmp_path: Path, rows_a_day: float, window: int
) -> None:
    file = tmp_path / "meters.csv"
    count, draw = int(400 * rows_a_day), random.Random(2)
    times = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number / rows_a_day) for number in range(count)]
    file.write_text(
        "at,heat,used\n" + "".join(f"{at:%Y-%m-%dT%H:%MZ},{draw.random()},{draw.random()}\n" for at in times)
    )
    monitoring = make(file, predict="used").models["predict_used"].monitoring
    assert (monitoring.window, monitoring.min_rows) == (timedelta(days=window), 50)


def test_every_yaml_file_names_its_schema_for_editors(make: Callable[..., ProjectSpec], tmp_path: Path) -> None:
    make(predict="minutes")
    files = sorted((tmp_path / "shop").rglob("*.yaml"))
    assert len(files) == 5
    for file in files:
        first = file.read_text().split("\n")[0]
        assert (file.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve().is_file()


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"predict": "minute"}, "no column is called 'minute'. Did you mean minutes?"),
        ({"key": ("courier",)}, "1077 rows have a key that another row has. Give more columns: --key a,b."),
        ({"key": ("late", "size")}, "the key column late has the name of a column of the prediction log."),
        ({"time": "items"}, "column items has no times. Give each row a time"),
        ({"predict": "size", "template": "regression"}, "column size is string with 3 distinct values"),
        ({"predict": "size", "template": "rank"}, "no template is called 'rank'."),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(
    make: Callable[..., ProjectSpec], tmp_path: Path, wanted: dict[str, str], sentence: str
) -> None:
    with pytest.raises(PlatformError) as refused:
        make(**wanted)
    assert sentence in str(refused.value)
    assert str(refused.value).endswith("Nothing was written.")
    assert not (tmp_path / "shop").exists()


def test_a_file_with_too_few_days_is_refused(make: Callable[..., ProjectSpec], tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"placed_at spans \d+ days; training, and a test of 14 days, need 48"):
        make(write_orders(tmp_path / "orders.csv", days=30))


@pytest.mark.parametrize(
    ("cells", "expression"),
    [
        (("1", "0"), "kind == 1"),
        (("yes", "no"), "kind == 'yes'"),
        (("N", "Y"), "kind == 'Y'"),
        (("2", "0"), "kind == 0"),
    ],
)
def test_the_label_is_true_for_one_or_yes_also_where_that_is_the_frequent_value(
    make: Callable[..., ProjectSpec], tmp_path: Path, cells: tuple[str, str], expression: str
) -> None:
    """Two rows of three have the first value. Of other pairs the rarer value is the one to find."""
    file = write_rows(tmp_path / "x.csv", "n,kind", lambda n: f"{n},{cells[0] if n % 3 else cells[1]}")
    label = make(file, predict="kind").models["predict_kind"].label
    assert isinstance(label, RowLabel)
    assert label.expression == expression


@pytest.mark.parametrize("classes", [("it's", 'say "x"'), ("a: b", "c # d"), ("<b>", "{e}", "[f]"), ("a", "A", "a!")])
def test_classes_with_any_signs_are_declared_as_they_are(
    make: Callable[..., ProjectSpec], tmp_path: Path, classes: tuple[str, ...]
) -> None:
    cells = ['"' + text.replace('"', '""') + '"' for text in classes]
    file = write_rows(tmp_path / "x.csv", "n,kind", lambda n: f"{n},{cells[n % len(cells)]}")
    model = make(file, predict="kind").models["predict_kind"]
    assert isinstance(model.label, RowLabel)
    texts = [model.label.expression] if model.task == "binary" else list((model.value.actions or {}).values())
    named = {node.value for text in texts for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    texts_named = {name for name in named if isinstance(name, str)}
    assert texts_named < set(classes) if model.task == "binary" else texts_named == set(classes)


@pytest.mark.parametrize("name", ["label", "prediction_time", "tick", "and", "is", "true", "null"])
def test_columns_with_names_that_declarations_need_get_others(
    make: Callable[..., ProjectSpec], tmp_path: Path, name: str
) -> None:
    spec = make(write_rows(tmp_path / "x.csv", f"{name},late", lambda n: f"{n},{n % 2}"), predict="late")
    assert f"x.c_{name}" in spec.models["predict_late"].features


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (lambda n: f"5,{n % 3}", "no column is left to predict late from"),
        (lambda n: f"{'inf' if n == 3 else n},{n}", "row 4 has an infinite number in column n."),
        (lambda n: f"x\udc81{n % 2},{n}", "is neither UTF-8 nor Western European text. Save the file as UTF-8."),
    ],
)
def test_a_file_from_which_no_valid_project_follows_is_refused(
    make: Callable[..., ProjectSpec], tmp_path: Path, cells: Callable[[int], str], sentence: str
) -> None:
    file = write_rows(tmp_path / "x.csv", "n,late", cells)
    with pytest.raises(PlatformError) as refused:
        make(file, predict="late")
    assert sentence in str(refused.value)
    assert not (tmp_path / "shop").exists()
