"""The kind of population that the guide on extending adds from an installed package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_platform.core.errors import DeclarationError
from ml_platform.datasets.population.asking import question_kinds
from ml_platform.declarations.populations.any_population import population_kinds, read_population
from tests.datasets.population.customers import asked_of, at, drawn, inputs_of, project_of, random_baskets
from tests.installed import install

DOCUMENT = Path(__file__).parents[3] / "docs/guides/extend.md"


def example(language: str) -> str:
    """Return the code of the guide, as it stands there."""
    text = DOCUMENT.read_text().partition("## A population of your own\n")[2]
    return text.partition(f"```{language}\n")[2].partition("```")[0]


WRONG = {
    "source": (
        {"large": "basket", "entity": "shop", "from_amount": 1},
        "there is no source basket. Did you mean baskets?",
    ),
    "entity": ({"large": "baskets", "entity": "shops", "from_amount": 1}, "there is no entity shops in project.yaml"),
    "condition": ({"large": "closures", "entity": "shop", "from_amount": 1}, "amount"),
}
"""Populations of the package's kind, each with the beginning of its fault or the name that it is about."""


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "site").mkdir()
    points = example("toml").replace("project.entry-points.", "").replace('"', "")
    install(tmp_path / "site", monkeypatch, "own_population", example("python"), points)
    for kinds in (population_kinds, question_kinds):
        kinds.cache_clear()
    yield
    for kinds in (population_kinds, question_kinds):
        kinds.cache_clear()


def test_a_package_adds_a_population_and_it_asks_as_those_of_the_platform(tmp_path: Path) -> None:
    populations = {
        "own": {"large": "baskets", "entity": "shop", "from_amount": 1},
        "events": {"on": "baskets", "entity": "shop", "where": "amount >= 1"},
    }
    assert type(read_population(populations["own"])).__name__ == "LargePopulation"
    rows = random_baskets(drawn(1), count=80)
    project = project_of(tmp_path / "shop", rows, populations, deployment={"batch": "0 */3 * * * UTC"})
    inputs = inputs_of(project, at(400))
    asked, events = (asked_of(project, name, inputs, at(0), at(200), at(400)).rows for name in populations)
    assert len(asked) > 10
    assert asked["baskets.id"].tolist() == events["baskets.id"].tolist()


@pytest.mark.parametrize("name", WRONG)
def test_what_a_packages_population_reads_is_checked_like_the_platforms(tmp_path: Path, name: str) -> None:
    population, text = WRONG[name]
    with pytest.raises(DeclarationError, match=text) as caught:
        project_of(tmp_path / "shop", [], {"model": population}, deployment={"batch": "0 */3 * * * UTC"})
    assert "models/model.yaml" in str(caught.value)
