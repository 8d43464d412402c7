"""The commands that answer for the past, and those that remove it. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ml_platform.cli.app import HERE, Actor, AsJson, Directory, MaybeDirectory, OneModel, Reason, app

_PANEL = "Explain, undo and audit"


@app.command(rich_help_panel=_PANEL)
def explain(
    prediction_id: Annotated[
        str | None, typer.Argument(help="MODEL.YYYYMMDD.HASH, as `ml-platform predictions` lists it.")
    ] = None,
    directory: Directory = HERE,
    what_if: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=VALUE: score again with another input; nothing is stored. Can be repeated."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page to this file.")] = None,
    rows: Annotated[int, typer.Option(help="How many source rows to list for each feature.", min=0)] = 5,
    ids: Annotated[Path | None, typer.Option(help="Explain the predictions whose ids are in this file.")] = None,
    model: Annotated[str | None, typer.Option(help="Explain a sample of this model's predictions.")] = None,
    day: Annotated[str | None, typer.Option(help="With --model: only of this day (UTC), such as 2013-12-01.")] = None,
    sample: Annotated[int, typer.Option(help="With --model: how many, drawn at random.", min=1)] = 20,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every part in full: all columns, source rows of all features, packages.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Explain a past prediction from its id, and check that rescoring returns the same bytes.

    Shows the inputs at that time, the source rows of each feature, what each column contributed, what every action was
    expected to earn, which version answered, and how that version was released. Exit code 1: the score differs.
    """
    from ml_platform.cli.explain import PredictionSelection, Shown, explain_predictions, first_is_folder

    if prediction_id is not None and first_is_folder(prediction_id, ids, model):
        directory, prediction_id = Path(prediction_id), None
    selected = PredictionSelection(prediction_id, ids, model, day, sample)
    raise typer.Exit(explain_predictions(directory, selected, what_if or [], Shown(rows, everything), html, as_json))


