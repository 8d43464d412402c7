"""The declarations in the guides are valid as they are printed there."""

import re
from pathlib import Path

from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.row_policies import limit_of, on_error_of
from tests.worlds import PROJECT

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
    assert len(blocks) == 6
    assert set(spec.sources) == {name.removeprefix("sources/").removesuffix(".yaml") for name, _ in blocks}


def test_the_declaration_of_the_page_on_dirty_rows_is_valid(tmp_path):
    page = PAGE.parent / "dirty-rows.md"
    [(name, text)] = re.findall(r"```yaml\n# (\S+)\n(.*?)```", page.read_text(), re.DOTALL)
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text(text)
    (tmp_path / "project.yaml").write_text(PROJECT)
    source = load_project(tmp_path).sources["baskets"]
    policies = {column: on_error_of(source, column) for column in source.columns}
    assert policies == {"basket_id": "quarantine", "paid_at": "quarantine", "amount": "fail", "coupon": "null"}
    assert limit_of(source) == 0.001


def test_the_derived_source_of_the_guide_is_valid(tmp_path):
    text = (PAGE.parent / "derived-sources.md").read_text()
    name, body = re.findall(r"```yaml\n# (\S+)\n(.*?)```", text, re.DOTALL)[0]
    about = "spec_version: 1\ndescription: For a test.\nowner: team:test\n"
    columns = "{line_id: string, basket_id: string, customer: string, sku: string, quantity: int, sold_at: timestamp}"
    rest = "event_timestamp: sold_at\nknown_at: {delay: 1h}\n"
    files = {
        "project.yaml": about + "name: test\ncurrency: EUR\nclock: wall\nentities: {customer: [customer]}\n",
        name: body,
        "sources/lines.yaml": f"{about}name: lines\nreader: {{csv: x.csv}}\nkey: [line_id]\n{rest}columns: {columns}\n",
        "sources/products.yaml": f"{about}name: products\nreader: {{csv: y.csv}}\nkey: [sku]\n{rest}"
        "columns: {sku: string, price: float, category: string, sold_at: timestamp}\n",
    }
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(content)
    assert load_project(tmp_path, {}).sources["basket_lines"].reader.inputs == ("lines", "products")


def test_every_decision_is_dated_states_whether_it_holds_and_is_in_the_list():
    folder = PAGE.parents[1] / "decisions"
    listed = (folder / "README.md").read_text()
    records = sorted(folder.glob("0*.md"))
    for record in records:
        title, _, second = record.read_text().split("\n")[:3]
        assert title.startswith(f"# {int(record.name[:4])}. "), record.name
        assert re.match(r"\*Decided on 20\d\d-\d\d-\d\d\. Holds", second), record.name
        assert f"]({record.name})" in listed, record.name
    numbers = [int(record.name[:4]) for record in records]
    assert sorted({*range(1, max(numbers))} - {*numbers}) == [14]  # never given
    assert len({*numbers}) == len(numbers)
