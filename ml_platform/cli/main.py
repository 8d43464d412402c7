"""The command line: `ml-platform COMMAND`. Each command imports what it needs when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from ml_platform.cli.process import FULL, be_short, leave
from ml_platform.errors import PlatformError


class _Commands(TyperGroup):
    """Commands that say so when they are stopped; Typer ends them without a word."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("Stopped.", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(
    name="ml-platform",
    cls=_Commands,
    help="A factory of factories of models: one declarative file per model makes a whole asset graph.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Directory = Annotated[Path, typer.Argument(help="The project's folder.", show_default="here")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]
HERE = Path()


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="The folder to make; it must be new or empty.")],
    example: Annotated[str | None, typer.Option(help="Start from an example, such as flights.")] = None,
) -> None:
    """Make a new project."""
    from ml_platform.cli.new_project import make_project

    make_project(directory, example)


@app.command()
def validate(directory: Directory = HERE, as_json: AsJson = False) -> None:
    """Check every declaration and report all faults at once."""
    from ml_platform.cli.declarations import validate_project

    raise typer.Exit(validate_project(directory, as_json))


@app.command()
def schema(
    directory: Annotated[Path | None, typer.Argument(help="Write one schema file for each kind here.")] = None,
) -> None:
    """Give the JSON schema of every kind of declaration, for editors."""
    from ml_platform.cli.declarations import give_schemas

    give_schemas(directory)


@app.command()
def graph(directory: Directory = HERE, as_json: AsJson = False) -> None:
    """Show the asset graph that the declarations make."""
    from ml_platform.cli.declarations import show_graph

    show_graph(directory, as_json)


@app.command()
def run(
    directory: Directory = HERE,
    job: Annotated[str, typer.Option(help="The Dagster job to run.")] = "factory",
    until: Annotated[
        str | None, typer.Option(help="Then move a simulated clock on to this instant, and run again.")
    ] = None,
) -> None:
    """Bring the project up to date through Dagster, and show what came of it."""
    from ml_platform.cli.running import run_project

    raise typer.Exit(run_project(directory, job, until))


