"""The site takes its place whole or not at all, and never the place of anything else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_platform.core.errors import NotASite, SiteNotWritten
from ml_platform.reporting.site.facts import SiteFacts, site_facts
from ml_platform.reporting.site.recorded import MARKER
from ml_platform.reporting.site.site import write_site
from tests.shop_project import open_shop

NOW = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture
def facts(tmp_path: Path) -> SiteFacts:
    return site_facts(open_shop(tmp_path / "shop"), NOW)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_an_older_site_is_replaced_whole_and_nothing_remains_beside_it(facts: SiteFacts, tmp_path: Path) -> None:
    folder = tmp_path / "site/catalog"
    page = write_site(facts, folder)
    assert page == folder / "index.html"
    first = names(folder)
    assert {"index.html", "catalog.json", MARKER, "models/lateness.html"} <= first
    write_site(replace(facts, catalog=replace(facts.catalog, models=facts.catalog.models[:1])), folder)
    assert first - names(folder) == {"models/lateness.html"}
    assert [path.name for path in folder.parent.iterdir()] == ["catalog"]


def test_facts_stand_beside_the_pages_for_machines(facts: SiteFacts, tmp_path: Path) -> None:
    write_site(facts, tmp_path / "catalog")
    document = json.loads((tmp_path / "catalog/catalog.json").read_text())
    assert (document["project"], document["now"]) == ("shop", "2024-03-01T00:00:00.000000Z")
    assert document["feature_tables"][0]["columns"][0]["name"] == "parcels_1d"


def test_an_empty_folder_is_taken(facts: SiteFacts, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert write_site(facts, tmp_path / "empty").exists()


def test_a_folder_with_anything_else_in_it_is_not_changed(facts: SiteFacts, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "deep").mkdir(parents=True)
    (mine / "deep/notes.txt").write_text("mine")
    with pytest.raises(NotASite, match=r"mine holds deep/notes.txt, which `ml-platform site` did not write. Nothing"):
        write_site(facts, mine)
    assert names(mine) == {"deep/notes.txt"}


def test_a_file_that_somebody_put_into_a_site_is_not_lost(facts: SiteFacts, tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    write_site(facts, folder)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(NotASite, match=r"holds notes.txt"):
        write_site(facts, folder)
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("marker", ["", "[]", "{}", "not json"])
def test_a_marker_that_cannot_be_read_protects_all_that_is_there(facts: SiteFacts, tmp_path: Path, marker: str) -> None:
    (tmp_path / MARKER).write_text(marker)
    with pytest.raises(NotASite):
        write_site(facts, tmp_path)


def test_a_file_in_the_place_of_the_folder_is_reported(facts: SiteFacts, tmp_path: Path) -> None:
    (tmp_path / "catalog").write_text("mine")
    with pytest.raises(NotASite, match="catalog is a file"):
        write_site(facts, tmp_path / "catalog")


def test_a_place_that_cannot_be_written_is_reported(facts: SiteFacts, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SiteNotWritten, match=r"cannot be written to .*file/catalog: .* --to"):
        write_site(facts, tmp_path / "file/catalog")


@pytest.mark.parametrize("broken", ["write_text", "rename"])
def test_where_writing_breaks_off_the_older_site_is_kept(
    facts: SiteFacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    folder = tmp_path / "site/catalog"
    write_site(facts, folder)
    before = {name: (folder / name).read_bytes() for name in names(folder)}
    real, calls = getattr(Path, broken), []

    def full(self: Path, *words: object, **more: object) -> object:
        calls.append(self)
        if len(calls) == 2:  # the second page; or the new folder's step into the place of the old one
            raise OSError(28, "No space left on device")
        return real(self, *words, **more)

    monkeypatch.setattr(Path, broken, full)
    with pytest.raises(SiteNotWritten, match="No space left on device"):
        write_site(replace(facts, catalog=replace(facts.catalog, project="other")), folder)
    monkeypatch.undo()
    assert {name: (folder / name).read_bytes() for name in names(folder)} == before
    assert [path.name for path in folder.parent.iterdir()] == ["catalog"]
