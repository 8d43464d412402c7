"""What a changed project changes against a git revision, and which of these changes are breaking."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ml_platform.cli.plan import PlanForm, show_plan
from ml_platform.core.errors import RevisionError
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.load.revision import project_at
from ml_platform.operations.planning.changes import changes_since_revision, changes_since_run, declared_nodes
from ml_platform.project import open_project
from ml_platform.storage.last_declarations import record_declared
from tests.worlds import FILES

RETRAINED = "late_parcel must be trained again"


def git(folder: Path, *command: str) -> str:
    author = ("-c", "user.name=test", "-c", "user.email=test@test")
    done = subprocess.run(["git", "-C", str(folder), *author, *command], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The shop in a folder of a repository with one commit, tagged v1."""
    root = tmp_path / "repository/projects/shop"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "data").mkdir()
    (root / "data/orders.csv").write_text("not a declaration\n")
    top = tmp_path / "repository"
    git(top, "init", "-q")
    git(top, "add", ".")
    git(top, "commit", "-q", "-m", "first")
    git(top, "tag", "v1")
    return root


def edit(root: Path, name: str, old: str, new: str) -> None:
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new))


def changes(root: Path, revision: str = "v1") -> dict[str, tuple[str, str]]:
    compared = changes_since_revision(load_project(root), revision)
    return {change.node: (change.sort, change.breaks) for change in compared.changes}


def test_an_unchanged_project_and_changed_descriptions_change_no_node(shop: Path) -> None:
    assert changes(shop) == {}
    edit(shop, "models/late_parcel.yaml", "description: Will", "description: Shall")
    assert changes(shop) == {}


def test_gates_monitoring_and_reading_from_elsewhere_break_nothing(shop: Path) -> None:
    edit(shop, "models/late_parcel.yaml", '">= 0.55"', '">= 0.6"')
    edit(shop, "models/late_parcel.yaml", "window: 3d", "window: 4d")
    edit(shop, "sources/orders.yaml", "data/orders.csv", "data/all_orders.csv")
    assert changes(shop) == {
        "sources/orders": ("changed", ""),
        "late_parcel/evaluation": ("changed", ""),
        "late_parcel/deployment": ("changed", ""),
        "late_parcel/monitoring": ("changed", ""),
    }


def test_a_new_column_that_nothing_reads_breaks_nothing_and_one_that_is_read_needs_a_training(shop: Path) -> None:
    edit(shop, "models/late_parcel.yaml", "courier_recent.*", "courier_recent.mean_late_7d")
    git(shop, "commit", "-q", "-a", "-m", "named columns")
    edit(shop, "features/courier_recent.yaml", "windows: [7d]}\n  last", "windows: [7d, 14d]}\n  last")
    assert changes(shop, "HEAD") == {"features/courier_recent": ("changed", "")}
    differing = changes(shop, "v1")  # there the model read every column of the table
    assert differing["features/courier_recent"] == ("changed", "")
    assert differing["late_parcel/snapshot"] == ("changed", RETRAINED)


def test_a_column_that_is_gone_or_means_something_else_names_who_reads_it(shop: Path) -> None:
    edit(shop, "features/courier_recent.yaml", "count: true, windows: [1d, 7d]", "count: true, windows: [7d]")
    edit(shop, "features/courier_recent.yaml", "minutes_late >= 30, windows", "minutes_late >= 20, windows")
    differing = changes(shop)
    broken = differing["features/courier_recent"][1]
    assert "parcels_1d is gone, and late_parcel/snapshot reads it" in broken
    assert "late_share_7d means something else, and late_parcel/snapshot reads it" in broken
    assert "parcels_7d" not in broken
    assert "lateness/snapshot" not in differing


def test_a_changed_type_and_a_changed_delay_of_a_source_name_their_readers(shop: Path) -> None:
    edit(shop, "sources/orders.yaml", "items: int", "items: float")
    reads = "items means something else, and late_parcel/snapshot, lateness/snapshot read it"
    assert changes(shop)["sources/orders"] == ("changed", reads)
    edit(shop, "sources/deliveries.yaml", "delay: 10m", "delay: 20m")
    rows = (
        "its rows mean something else, and features/courier_recent, late_parcel/snapshot, lateness/snapshot read them"
    )
    assert changes(shop)["sources/deliveries"] == ("changed", rows)


def test_a_new_model_is_one_change_and_a_removed_one_is_breaking(shop: Path) -> None:
    text = (shop / "models/lateness.yaml").read_text()
    (shop / "models/lateness.yaml").unlink()
    (shop / "models/other.yaml").write_text(text.replace("name: lateness", "name: other"))
    assert changes(shop) == {
        "models/other": ("new", ""),
        "models/lateness": ("removed", "lateness answers no longer"),
    }


