"""A project from a file of rows: what is guessed, what is refused, and that what is written is valid."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_platform.cli.new_project import make_project
from ml_platform.core.errors import PlatformError
from ml_platform.declarations.label import RowLabel
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.project import ProjectSpec
from ml_platform.operations.new_project.choices import Wanted

HEADS = ["Order ID", "placed at", "courier", "items", "note", "late", "minutes", "size"]


def write_orders(path: Path, days: int = 90, form: str = "%Y-%m-%d %H:%M:%S") -> Path:
    draw = random.Random(1)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADS)
        for number in range(days * 12):
            placed = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=2 * number)
            minutes = draw.randint(0, 90)
            late, size = "yes" if minutes > 60 else "no", draw.choice(["small", "medium", "large"])
            courier, note = draw.choice(["ada", "bob", "cyd"]), draw.choice(["NA", ""])
            rows.writerow([number, placed.strftime(form), courier, draw.randint(1, 9), note, late, minutes, size])
    return path


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., ProjectSpec]:
    def made(file: Path | None = None, **wanted: Any) -> ProjectSpec:
        rows = file or write_orders(tmp_path / "orders.csv")
        make_project(tmp_path / "shop", None, rows, Wanted(**wanted))
        return load_project(tmp_path / "shop", {})

    return made


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


def test_the_label_is_no_feature_and_its_source_no_population(make: Callable[..., ProjectSpec]) -> None:
    spec = make(predict="minutes")
    model = spec.models["predict_minutes"]
    assert "minutes" not in spec.sources["orders"].columns
    assert "orders.minutes" not in model.features
    assert model.label.source == "orders_outcomes"
    assert set(spec.sources["orders_outcomes"].columns) == {"order_id", "placed_at", "courier", "minutes"}


def test_columns_that_are_known_only_later_are_left_out(make: Callable[..., ProjectSpec]) -> None:
    spec = make(predict="late", leave_out=("minutes",))
    assert "minutes" not in spec.sources["orders"].columns
    assert "orders.minutes" not in spec.models["predict_late"].features


def test_the_split_and_the_clock_fit_the_days_of_the_file(make: Callable[..., ProjectSpec]) -> None:
    spec = make(predict="minutes")  # 90 days from 2024-01-01; the clock starts 3 days before the last
    split = spec.models["predict_minutes"].split
    assert spec.file.clock.simulated_from == datetime(2024, 3, 27, tzinfo=UTC)  # type: ignore[union-attr]
    assert split.test >= timedelta(days=14)
    assert split.train + split.validate_ + split.test <= timedelta(days=86)


def test_times_that_are_not_iso_are_rewritten_and_cells_that_mean_null_declared(
    make: Callable[..., ProjectSpec], tmp_path: Path
) -> None:
    spec = make(write_orders(tmp_path / "orders.csv", form="%Y/%m/%d %H:%M"), predict="minutes")
    assert (tmp_path / "shop/data/orders.csv").read_text().split("\n")[1].startswith("0,2024-01-01 00:00:00,")
    assert spec.sources["orders"].reader.null_values == ("", "NA")


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
        ({"time": "items"}, "column items is not a time in every row."),
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
