"""The pages of studies, of many runs and of a search in a real browser, in every mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from selenium import webdriver

from ml_platform.reporting.comparison.many import Ahead, ManyComparison, RunLine
from ml_platform.reporting.overview.ablation_lines import AblationLine
from ml_platform.reporting.site.pages import ablation_page, backtest_page, many_page, search_page
from ml_platform.storage.artifact_kinds.ablation import AblatedPart, AblationManifest
from ml_platform.storage.artifact_kinds.backtest import AgeResult, BacktestManifest, OriginResult, ScheduleResult
from ml_platform.storage.artifact_kinds.figures import BasedFigure
from tests.browser import chromium
from tests.page_faults import MODES, Mode, open_as, page_faults

NOTE = "The snapshot has no rows before its train period: 3 of 6 trainings have fewer days than a real one."
NAMES = ("late_parcel@2", "wider_windows_and_a_higher_learning_rate", "three-days")


def figure(value: float, spread: float | None = 1.5) -> BasedFigure:
    if spread is None:
        return BasedFigure(figure=value, declined="3 days are too few for an interval")
    return BasedFigure(figure=value, low=value - spread, high=value + spread, days=14, effective_days=6.2)


def backtest() -> BacktestManifest:
    origins = [
        OriginResult(
            origin=f"2024-03-{day:02}T00:00:00+00:00",
            end=f"2024-03-{day + 7:02}T00:00:00+00:00",
            fitted=11_358,
            rows=1_240,
            gain=figure(0.4 + day / 10),
            figures={"auc": 0.7312, "calibration_error": None},
            other_seeds=(0.41,),
            chosen="logistic_regression",
        )
        for day in (1, 8, 15)
    ]
    ages = [
        AgeResult(days=days, rows=900, fresh=1.25, aged=1.25 - days / 50, loss=figure(days / 50)) for days in (7, 14)
    ]
    schedules = [ScheduleResult(days=7, more=figure(5.25, 99.0)), ScheduleResult(days=14, more=figure(2.5, None))]
    return BacktestManifest(
        model="late_parcel",
        task="binary",
        currency="EUR",
        every_days=7,
        fitted_days=35,
        declared_days=42,
        seeds=2,
        rows=3_720,
        days=21,
        gain=figure(1.04),
        origins=tuple(origins),
        ages=tuple(ages),
        schedules=tuple(schedules),
        notes=(NOTE,),
        environment={},
    )


def ablation() -> tuple[AblationManifest, list[AblationLine]]:
    parts = (
        AblatedPart(kind="source", name="orders", features=("orders.items",), worth=figure(0.6, 0.2), without=0.4),
        AblatedPart(kind="feature table", name="courier_recent", features=("courier_recent.mean",), worth=figure(-0.1)),
    )
    about = AblationManifest(
        model="late_parcel",
        task="binary",
        currency="EUR",
        rows=1_008,
        days=14,
        rows_a_day=72.0,
        start="2024-03-01T00:00:00+00:00",
        end="2024-03-15T00:00:00+00:00",
        gain=figure(1.0),
        parts=parts,
        notes=(NOTE,),
        environment={},
    )
    words = ("0.60", "0.40 to 0.80", "1,296 EUR")
    lines = [
        AblationLine("source", "orders", 1, *words, "earns", "400 EUR", "2024-03-15 00:00", "failed 2 of 90 checks"),
        AblationLine("feature table", "courier_recent", 1, *words, "not certain", "", "2024-03-15 00:00", "no failure"),
    ]
    return about, lines


def many() -> ManyComparison:
    aheads = [None, Ahead(41.0, -12.0, 94.0, 560, 14), Ahead(None, None, None, 0, 0, "no row is of both")]
    keys = ("models/late_parcel algorithm.params.num_leaves", "features/courier_recent features.mean_late.windows")
    runs = [
        RunLine(name, ahead, 120.5, 3.0, 238.0, {"auc": 0.71, "brier": None}, {keys[0]: "7"} if ahead else {})
        for name, ahead in zip(NAMES, aheads, strict=True)
    ]
    return ManyComparison("late_parcel", "EUR", NAMES[0], tuple(runs), keys, ("auc", "brier"), (NOTE,))


def search() -> str:
    entry = '{"name": "late", "kind": "model", "about": "Late?", "owner": "team:a", "unit": "", "href": "m.html"}'
    return search_page("shop", datetime(2024, 3, 1, tzinfo=UTC), f"window.catalogEntries = [{entry}];\n", "late")


PAGES: Mapping[str, str] = {
    "backtest": backtest_page(backtest()),
    "ablation": ablation_page(*ablation()),
    "many": many_page(many()),
    "search": search(),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chromium() as driver:
        yield driver


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_a_fault(browser: webdriver.Chrome, tmp_path: Path, name: str, mode: Mode) -> None:
    page = tmp_path / f"{name}.html"
    page.write_text(PAGES[name].replace("/pages/site/style.css", "style.css"))
    style = Path(__file__).parents[3] / "ml_platform/reporting/site/templates/style.css"
    (tmp_path / "style.css").write_text(style.read_text())
    open_as(browser, page.as_uri(), mode)
    assert page_faults(browser) == []
