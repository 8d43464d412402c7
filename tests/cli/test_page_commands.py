"""The commands that write pages: the site of a project, and the card of a model."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Call
from tests.worlds import write_shop


def test_the_site_is_written_before_anything_ran_with_where_to_open_it(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path / "shop", days=1)
    page = shop / ".ml_platform/site/index.html"
    counts = "2 sources, 1 feature table, 6 features, 2 models"
    assert inside("site", str(shop)).stdout == f"The site of shop has {counts}. Open {page.as_uri()}\n"
    assert "not made yet" in page.read_text()
    document = json.loads(inside("site", str(shop), "--to", str(tmp_path / "pages"), "--json").stdout)
    assert document["page"] == str(tmp_path / "pages/index.html")
    assert json.loads(Path(document["facts"]).read_text())["project"] == "shop"


def test_a_card_is_one_file_and_an_unknown_model_is_named_with_the_nearest(tmp_path: Path, inside: Call) -> None:
    shop = write_shop(tmp_path / "shop", days=1)
    document = json.loads(
        inside("card", "late_parcel", str(shop), "--to", str(tmp_path / "card.html"), "--json").stdout
    )
    assert (document["model"], document["version"], document["page"]) == (
        "late_parcel",
        None,
        str(tmp_path / "card.html"),
    )
    page = (tmp_path / "card.html").read_text()
    assert "not trained yet" in page
    assert "<script" not in page
    assert 'href="style.css"' not in page
    unknown = inside("card", "late_parcl", str(shop))
    assert unknown.returncode == 1
    assert "late_parcel" in unknown.stderr
    missing = inside("card", "late_parcel@3", str(shop))
    assert missing.returncode == 1
    assert "no version of late_parcel is registered. Train one with `ml-platform run`." in missing.stderr


def test_the_site_never_takes_the_place_of_something_else(shop: Path, inside: Call) -> None:
    done = inside("site", str(shop), "--to", str(shop))
    assert done.returncode == 1
    assert "which `ml-platform site` did not write. Nothing was written or removed." in done.stderr
    assert (shop / "project.yaml").exists()


def test_a_project_with_faults_has_no_site_but_its_faults(tmp_path: Path, inside: Call) -> None:
    bad = write_shop(tmp_path, days=1)
    model = bad / "models/late_parcel.yaml"
    model.write_text(model.read_text().replace("task: binary", "task: binry"))
    done = inside("site", str(bad))
    assert done.returncode == 1
    assert "models/late_parcel.yaml:5:7:" in done.stderr
    assert not (bad / ".ml_platform").exists()
