"""A declared backtest and ablation in Dagster and on the model's page."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_platform.operations.planning.planner import plan_project
from ml_platform.reporting.overview.ablation_lines import ablation_sentences
from ml_platform.reporting.overview.backtest_lines import backtest_sentences
from ml_platform.reporting.site.facts import site_facts
from ml_platform.reporting.site.pages import card_page
from ml_platform.storage.artifact_kinds.ablation import AblationManifest
from ml_platform.storage.artifact_kinds.backtest import BacktestManifest
from ml_platform.storage.outputs import current_output
from tests.dagster.shop import Shop

MODEL = "models/late_parcel.yaml"


def test_declared_studies_are_assets_and_are_on_the_page_of_their_model(shop: Shop) -> None:
    path = Path(shop.root / MODEL)
    path.write_text(f"{path.read_text()}nodes: {{backtest: {{origins: 3, every: 4d, seeds: 1}}, ablation: {{}}}}\n")
    assert shop.materialize("late_parcel/backtest", "late_parcel/ablation").success
    project = shop.project
    id = str(current_output(project.database, "late_parcel/backtest"))
    about = BacktestManifest.of(project.store.get("backtest", id))
    assert [item.days for item in about.ages] == [4, 8]
    facts, sentences = shop.metadata("late_parcel/backtest"), backtest_sentences(about)
    assert facts["summary"].replace("\u00a0", " ").startswith(f"**{sentences[0].rstrip('.')}.**")
    assert facts["gain of a row (EUR)"] == pytest.approx(about.gain.figure, abs=1e-3)
    # The files of the project are copies, so their sources are read again; nothing in them is new.
    above = ("sources/orders", "sources/deliveries", "features/courier_recent", "late_parcel/snapshot")
    assert shop.materialize(*above).success
    planned = plan_project(project, project.clock.now()).nodes
    verdicts = {item.node: item.verdict for item in planned}
    assert verdicts["late_parcel/backtest"] == verdicts["late_parcel/ablation"] == "up to date"
    inputs = AblationManifest.of(
        project.store.get("ablation", str(current_output(project.database, "late_parcel/ablation")))
    )
    worth = next(part.worth for part in inputs.parts if part.name == "orders")
    assert worth is not None
    assert shop.metadata("late_parcel/ablation")["worth of orders (EUR)"] == pytest.approx(worth.figure, abs=1e-3)
    page = card_page(site_facts(project, project.clock.now()), "late_parcel")
    assert "How stable it is, and how long it stays good" in page
    assert "What its inputs are worth" in page
    assert all(text in page for text in (*sentences, *ablation_sentences(inputs)))
    assert id in page
