"""The declarations in docs/guides/features.md are a project, and it is valid as it stands there."""

import re
from pathlib import Path

from ml_platform.declarations.load.load import load_project

PAGE = Path(__file__).parents[2] / "docs/guides/features.md"


def test_the_declarations_of_the_page_on_features_are_valid(tmp_path):
    blocks = re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for name, text in blocks:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    spec = load_project(tmp_path, {"TICKETS_URL": "postgresql://nowhere/tickets"})
    assert len(blocks) == 9
    assert set(spec.feature_tables) == {"airport_now", "aircraft_now", "desk_sales"}
    assert spec.file.connections == {"tickets_db": "postgresql://nowhere/tickets"}


def test_the_declarations_of_the_page_on_sources_are_valid(tmp_path):
    about = "spec_version: 1\ndescription: For a test.\nowner: team:test\nname: test\ncurrency: EUR\nclock: wall\n"
    (tmp_path / "project.yaml").write_text(about + "entities: {customer: [customer]}\n")
    blocks = re.findall(r"```yaml\n# (\S+)\n(.*?)```", (PAGE.parent / "sources.md").read_text(), re.DOTALL)
    for name, text in blocks:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    spec = load_project(tmp_path, {})
    assert set(spec.sources) == {name.removeprefix("sources/").removesuffix(".yaml") for name, _ in blocks}


def test_every_decision_is_dated_says_whether_it_holds_and_stands_in_the_list():
    folder = PAGE.parents[1] / "decisions"
    listed = (folder / "README.md").read_text()
    records = sorted(folder.glob("0*.md"))
    for record in records:
        title, _, second = record.read_text().split("\n")[:3]
        assert title.startswith(f"# {int(record.name[:4])}. "), record.name
        assert re.match(r"\*Decided on 20\d\d-\d\d-\d\d\. Holds", second), record.name
        assert f"]({record.name})" in listed, record.name
    numbers = [int(record.name[:4]) for record in records]
    assert sorted({*range(1, numbers[-1] + 1)} - {*numbers}) == [14]  # never given
