"""The digest: three lines for each model, what needs a person first, sent once a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ml_platform.operations.alerts import recent_alerts, send_alert
from ml_platform.project import Project
from ml_platform.reporting.overview.attention import Attention
from ml_platform.reporting.overview.digest import digest_alert, digest_of, project_digest
from ml_platform.reporting.overview.model_overview import ModelOverview, model_overview
from tests.audit.verify.factory import MODEL, NOON, build_factory

pytestmark = pytest.mark.slow
NOW = NOON + timedelta(days=1, hours=12)


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return build_factory(tmp_path_factory.mktemp("factory"))


@pytest.fixture(scope="module")
def overview(factory: Project) -> ModelOverview:
    return replace(model_overview(factory, MODEL, NOW), attention=())


def test_each_model_has_three_lines(overview: ModelOverview) -> None:
    digest = digest_of("shop", [overview, replace(overview, name="other")], NOW)
    head, *models = digest.text.split("\n\n")
    assert digest.title == "shop: nothing needs a person"
    assert head == "**shop, 2024-03-03: nothing needs a person.**"
    assert [text.count("\n") for text in models] == [2, 2]
    worth, versions, data = models[0].splitlines()
    assert worth == f"**{MODEL}** is healthy. {overview.worth_text}"
    assert versions.startswith("Version 2 is live since 2024-03-02. It is trained next: 2024-03-04 03:00 UTC")
    assert data == f"Data: {overview.drift.text if overview.drift else 'drift was not looked for yet'}."


def test_what_needs_a_person_comes_first_with_what_to_do(overview: ModelOverview) -> None:
    items = (
        Attention(True, "version 3 waits for approval", "ml-platform approve ill@3"),
        Attention(False, "rows wait"),
    )
    ill = replace(overview, name="ill", attention=items)
    digest = digest_of("shop", [overview, ill], NOW)
    assert digest.title == "shop: 1 of 2 models needs a person"
    lines = digest.text.splitlines()
    assert lines[1:3] == ["", "- ill: version 3 waits for approval (ml-platform approve ill@3)"]
    assert [line.partition("**")[2].partition("**")[0] for line in lines if " is " in line and line.startswith("**")][
        :2
    ] == ["ill", MODEL]
    assert "Data: rows wait." in lines


def test_a_cause_that_stops_several_models_is_one_line_and_markup_in_it_is_shown(overview: ModelOverview) -> None:
    cause = (Attention(True, "orders failed: courier is <b>", "ml-platform alerts"),)
    digest = digest_of("shop", [replace(overview, name=name, attention=cause) for name in ("one", "two")], NOW)
    assert [line for line in digest.text.splitlines() if line.startswith("- ")] == [
        "- one, two: orders failed: courier is \\<b> (ml-platform alerts)"
    ]


def test_a_digest_is_sent_once_a_day(factory: Project) -> None:
    alert = digest_alert(factory, NOW)
    assert (alert.severity, alert.body) == ("report", project_digest(factory, NOW).text)
    assert send_alert(factory, alert, NOW).new
    assert not send_alert(factory, digest_alert(factory, NOW + timedelta(hours=1)), NOW).new
    assert send_alert(factory, digest_alert(factory, NOW + timedelta(days=1)), NOW).new
    assert [item["title"] for item in recent_alerts(factory, 2)] == [alert.title, alert.title]
