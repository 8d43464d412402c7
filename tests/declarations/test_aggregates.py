"""Aggregates are found where they stand, and in installed packages; what cannot be used says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_platform.core.errors import DeclarationError, PlatformError
from ml_platform.declarations.aggregates import aggregates
from ml_platform.declarations.feature_table import read_feature
from ml_platform.declarations.load.schema import json_schemas
from tests.features.feature_tables import answers, built, one_table, project_of, row
from tests.features.world import at
from tests.installed import install

DOCUMENT = Path(__file__).parents[2] / "docs/guides/extend.md"
SECTION = "An aggregate of your own"
POINTS = "[ml_platform.aggregates]\nextent = own_aggregates:Extent\n"


def example(language: str) -> str:
    """Return the code of the guide, as it stands there."""
    text = DOCUMENT.read_text().partition(f"## {SECTION}\n")[2]
    return text.partition(f"```{language}\n")[2].partition("```")[0]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    aggregates.cache_clear()
    yield
    aggregates.cache_clear()


@pytest.fixture
def project_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for a project, beside which the package of the guide is installed."""
    folder = tmp_path / "packages"
    folder.mkdir()
    assert 'extent = "own_aggregates:Extent"' in example("toml")
    install(folder, monkeypatch, "own_aggregates", example("python"), POINTS)
    return tmp_path / "project"


def test_the_aggregate_of_the_guide_is_kept_in_cells_and_looked_up(project_folder: Path) -> None:
    rows = [row("r", 1, amount=3.0), row("s", 2, amount=-1.5), row("t", 3, amount=None), row("u", 3, amount=10.0)]
    project = project_of(project_folder, rows, one_table({"extent": "amount"}, ["2h", "ever"]))
    artifact = built(project, at(9))
    answered = answers(project, artifact, [("a", at(2)), ("a", at(3)), ("b", at(3))])
    assert [(cells["recent.f_2h"], cells["recent.f_ever"]) for cells in answered] == [
        (4.5, 4.5),
        (11.5, 11.5),
        (None, None),
    ]
    assert artifact.about["columns"] == {"f_2h": "float", "f_ever": "float"}


def test_validate_and_editors_know_the_aggregate_of_the_guide(project_folder: Path) -> None:
    with pytest.raises(DeclarationError, match=r"features\.f\.extent must give a float or an int, found a string\."):
        project_of(project_folder, [row("r", 1)], one_table({"extent": "kind"}, ["1d"]))
    with pytest.raises(DeclarationError, match=r"the key extend is unknown\. Did you mean extent\?"):
        project_of(project_folder, [row("r", 1)], one_table({"extend": "amount"}, ["1d"]))
    assert "Extent" in str(json_schemas()["feature_table"])
    feature = read_feature({"extent": "amount", "windows": ["1d"]})
    assert (feature.formula, feature.value_unit) == ("extent of amount", "")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "class Extent:\n    name = 'extent'",
            r"of own_aggregates is no Feature of ml_platform\.declarations\.aggregates",
        ),
        (
            "from ml_platform.declarations.aggregates import Feature\nclass Extent(Feature):\n    name = 'extent'",
            r"is no Feature of .*\. It lacks parts\. Extend that class\.",
        ),
        (
            "from ml_platform.declarations.aggregates.sums import Mean\nclass Extent(Mean):\n    name = 'mean'",
            r"own_aggregates adds 'mean', which exists already\. Give it another name\.",
        ),
    ],
)
def test_an_aggregate_that_cannot_be_used_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    install(tmp_path, monkeypatch, "own_aggregates", code, POINTS)
    with pytest.raises(PlatformError, match=message):
        read_feature({"count": True, "windows": ["1d"]})


def test_every_aggregate_is_described_and_has_a_field_of_its_name() -> None:
    for name, aggregate in aggregates().items():
        assert name in aggregate.model_fields
        assert aggregate.summary.endswith(".")