@app.command()
def plan(
    directory: Directory = HERE,
    until: Annotated[
        str | None, typer.Option(help="As if a simulated clock had moved on to this instant; it stays where it is.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what `run` would make, why, and about how long it would take. Nothing is read or computed."""
    from ml_platform.cli.planning import show_plan

    show_plan(directory, until, as_json)


@app.command()
def up(
    directory: Directory = HERE,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of the MLflow UI.")] = 5000,
) -> None:
    """Serve the Dagster UI and the MLflow UI on loopback until Ctrl-C."""
    from ml_platform.cli.serving import serve_project

    raise typer.Exit(serve_project(directory, port, mlflow_port))


@app.command()
def advance(
    by: Annotated[str, typer.Argument(help="A span such as 1d or 6h.")],
    directory: Directory = HERE,
    then_run: Annotated[bool, typer.Option("--run", help="Then bring the project up to date.")] = False,
) -> None:
    """Move a project's simulated clock forward."""
    from ml_platform.cli.running import advance_project

    raise typer.Exit(advance_project(directory, by, then_run))


@app.command()
def status(directory: Directory = HERE, as_json: AsJson = False) -> None:
    """Say how the project stands: sources, features, champions, value, drift, alerts."""
    from ml_platform.cli.standing import show_status

    show_status(directory, as_json)


Version = Annotated[str, typer.Argument(help="Such as late_arrival@3, or late_arrival@latest.")]
Reason = Annotated[str, typer.Option(help="Why, for whoever asks later.")]
Actor = Annotated[str | None, typer.Option(help="Who says so; your name on this machine by default.")]


@app.command()
def approve(
    version: Version,
    reason: Reason,
    directory: Directory = HERE,
    actor: Actor = None,
    reject: Annotated[bool, typer.Option("--reject", help="Reject it instead: the champion stays.")] = False,
) -> None:
    """Approve a version that waits for a person, and deploy it; with --reject, refuse it."""
    from ml_platform.cli.approving import approve_version

    raise typer.Exit(approve_version(directory, version, reason, actor, reject))


@app.command()
def verify(directory: Directory = HERE, as_json: AsJson = False) -> None:
    """Hold all that is stored against its hashes, and the ledger against its anchors. Exit code 1 for damage."""
    from ml_platform.cli.verifying import show_verification

    raise typer.Exit(show_verification(directory, as_json))


@app.command()
def predictions(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    directory: Directory = HERE,
    day: Annotated[str | None, typer.Option(help="Only this day (UTC), such as 2013-12-01.")] = None,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """List logged predictions, newest first."""
    from ml_platform.cli.standing import list_predictions

    list_predictions(directory, model, day, limit, as_json)


@app.command()
def reproduce(
    version: Annotated[str, typer.Argument(help="Such as late_arrival@3, @champion or @latest.")],
    directory: Directory = HERE,
    today: Annotated[
        bool, typer.Option("--today", help="Use declarations and code as they are now, not as they were kept.")
    ] = False,
    from_sources: Annotated[
        bool, typer.Option("--from-sources", help="Make the snapshot again too, from what was ingested.")
    ] = False,
    tolerance: Annotated[float, typer.Option(help="How far a score may lie off where the state differs.")] = 1e-6,
    as_json: AsJson = False,
) -> None:
    """Train a version again from its manifest, and say whether it is the same; if not, what differs."""
    from ml_platform.cli.reproducing import reproduce_version

    raise typer.Exit(reproduce_version(directory, version, today, from_sources, tolerance, as_json))


@app.command()
def snapshots(
    model: Annotated[str | None, typer.Argument(help="Only of this model.")] = None,
    directory: Annotated[Path | None, typer.Argument(help="The project's folder.", show_default="here")] = None,
    as_json: AsJson = False,
) -> None:
    """List snapshots: as of when, how many rows, how much of each is new, and what was trained on it."""
    from ml_platform.cli.snapshots import show_list

    show_list(model, directory, as_json)


snapshot_app = typer.Typer(help="Show one snapshot, or what differs between two.", no_args_is_help=True)
app.add_typer(snapshot_app, name="snapshot")
SnapshotName = Annotated[str, typer.Argument(help="The beginning of an id, MODEL@latest, or MODEL@3 (by version).")]


@snapshot_app.command("show")
def snapshot_show(snapshot: SnapshotName, directory: Directory = HERE, as_json: AsJson = False) -> None:
    """Tell what a snapshot is, and every input that it was made from."""
    from ml_platform.cli.snapshots import show_snapshot

    show_snapshot(directory, snapshot, as_json)


@snapshot_app.command("diff")
def snapshot_diff(
    first: SnapshotName, second: SnapshotName, directory: Directory = HERE, as_json: AsJson = False
) -> None:
    """Tell which rows, columns, cells and distributions differ between two snapshots."""
    from ml_platform.cli.snapshots import show_diff

    show_diff(directory, first, second, as_json)


@app.command()
def gc(
    directory: Directory = HERE,
    delete: Annotated[str | None, typer.Option(metavar="PLAN", help="Remove what this plan named.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell what could be removed from the store, and why the rest stays; with --delete PLAN, remove it."""
    from ml_platform.cli.removing import collect_garbage

    collect_garbage(directory, delete, as_json)


@app.command()
def explain(
    prediction_id: Annotated[
        str | None, typer.Argument(help="MODEL.YYYYMMDD.HASH, as `ml-platform predictions` lists it.")
    ] = None,
    directory: Directory = HERE,
    what_if: Annotated[
        list[str] | None, typer.Option(help="COLUMN=VALUE: score again with another input, on paper. Can be repeated.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page to this file.")] = None,
    rows: Annotated[int, typer.Option(help="List so many source rows behind each feature.", min=0)] = 5,
    ids: Annotated[Path | None, typer.Option(help="Explain the predictions whose ids stand in this file.")] = None,
    model: Annotated[str | None, typer.Option(help="Explain a sample of this model's predictions.")] = None,
    day: Annotated[str | None, typer.Option(help="With --model: only of this day (UTC), such as 2013-12-01.")] = None,
    sample: Annotated[int, typer.Option(help="With --model: how many, drawn at random.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """Explain a past prediction from its id, and score it again to the same bytes.

    Tells the inputs as they were, the source rows behind each feature, what each column contributed, what every action
    was expected to earn, which version answered and how it came into production. Exit code 1: the bytes differ.
    """
    be_short()
    from ml_platform.cli.explaining import Wanted, explain_predictions, first_is_folder

    if prediction_id is not None and first_is_folder(prediction_id, ids, model):
        directory, prediction_id = Path(prediction_id), None
    wanted = Wanted(prediction_id, ids, model, day, sample)
    raise typer.Exit(explain_predictions(directory, wanted, what_if or [], rows, html, as_json))


@app.command()
def champion(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    directory: Directory = HERE,
    at: Annotated[
        str | None, typer.Option(help="At this instant, such as 2013-12-01T08:00:00Z; now by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say which version of a model was in production at an instant, who deployed it, and why."""
    from ml_platform.cli.explaining import show_champion

    show_champion(directory, model, at, as_json)


@app.command()
def erase(
    entity: Annotated[str, typer.Argument(help="An entity of project.yaml, such as customer.")],
    words: Annotated[list[str], typer.Argument(metavar="KEY=VALUE... [DIRECTORY]", help="Its key, column by column.")],
    reason: Annotated[str, typer.Option(help="Why; it must not name the key, since the ledger keeps it.")],
    delete: Annotated[str | None, typer.Option(metavar="PLAN", help="Erase what this plan named, for good.")] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Let rows of this key be ingested again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what is stored about one entity, such as a person; with --delete PLAN, erase it for good."""
    from ml_platform.cli.removing import erase_person

    erase_person(entity, words, reason, delete, lift, as_json)


@app.command()
def catalog(
    directory: Directory = HERE,
    to: Annotated[
        Path | None, typer.Option(help="The folder to write; .ml_platform/catalog in the project by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a static site that tells of every source, feature and model."""
    from ml_platform.cli.catalogue import make_catalogue

    make_catalogue(directory, to, as_json)


def main() -> NoReturn:
    """Run the command line; a user's mistake is one clear message and exit code 1, never a traceback."""
    try:
        app()
    except PlatformError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.errno not in FULL:
            raise
        print(f"{error.filename or 'what is printed'}: {error.strerror}. Make room, and do it again.", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


def program() -> NoReturn:
    """Be the program `ml-platform`, whose process ends with its command."""
    try:
        main()
    except SystemExit as ended:
        leave(int(ended.code or 0))
