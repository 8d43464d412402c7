"""Commands about experiments: try a changed project, list and remove experiments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Any

from rich.console import Console

from ml_platform.cli.json_output import print_json
from ml_platform.core.formatting import amount_text, bytes_text, counted, figure_text, instant_text
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.operations.experiments.listing import (
    Experiment,
    experiment_named,
    list_experiments,
    remove_experiment,
)
from ml_platform.operations.experiments.words import difference_text, gain_text
from ml_platform.project import open_project

_FIGURES = ("auc", "log_loss", "brier", "accuracy", "rmse", "mae", "pinball", "coverage")


def run_experiment(directory: Path, name: str, changed: Path | None, models: Sequence[str], *, as_json: bool) -> int:
    """Try a changed project, print the results, and return the exit code."""
    from ml_platform.operations.experiments import launch

    project, console = open_project(directory), SafeConsole(stderr=as_json)
    console.print(styled("[bold]{}[/]: trying {} ...", name, str(changed or directory)))
    wanted = launch.Wanted(name, changed, models)
    launch.run_experiment(project, wanted, datetime.now(UTC), lambda event: _show_step(event, console))
    experiment = experiment_named(project, name)
    if as_json:
        print_json(_document(experiment))
    else:
        _print(experiment, directory, console)
    return int(any(model.get("problem") for model in experiment.record["models"]))


def _show_step(event: Mapping[str, Any], console: Console) -> None:
    if event["event"] == "begin" and event.get("not_confined"):
        console.print(line(f"Not confined: {event['not_confined']}. {_NOT_CONFINED}", "yellow"))
    if event["event"] == "step":
        how = "read from production" if event["reused"] else f"computed in {event['seconds']:.1f} s"
        console.print(styled("  {}[dim]  {}[/]", str(event["node"]), how))


_NOT_CONFINED = "The code of the project runs with your rights, on a copy of the database and without secrets"


def _document(experiment: Experiment) -> dict[str, Any]:
    return {
        "name": experiment.name,
        "state": experiment.state,
        "folder": str(experiment.space.folder),
        **_without_declared(experiment.record),
    }


def _without_declared(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("declared", "format")}


def _print(experiment: Experiment, directory: Path, console: Console) -> None:
    for model in experiment.record["models"]:
        console.print(styled("\n[bold]{}[/]", str(model["model"])))
        for text, style in _lines(model):
            console.print(line(text, style, indent=2))
        if not model.get("problem"):
            console.print(_figures(experiment.name, model))
    first = next(iter(experiment.models()), None)
    if first is not None:
        name, where = experiment.name, _where(directory)
        console.print(styled("\nSide by side: [bold]ml-platform compare {}{}[/]", f"{name} {first}@champion", where))
        console.print(styled("Take it over: [bold]ml-platform promote {}{}[/]", name, where))


def _where(directory: Path) -> str:
    """Return the project's folder as a command takes it; nothing where it is the present one."""
    return "" if directory == Path() else f" {quote(str(directory))}"


def _lines(model: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the outcome of a model, in sentences with their style."""
    if model.get("problem"):
        yield str(model["problem"]), "red"
        return
    yield difference_text(model), "bold"
    yield gain_text(model), ""
    if not model["trained_now"]:
        yield "The trained model is one that production has: nothing was trained.", ""
    for note in (*model["notes"], *(model.get("paired") or {}).get("notes", ())):
        yield note, "yellow"


def _figures(name: str, model: Mapping[str, Any]) -> PlainTable:
    """Return the metrics of the experiment and of the live version on the rows of both, or on its own rows."""
    paired, live = model.get("paired"), model.get("live")
    if paired is None or live is None:
        table = PlainTable("", name, right=(1,), indent=2)
        for figure in (figure for figure in _FIGURES if figure in model["figures"]):
            table.add_row(figure, figure_text(model["figures"][figure]))
        return table
    table = PlainTable("", name, live["version"], right=(1, 2), indent=2)
    for figure in (figure for figure in _FIGURES if figure in paired["figures"]):
        table.add_row(figure, figure_text(paired["figures"][figure]), figure_text(live["figures"].get(figure)))
    gains = [amount_text(item["gain"]["amount"]) for item in (paired, live)]
    table.add_row(f"gain over doing nothing ({model['unit']})", *gains)
    return table


def show_in_mlflow(directory: Path, name: str, *, as_json: bool) -> None:
    """Write the runs of an experiment to an MLflow in its folder, and print how to open it."""
    from ml_platform.reporting.mlflow.experiment_runs import log_experiment

    project = open_project(directory)
    experiment = experiment_named(project, name)
    experiment.result(next(iter(experiment.models()), None))  # refuses one without a result
    uri = log_experiment(project, experiment)
    if as_json:
        print_json({"name": name, "mlflow": uri, "models": list(experiment.models())})
        return
    console = SafeConsole()
    console.print(line(f"The runs of {name} are in an MLflow of its own; production's MLflow has none of them."))
    console.print(styled("Open it: [bold]mlflow ui --backend-store-uri {}[/]", quote(uri)))


def show_experiments(directory: Path, remove: str | None, *, as_json: bool) -> None:
    """Print the experiments of a project, or remove one."""
    project = open_project(directory)
    if remove is not None:
        size = remove_experiment(project, remove)
        if as_json:
            print_json({"removed": remove, "bytes": size})
        else:
            print(f"Removed experiment {remove}: {bytes_text(size)}.")
        return
    experiments = list_experiments(project)
    if as_json:
        print_json({"experiments": [{"bytes": item.space.size(), **_document(item)} for item in experiments]})
        return
    if not experiments:
        text = "There is no experiment. Try one: ml-platform experiment NAME --from CHANGED_FOLDER."
        SafeConsole().print(line(text))
        return
    table = PlainTable("experiment", "made", "by", "size", "models", "outcome", right=(3,), whole=(0,))
    for item in experiments:
        made = instant_text(datetime.fromisoformat(item.record["at"])) if item.record else "–"
        results = item.models()
        outcome = difference_text(next(iter(results.values()))) if len(results) == 1 else item.state
        taken = bytes_text(item.space.size())
        table.add_row(item.name, made, str(item.record.get("by", "–")), taken, ", ".join(results) or "–", outcome)
    console = SafeConsole()
    console.print(table)
    console.print(f"{counted(len(experiments), 'experiment')}. Compare them: ml-platform compare{_where(directory)}")
