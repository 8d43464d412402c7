"""The commands of experiments. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ml_platform.cli.app import HERE, AsJson, Directory, app

_PANEL = "Try a change"
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

    What production computed from equal declarations is reused. The rest is computed in a separate folder. No version
    is registered, and nothing is deployed.
    """
    from ml_platform.cli.experiment import run_experiment

    raise typer.Exit(run_experiment(directory, name, changed, model or [], as_json=as_json))


@app.command(rich_help_panel=_PANEL)
def experiments(
    directory: Directory = HERE,
    remove: Annotated[str | None, typer.Option(help="Remove this experiment with all that it made.")] = None,
    mlflow: Annotated[
        str | None,
        typer.Option(help="Write the runs of this experiment to an MLflow of its own, and print how to open it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List experiments with their size and outcome, remove one, or write its runs to an MLflow of its own."""
    from ml_platform.cli.experiment import show_experiments, show_in_mlflow

    if mlflow is not None:
        show_in_mlflow(directory, mlflow, as_json=as_json)
    else:
        show_experiments(directory, remove, as_json=as_json)


@app.command(rich_help_panel=_PANEL)
def backtest(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    directory: Directory = HERE,
    origins: Annotated[int | None, typer.Option(help="At how many past instants to train it. Default: 6.")] = None,
    every: Annotated[
        str | None, typer.Option(help="The time between two origins, in days. Default: 7d, or less.", metavar="SPAN")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="With how many seeds to train at each origin. Default: 2.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file.", metavar="FILE")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model at several past instants, and see how stable its gain is and how often retraining pays.

    Each training knows only what was known at its instant. The rows are those of the model's newest snapshot.
    Production is only read.
    """
    from ml_platform.cli.backtest import backtest as backtest_model

    named = {"origins": origins, "every": every, "seeds": seeds}
    asked = {name: value for name, value in named.items() if value is not None}
    backtest_model(directory, model, asked, html, as_json)


@app.command(rich_help_panel=_PANEL)
def ablation(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    directory: Directory = HERE,
    features: Annotated[
        bool | None, typer.Option("--features", help="Also train it without each feature alone.", show_default=False)
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file.", metavar="FILE")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model without each source and each feature table, and see what each is worth on the test rows.

    It also shows what a source costs, its newest rows and how often it broke. Production is only read.
    """
    from ml_platform.cli.ablation import ablation as ablate_model

    asked = {} if features is None else {"features": features}
    ablate_model(directory, model, asked, html, as_json)


@app.command(rich_help_panel=_PANEL)
def promote(
    name: ExperimentName,
    directory: Directory = HERE,
    write: Annotated[bool, typer.Option("--write", help="Write the files, and take the trained models over.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what an experiment changes in the project, as a diff; with --write, make the change.

    Where a run would train the same model by the same rows, libraries and machine, the trained model of the experiment
    is taken over, and the run trains nothing. Nothing is deployed: that is for the run, with its gates.
    """
    from ml_platform.cli.promote import promote as promote_experiment

    promote_experiment(directory, name, write, as_json)


@app.command(rich_help_panel=_PANEL)
def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Versions such as late_arrival@3, and experiments; then the project's folder, by default the current "
            "one.",
            show_default="all experiments",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Runs of this model, where experiments have several.")] = None,
    against: Annotated[
        str | None, typer.Option(help="The run that all others are compared with; the live version by default.")
    ] = None,
    rows: Annotated[int, typer.Option(help="Of two versions: how many rows with another action to list.", min=0)] = 10,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file.", metavar="FILE")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare any number of versions and experiments: declarations, metrics, and money on the rows of both.

    Two versions are compared in full, with the rows whose action differs. More runs, or experiments, are one table
    with a line for each.
    """
    from ml_platform.cli.arguments import names_and_directory
    from ml_platform.cli.compare import compare as compare_versions
    from ml_platform.cli.compare_many import compare_runs

    named, directory = names_and_directory(names or [])
    if len(named) == 2 and all("@" in name for name in named) and against is None:
        compare_versions(directory, named[0], named[1], rows, html, as_json)
    else:
        compare_runs(directory, named, model, against, html, as_json)
