"""The commands that show the state of a project. Each imports what it needs when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from ml_platform.cli.app import HERE, AsJson, Directory, MaybeDirectory, OneModel, Opened, app

_PANEL = "Look at the state"


@app.command(rich_help_panel=_PANEL)
def status(
    model: Annotated[
        str | None, typer.Argument(help="Show this model in full.", show_default="a line for each model")
    ] = None,
    directory: MaybeDirectory = None,
    as_json: AsJson = False,
) -> None:
    """Show what each model earned, whether it is healthy, what needs a person, and the state of the data.

    A word that is a path, or a folder with a project, is DIRECTORY. Any other word is a model.
    """
    from ml_platform.cli.arguments import model_and_directory
    from ml_platform.cli.status import show_status

    name, folder = model_and_directory(model, directory)
    show_status(folder, name, as_json)


@app.command(rich_help_panel=_PANEL)
def drift(
    model: OneModel = None,
    directory: MaybeDirectory = None,
    everything: Annotated[bool, typer.Option("--all", help="List every column.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show which columns drifted: what moved, its usual range, where it is now, and the smallest visible change."""
    from ml_platform.cli.arguments import model_and_directory
    from ml_platform.cli.drift import show_drift

    name, folder = model_and_directory(model, directory)
    show_drift(folder, name, everything, as_json)


@app.command(rich_help_panel=_PANEL)
def alerts(
    directory: Directory = HERE,
    limit: Annotated[int, typer.Option(help="How many to list.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """List the alerts of the project, newest first, each with what to do."""
    from ml_platform.cli.alerts import show_alerts

    show_alerts(directory, limit, as_json)


@app.command(rich_help_panel=_PANEL)
def digest(
    directory: Directory = HERE,
    send: Annotated[bool, typer.Option("--send", help="Send it to the alert channels, once a day at most.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what each model is worth and what needs a person, in three lines a model, as Markdown."""
    from ml_platform.cli.digest import show_digest

    raise typer.Exit(show_digest(directory, send, as_json))


@app.command(rich_help_panel=_PANEL)
def preview(
    node: Annotated[str, typer.Argument(help="features/NAME, a feature table, or models/NAME, the label of a model.")],
    directory: Directory = HERE,
    entity: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE: the key of an entity, to show its history. Can be repeated."),
    ] = None,
    rows: Annotated[int, typer.Option(help="How many of the newest values or questions to show.", min=1)] = 5,
    as_json: AsJson = False,
) -> None:
    """Show a feature table with its values, nulls and spread, or the label of a model, without a run.

    Sources are read as they were ingested last. No run uses what is computed here, unless it would compute the same.
    """
    from ml_platform.cli.preview import show_preview

    show_preview(directory, node, entity or [], rows, as_json)


@app.command("open", rich_help_panel=_PANEL)
def open_command(
    model: OneModel = None,
    directory: MaybeDirectory = None,
    what: Annotated[
        Opened, typer.Option(help="The page of the model or project, or the Dagster or MLflow UI.")
    ] = "page",
    print_only: Annotated[bool, typer.Option("--print", help="Print the address, and open nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Open the page of a model, or of the project, in the browser, and print its address.

    While `up` runs, it is the page that `up` serves. Otherwise it is the file that `site` writes.
    """
    from ml_platform.cli.arguments import model_and_directory
    from ml_platform.cli.open_page import open_page

    name, folder = model_and_directory(model, directory)
    open_page(folder, name, what, print_only, as_json)


@app.command(rich_help_panel=_PANEL)
def quarantine(
    directory: Directory = HERE,
    source: Annotated[str | None, typer.Option(help="Only rows of this source.")] = None,
    limit: Annotated[int, typer.Option(help="How many to list for each source.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """List dirty rows: those that wait in quarantine, and those that were ingested without a value."""
    from ml_platform.cli.quarantine import show_quarantine

    show_quarantine(directory, source, limit, as_json)


@app.command(rich_help_panel=_PANEL)
def predictions(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    directory: Directory = HERE,
    day: Annotated[str | None, typer.Option(help="Only this day (UTC), such as 2013-12-01.")] = None,
    limit: Annotated[int, typer.Option(help="How many to list.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """List logged predictions, newest first."""
    from ml_platform.cli.predictions import list_predictions

    list_predictions(directory, model, day, limit, as_json)