@app.command(rich_help_panel=_PANEL)
def champion(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    directory: Directory = HERE,
    at: Annotated[
        str | None, typer.Option(help="At this instant, such as 2013-12-01T08:00:00Z; now by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which version of a model was champion at an instant, who deployed it, and why."""
    from ml_platform.cli.explain import show_champion

    show_champion(directory, model, at, as_json)


@app.command(rich_help_panel=_PANEL)
def rollback(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    reason: Reason,
    directory: Directory = HERE,
    to: Annotated[
        str | None,
        typer.Option(help="A version that was champion before, such as late_arrival@3; the last by default."),
    ] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Make the champion before the present one champion again. A service answers with it within a second."""
    from ml_platform.cli.rollback import roll_back_model

    raise typer.Exit(roll_back_model(directory, model, to, reason, actor, as_json=as_json))


@app.command(rich_help_panel=_PANEL)
def parity(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    directory: Directory = HERE,
    day: Annotated[
        str | None, typer.Option(help="Requests of this day (UTC), such as 2013-12-01; yesterday and today by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute online requests as training reads them, and compare bit by bit. Exit code 1: a row differs.

    Rows of the online store are compared too, with the champion or, before the first, with the newest trained model.
    """
    from ml_platform.cli.parity import show_parity

    raise typer.Exit(show_parity(directory, model, day, as_json))


@app.command(rich_help_panel=_PANEL)
def reproduce(
    version: Annotated[str, typer.Argument(help="Such as late_arrival@3, @champion or @latest.")],
    directory: Directory = HERE,
    today: Annotated[
        bool, typer.Option("--today", help="Use today's declarations and code instead of the stored ones.")
    ] = False,
    from_sources: Annotated[
        bool, typer.Option("--from-sources", help="Build the snapshot again too, from the ingested rows.")
    ] = False,
    tolerance: Annotated[float, typer.Option(help="How much a score may differ if the fitted state differs.")] = 1e-6,
    as_json: AsJson = False,
) -> None:
    """Retrain a version, and show whether the result is the same; if not, what differs."""
    from ml_platform.cli.reproduce import reproduce_version

    raise typer.Exit(reproduce_version(directory, version, today, from_sources, tolerance, as_json))


@app.command(rich_help_panel=_PANEL)
def export(
    version: Annotated[str, typer.Argument(help="Such as late_arrival@3, @champion or @latest.")],
    directory: Directory = HERE,
    format: Annotated[str, typer.Option(help="lightgbm, onnx or mlflow.")] = "mlflow",
    output: Annotated[
        Path | None, typer.Option(help="The folder to write; it must not exist. Default: MODEL-NUMBER-FORMAT.")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Leave out what the format lacks: actions, nulls. Can be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Export a version for another tool, and compare its answers over 10,000 rows.

    Refused where the format cannot hold the model's answers, or the file gives other scores.
    """
    from ml_platform.cli.export import export_version

    export_version(directory, version, format, output, without or [], as_json)


@app.command(rich_help_panel=_PANEL)
def snapshots(
    model: OneModel = None,
    directory: MaybeDirectory = None,
    as_json: AsJson = False,
) -> None:
    """List snapshots: as of when, how many rows, how much of each is new, and what was trained on it."""
    from ml_platform.cli.arguments import model_and_directory
    from ml_platform.cli.snapshots import show_list

    show_list(*model_and_directory(model, directory), as_json)


snapshot_app = typer.Typer(help="Show one snapshot, or what differs between two.", no_args_is_help=True)
app.add_typer(snapshot_app, name="snapshot", rich_help_panel=_PANEL)


SnapshotName = Annotated[str, typer.Argument(help="The beginning of an id, MODEL@latest, or MODEL@3 (by version).")]


@snapshot_app.command("show")
def snapshot_show(snapshot: SnapshotName, directory: Directory = HERE, as_json: AsJson = False) -> None:
    """Show a snapshot, with every input that it was made from."""
    from ml_platform.cli.snapshots import show_snapshot

    show_snapshot(directory, snapshot, as_json)


@snapshot_app.command("diff")
def snapshot_diff(
    first: SnapshotName, second: SnapshotName, directory: Directory = HERE, as_json: AsJson = False
) -> None:
    """Show which rows, columns, cells and distributions differ between two snapshots."""
    from ml_platform.cli.snapshots import show_diff

    show_diff(directory, first, second, as_json)


@app.command(rich_help_panel=_PANEL)
def verify(directory: Directory = HERE, as_json: AsJson = False) -> None:
    """Verify the hashes of all stored objects and the audit ledger. Exit code 1: damage was found."""
    from ml_platform.cli.verify import show_verification

    raise typer.Exit(show_verification(directory, as_json))


@app.command(rich_help_panel=_PANEL)
def gc(
    directory: Directory = HERE,
    delete: Annotated[str | None, typer.Option(metavar="PLAN", help="Remove what this plan lists.")] = None,
    as_json: AsJson = False,
) -> None:
    """List which stored artifacts can be removed, and why the others are kept; with --delete PLAN, remove them."""
    from ml_platform.cli.retention import collect_garbage

    collect_garbage(directory, delete, as_json)


@app.command(rich_help_panel=_PANEL)
def erase(
    entity: Annotated[str, typer.Argument(help="An entity of project.yaml, such as customer.")],
    words: Annotated[list[str], typer.Argument(metavar="KEY=VALUE... [DIRECTORY]", help="Its key, column by column.")],
    reason: Annotated[str, typer.Option(help="Why; it must not name the key, since the ledger keeps it.")],
    delete: Annotated[str | None, typer.Option(metavar="PLAN", help="Erase what this plan lists, permanently.")] = None,
    lift: Annotated[bool, typer.Option("--lift", help="Let rows of this key be ingested again.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what is stored about one entity, such as a person; with --delete PLAN, erase it permanently."""
    from ml_platform.cli.retention import erase_person

    erase_person(entity, words, reason, delete, lift, as_json)
