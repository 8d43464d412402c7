"""The label of a model at a look agrees with a loop over the rows of the files, and nothing is stored."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from ml_platform.cli.arguments import UsageError
from ml_platform.cli.preview import show_preview
from ml_platform.core.errors import NotMaterialized, PlatformError
from ml_platform.features.build import build_feature_table
from ml_platform.project import Project, open_project
from ml_platform.reporting.overview.label_preview import preview_label
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.outputs import record_output
from tests.worlds import NOW, write_shop

pytestmark = pytest.mark.slow

HORIZON, TEST = timedelta(days=2), timedelta(days=14)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = open_project(write_shop(tmp_path_factory.mktemp("shop")))
    for name in ("orders", "deliveries"):
        id = ingest_source(project, name, NOW).made.artifact.id
        record_output(project.database, f"sources/{name}", "source", id, run="r", at=NOW)
    table = build_feature_table(project, "courier_recent", id).artifact.id
    record_output(project.database, "features/courier_recent", "feature_table", table, run="r", at=NOW)
    return project


@pytest.fixture(scope="module")
def asked(shop: Project) -> pd.DataFrame:
    """Every order whose batch run, the full hour before its prediction time, lies in the test period."""
    orders, deliveries = (pd.read_csv(shop.root / f"data/{name}.csv") for name in ("orders", "deliveries"))
    rows = orders.merge(deliveries[["order_id", "minutes_late"]], on="order_id", how="left")
    rows["run"] = (pd.to_datetime(rows["placed_at"], utc=True) + pd.Timedelta("1h")).dt.floor("h")
    end = NOW - HORIZON
    return rows[(rows["run"] > end - TEST) & (rows["run"] <= end)]


def test_classes_and_states_are_those_of_a_loop_over_the_files(shop: Project, asked: pd.DataFrame) -> None:
    preview = preview_label(shop, "late_parcel", NOW)
    known = asked.dropna()
    late = int((known["minutes_late"] >= 30).sum())
    assert preview.questions == len(asked) > 400
    assert preview.label == {"classes": {"false": len(known) - late, "true": late}}
    assert dict(preview.states) == {"known": len(known), "missing": len(asked) - len(known)}
    assert (preview.start, preview.end) == (NOW - HORIZON - TEST, NOW - HORIZON)


def test_numbers_have_their_figures(shop: Project, asked: pd.DataFrame) -> None:
    figures, late = preview_label(shop, "lateness", NOW).label, asked["minutes_late"].dropna()
    assert figures["mean"] == pytest.approx(late.mean())
    assert (figures["min"], figures["max"]) == (late.min(), late.max())


def test_the_newest_questions_are_those_of_the_last_batch_runs(shop: Project, asked: pd.DataFrame) -> None:
    newest = preview_label(shop, "late_parcel", NOW, rows=7).newest
    runs = sorted(asked["run"], reverse=True)[:7]
    assert [pd.Timestamp(row["effective_time"]) for row in newest] == runs
    truth = asked.set_index("order_id")["minutes_late"]
    for row in newest:
        late = truth[row["order_id"]]
        assert row["label"] == (None if pd.isna(late) else bool(late >= 30))


def test_nothing_is_stored(shop: Project) -> None:
    def files() -> set[Path]:
        return {path for path in (shop.state / "store").rglob("*") if path.is_file()}

    before = files()
    preview_label(shop, "late_parcel", NOW)
    assert files() == before


def test_a_model_that_is_unknown_or_whose_sources_no_run_has_read_is_refused(shop: Project, tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="Did you mean late_parcel"):
        preview_label(shop, "late_parcels", NOW)
    with pytest.raises(NotMaterialized):
        preview_label(open_project(write_shop(tmp_path / "shop", days=1)), "late_parcel", NOW)


def test_the_command_prints_shares_and_questions(shop: Project, capsys: pytest.CaptureFixture[str]) -> None:
    show_preview(shop.root, "models/late_parcel", [], 3, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "late_parcel: minutes_late >= 30"
    assert any("questions of the test period" in line for line in lines)
    assert "order_id\tprediction_time\tlabel\tbatch run\tstate" in lines
    with pytest.raises(UsageError, match="--entity belongs to features/NAME"):
        show_preview(shop.root, "models/late_parcel", ["courier=a"], 3, as_json=False)
