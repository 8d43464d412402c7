"""The commands explain and champion, as a person and as a machine use them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ml_platform.audit.explain import explain
from ml_platform.audit.explain.lookup import sample_ids
from ml_platform.audit.explain.render_html import page_of
from ml_platform.cli import main
from ml_platform.core.errors import PlatformError
from tests.audit.explain.shop_with_history import MODEL, Lived


def call(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "150"}).invoke(vars(main)["app"], [str(item) for item in arguments])


def printed_by(*arguments: object) -> str:
    outcome = call(*arguments)
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout


@pytest.fixture
def id(lived: Lived) -> str:
    return sample_ids(lived.project, MODEL, None, 1)[0]


def test_one_prediction_reads_like_a_page(lived: Lived, id: str) -> None:
    output = printed_by("explain", id, lived.project.root)
    for heading in ("Entity", "Prediction", "Why", "Source rows", "Inputs", "Model version", "Reproduction"):
        assert f"\n{heading}" in output
    assert "from stored inputs: All 3 outputs were reproduced exactly." in output
    assert "from recomputed features: All 3 outputs were reproduced exactly." in output
    assert "adds up to the raw score" in output
    assert "WHAT IF" not in output
    answer = next(line for line in output.splitlines() if "; recommended: " in line)
    assert output.index(answer) < output.index("\nPrediction") < output.index("\nWhy") < output.index("\nInputs")
    everything = printed_by("explain", id, lived.project.root, "--all")
    assert "--all shows" in output
    assert "--all shows" not in everything
    assert len(everything.splitlines()) > len(output.splitlines())


def test_a_machine_gets_everything(lived: Lived, id: str) -> None:
    document = json.loads(printed_by("explain", id, lived.project.root, "--json", "--rows", "2"))
    assert document.pop("format_version") == 1
    assert document == explain(lived.project, id, lived.project.clock.now(), rows=2).as_json()
    assert document["prediction_id"] == id
    assert all(len(item["source_rows"]["rows"]) <= 3 for item in document["inputs"] if item["source_rows"])


def test_many_are_listed_in_a_table_or_one_object_a_line(lived: Lived, tmp_path: Path) -> None:
    root = lived.project.root
    lines = printed_by("explain", root, "--model", MODEL, "--sample", 7, "--json").splitlines()
    ids = [json.loads(line)["prediction_id"] for line in lines]
    assert sorted(ids) == sorted(sample_ids(lived.project, MODEL, None, 7))
    file = tmp_path / "ids"
    file.write_text("\n".join(ids))
    output = printed_by("explain", root, "--ids", file)
    assert all(id in output for id in ids)
    assert "7 predictions explained. All were reproduced exactly." in output
    of_day = printed_by("explain", root, "--model", MODEL, "--day", "2024-03-02", "--sample", 5)
    assert of_day.count(f"{MODEL}.20240302.") == 5


def test_what_if_is_marked_and_shown_beside_what_was(lived: Lived, id: str) -> None:
    output = printed_by("explain", id, lived.project.root, "--what-if", "mean_late_7d=500", "--what-if", "items=8")
    assert "WHAT IF  hypothetical; nothing was logged" in output
    assert re.search(r"courier_recent\.mean_late_7d\s+\S+( min)?\s+500", output)
    assert "Why, what if" in output


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--what-if", "items"], "--what-if items: is not a change. Write COLUMN=VALUE"),
        (
            ["--model", MODEL],
            "select predictions in one way: by an id, by --ids FILE, or by --model NAME with --sample.",
        ),
        (["--html", "/proc/nothing/page.html"], "the page cannot be written to /proc/nothing/page.html"),
    ],
)
def test_wrong_requests_are_answered_with_what_to_write(
    lived: Lived, id: str, arguments: list[str], problem: str
) -> None:
    outcome = call("explain", id, lived.project.root, *arguments)
    assert isinstance(outcome.exception, PlatformError)
    assert problem in str(outcome.exception)


def test_a_missing_file_of_ids_and_a_page_about_many_are_refused(lived: Lived, tmp_path: Path) -> None:
    root = lived.project.root
    outcome = call("explain", root, "--ids", tmp_path / "none")
    assert "cannot be read" in str(outcome.exception)
    outcome = call("explain", root, "--model", MODEL, "--html", tmp_path / "page.html")
    assert str(outcome.exception) == "--html writes a page about one prediction. Give one id."
    assert not (tmp_path / "page.html").exists()


def test_what_was_in_production_is_read_from_the_ledger(lived: Lived) -> None:
    root = lived.project.root
    output = printed_by("champion", MODEL, root, "--at", "2024-03-02T08:00:00Z")
    assert f"{MODEL}@1 was in production at 2024-03-02 08:00 UTC" in output
    assert re.search(r"test \(deploy, ledger line \d+\), in place of nothing", output)
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    assert re.search(rf"as user\s+{user} on ", output)
    assert "2024-03-01 00:00 UTC until 2024-03-04 07:00 UTC" in output
    machine = json.loads(printed_by("champion", MODEL, root, "--at", "2024-03-05", "--json"))
    assert (machine["deployment"]["version"], machine["version"]["number"]) == (2, 2)
    assert "No version of late_parcel was deployed by 2024-02-01 00:00 UTC; the first was" in printed_by(
        "champion", MODEL, root, "--at", "2024-02-01"
    )
    for at, problem in (("yesterday", "--at: 'yesterday' is not an instant"), ("2024-03-05T08:00", "has no time zone")):
        assert problem in str(call("champion", MODEL, root, "--at", at).exception)
    assert "Did you mean late_parcel?" in str(call("champion", "late_parsel", root).exception)


class _Page(HTMLParser):
    """What a page would load or run, and whether its elements are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[tuple[str, str | None]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [(name, value) for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        if tag not in ("meta", "link", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self.open.pop() == tag


def test_the_page_loads_nothing_and_is_well_formed(lived: Lived, id: str, tmp_path: Path) -> None:
    output = printed_by("explain", id, lived.project.root, "--html", tmp_path / "new/page.html", "--what-if", "items=8")
    assert f"Open {(tmp_path / 'new/page.html').as_uri()}" in output
    text = (tmp_path / "new/page.html").read_text()
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert page.loads == [("href", "data:,")]
    assert not page.tags & {"script", "img", "iframe", "object"}
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert "What if" in text


def test_content_of_the_data_is_never_read_as_a_page(lived: Lived, id: str) -> None:
    from dataclasses import replace

    evil = "<script>alert(1)</script>"
    explanation = explain(lived.project, id, lived.now)
    first = explanation.inputs[0].source_rows
    replaced = replace(first, entity={evil: evil}) if first else None
    inputs = (
        replace(explanation.inputs[0], name=evil, formula=evil, unit=evil, source_rows=replaced),
        *explanation.inputs[1:],
    )
    provenance = replace(explanation.version.provenance, declaration=evil, commit=evil)
    version = replace(explanation.version, algorithm=evil, provenance=provenance)
    changed = replace(
        explanation, key={evil: evil}, description=evil, inputs=inputs, version=version, problems=(evil,), model=evil
    )
    page = page_of(changed)
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 10


def test_explaining_loads_none_of_the_slow_libraries(lived: Lived, id: str) -> None:
    code = (
        "import sys\n"
        "from ml_platform.cli.main import main\n"
        f"sys.argv = ['ml-platform', 'explain', {id!r}, {str(lived.project.root)!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(re.findall(r"'(\w+)'", done.stderr))
    assert "lightgbm" in loaded
    assert not loaded & {"dagster", "mlflow", "evidently", "great_expectations", "matplotlib", "pyspark", "jinja2"}


def test_a_notebook_gets_all_rows_and_what_ifs_in_one_line(lived: Lived, id: str) -> None:
    import ml_platform

    explanation = ml_platform.explain(lived.project.root, id, what_if={"orders.items": "8"})
    assert explanation.what_if is not None
    assert [(change.name, change.after) for change in explanation.what_if.changes] == [("orders.items", 8)]
    assert all(len(item.source_rows.rows) == item.source_rows.count for item in explanation.inputs if item.source_rows)
