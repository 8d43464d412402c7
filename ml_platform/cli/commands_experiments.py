"""The commands of experiments. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ml_platform.cli.app import HERE, AsJson, Directory, app

_PANEL = "Experiments"
ExperimentName = Annotated[str, typer.Argument(help="The experiment's name: lower-case letters, digits, _ . and -.")]


@app.command(rich_help_panel=_PANEL)
def experiment(
    name: ExperimentName,
    directory: Directory = HERE,
    changed: Annotated[
        Path | None,
        typer.Option("--from", help="The folder of the changed project; the project's own folder by default."),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Only this model; repeatable. Default: those that the change concerns.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try a changed project on production's data, and compare it with the live versions. Production is only read.

    What production has computed by equal declarations is read, the rest is computed in a folder of its own. No version
    is registered, and nothing is deployed.
    """
    from ml_platform.cli.experiment import run_experiment

    raise typer.Exit(run_experiment(directory, name, changed, model or [], as_json=as_json))


@app.command(rich_help_panel=_PANEL)
def experiments(
    directory: Directory = HERE,
    remove: Annotated[str | None, typer.Option(help="Remove this experiment with all that it made.")] = None,
    as_json: AsJson = False,
) -> None:
    """List experiments with their size and outcome, or remove one."""
    from ml_platform.cli.experiment import show_experiments

    show_experiments(directory, remove, as_json=as_json)


@app.command(rich_help_panel=_PANEL)
def promote(
    name: ExperimentName,
    directory: Directory = HERE,
    write: Annotated[bool, typer.Option("--write", help="Write the files, and take the trained models over.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the change of the project that an experiment is, as a diff; with --write, make it.

    Where a run would train the same model by the same rows, libraries and machine, the trained model of the experiment
    is taken over, and the run trains nothing. Nothing is deployed: that is for the run, with its gates.
    """
    from ml_platform.cli.promote import promote as promote_experiment

    promote_experiment(directory, name, write, as_json)