def test_the_working_tree_the_index_and_untracked_files_stay_as_they_are(shop: Path) -> None:
    edit(shop, "models/lateness.yaml", "train: 28d", "train: 21d")
    (shop / "models/draft.txt").write_text("mine")
    before = (git(shop, "status", "--porcelain"), git(shop, "stash", "list"), git(shop, "rev-parse", "HEAD"))
    index = (shop.parent.parent / ".git/index").read_bytes()
    compared = changes_since_revision(load_project(shop), "v1")
    assert compared.uncommitted == ("models/lateness.yaml",)
    assert [change.node for change in compared.changes] == ["lateness/snapshot"]
    assert (git(shop, "status", "--porcelain"), git(shop, "stash", "list"), git(shop, "rev-parse", "HEAD")) == before
    assert (shop.parent.parent / ".git/index").read_bytes() == index


def test_only_declarations_and_code_of_the_project_s_folder_are_read(shop: Path) -> None:
    (shop.parent.parent / "project.yaml").write_text("another project")
    (shop / "sources/linked.yaml").symlink_to(shop / "sources/orders.yaml")
    git(shop.parent.parent, "add", ".")
    git(shop, "commit", "-q", "-m", "more files")
    with project_at(shop, "HEAD") as revision:
        files = sorted(path.relative_to(revision.spec.root).as_posix() for path in revision.spec.root.rglob("*.*"))
        folder = revision.spec.root
    assert files == sorted(FILES)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        ("no-such", "the repository has no such revision"),
        ("--output=x", "the repository has no such revision"),
        ("v1:projects", "the repository has no such revision"),
        ("empty", "has no project.yaml in projects/shop"),
        ("broken", "its declarations have faults"),
    ],
)
def test_a_revision_that_has_no_whole_project_is_named(shop: Path, revision: str, words: str) -> None:
    git(shop, "checkout", "-q", "-b", "broken")
    edit(shop, "models/lateness.yaml", "task: regression", "task: regresion")
    git(shop, "commit", "-q", "-a", "-m", "broken")
    git(shop, "checkout", "-q", "--orphan", "empty")
    git(shop.parent.parent, "rm", "-rqf", "--cached", ".")
    git(shop, "commit", "-q", "--allow-empty", "-m", "empty")
    git(shop.parent.parent, "checkout", "-q", "-f", "v1")
    with pytest.raises(RevisionError) as raised, project_at(shop, revision):
        pass
    assert words in str(raised.value)


def test_a_folder_outside_of_any_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(RevisionError, match="is in no git repository"), project_at(tmp_path, "HEAD"):
        pass


def test_a_machine_without_git_is_named(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RevisionError, match="git cannot be run"), project_at(shop, "v1"):
        pass


def test_the_exit_code_differs_for_breaking_changed_and_equal(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form = PlanForm(against="v1", exit_code=True, as_json=True)
    assert show_plan(shop, None, form) == 0
    edit(shop, "models/late_parcel.yaml", '">= 0.55"', '">= 0.6"')
    assert show_plan(shop, None, form) == 2
    edit(shop, "models/lateness.yaml", "train: 28d", "train: 21d")
    capsys.readouterr()
    assert show_plan(shop, None, form) == 3
    printed = json.loads(capsys.readouterr().out)["changes"]
    assert (printed["against"], printed["breaking"], printed["commit"]) == (
        "v1",
        1,
        git(shop, "rev-parse", "v1").strip(),
    )
    assert [node["node"] for node in printed["nodes"] if node["breaking"]] == ["lateness/snapshot"]
    assert show_plan(shop, None, PlanForm(against="v1", markdown=True)) == 0
    why = "its declaration changed (split.train); lateness must be trained again"
    row = f"| `lateness/snapshot` | changed | yes | {why} |"
    assert row in capsys.readouterr().out.splitlines()


def test_without_a_revision_the_nodes_are_compared_with_those_that_were_made_last(shop: Path) -> None:
    project = open_project(shop)
    assert changes_since_run(project.spec, project.database).changes == ()
    for node in ("late_parcel/snapshot", "lateness/snapshot"):
        with project_at(shop, "v1") as former:
            decided = next(it.decided for name, it in declared_nodes(former.spec).items() if name == node)
        record_declared(project.database, node, decided)
    edit(shop, "models/lateness.yaml", "train: 28d", "train: 21d")
    differing = changes_since_run(load_project(shop), project.database)
    assert [(change.node, change.breaks) for change in differing.changes] == [
        ("lateness/snapshot", "lateness must be trained again")
    ]
