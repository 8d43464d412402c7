"""The commands that make and run a project. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ml_platform.cli.app import HERE, Actor, AsJson, Directory, Reason, Version, app

_PANEL = "Make and run a project"


@app.command(rich_help_panel=_PANEL)
def init(
    directory: Annotated[Path, typer.Argument(help="The folder to make; it must be new or empty.")],
    example: Annotated[str | None, typer.Option(help="Start from an example, such as flights.")] = None,
    rows: Annotated[
        Path | None, typer.Option("--from", help="Start from a file (CSV, Parquet, DuckDB, SQLite) or a table.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(help="With --from SCHEMA.TABLE: the variable with the address of a PostgreSQL database."),
    ] = None,
    table: Annotated[str | None, typer.Option(help="With --from FILE of DuckDB or SQLite: the table.")] = None,
    key: Annotated[str | None, typer.Option(help="With --from: the columns that identify a row, as a,b.")] = None,
    time: Annotated[str | None, typer.Option(help="With --from: the column with the time of a row.")] = None,
    predict: Annotated[str | None, typer.Option(help="With --from: the column to predict.")] = None,
    template: Annotated[
        str | None, typer.Option(help="Predict binary, regression or multiclass; without --from, of made rows.")
    ] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option(help="With --from: a column that is known only later; repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a new project: bare, from an example or a template, or from a file or table of rows.

    With --from, choices without an option are asked for at a terminal; elsewhere the guess is taken. All are shown.
    """
    from ml_platform.cli.new_project import make_project
    from ml_platform.operations.new_project.choices import Wanted

    columns = None if key is None else tuple(key.split(","))
    wanted = Wanted(columns, time, predict, template, (*(leave_out or ()),))
    make_project(directory, example, rows, wanted, database=database, table=table, as_json=as_json)


@app.command(rich_help_panel=_PANEL)
def validate(directory: Directory = HERE, as_json: AsJson = False) -> None:
    """Check every declaration and report all faults at once."""
    from ml_platform.cli.project import validate_project

    raise typer.Exit(validate_project(directory, as_json))


@app.command(rich_help_panel=_PANEL)
def doctor(directory: Directory = HERE, as_json: AsJson = False) -> None:
    """Check the machine and the project: Python, disk, database, clock, MLflow. Exit code 1: a check failed."""
    from ml_platform.cli.doctor import show_checks

    raise typer.Exit(show_checks(directory, as_json))


@app.command(rich_help_panel=_PANEL)
def error(
    code: Annotated[str | None, typer.Argument(help="Such as E-LEAK-001; all codes where none is named.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what causes an error and what cures it, by the code that is printed with it."""
    from ml_platform.cli.error import show_error

    show_error(code, as_json)


@app.command(rich_help_panel=_PANEL)
def schema(
    directory: Annotated[Path | None, typer.Argument(help="Write one schema file for each kind here.")] = None,
) -> None:
    """Print or write the JSON schema of every kind of declaration, for editors."""
    from ml_platform.cli.project import give_schemas

    give_schemas(directory)


@app.command(rich_help_panel=_PANEL)
def reference(
    folder: Annotated[Path, typer.Argument(help="The folder to write Markdown files into.")], as_json: AsJson = False
) -> None:
    """Write the reference of this installation: YAML files, commands, functions, also those of installed packages."""
    from ml_platform.cli.reference import make_reference

    make_reference(folder, as_json)


@app.command(rich_help_panel=_PANEL)
def graph(directory: Directory = HERE, as_json: AsJson = False) -> None:
    """Show the asset graph that the declarations make."""
    from ml_platform.cli.project import show_graph

    show_graph(directory, as_json)


@app.command(rich_help_panel=_PANEL)
def plan(
    directory: Directory = HERE,
    until: Annotated[
        str | None,
        typer.Option(help="Plan as if the simulated clock had moved to this instant. The clock is not moved."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="Compare the declarations with those of a git revision, such as main, and show which changes are "
            "breaking. By default they are compared with those of the last run.",
            metavar="REVISION",
        ),
    ] = None,
    data: Annotated[
        bool,
        typer.Option(
            "--data",
            help="Read the sources and show what each model would be trained on: rows, label, nulls, memory. Nothing "
            "is kept.",
        ),
    ] = False,
    evaluate: Annotated[
        bool,
        typer.Option(
            "--evaluate",
            help="Try the changed models as an experiment, and show what they would be worth beside the live versions.",
        ),
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")] = False,
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code",
            help="End with 2 where a run would or may do something. With --against: with 2 where something changed, "
            "with 3 where a change is breaking.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what `run` would compute, why, and how long it takes. Without --data and --evaluate nothing is computed."""
    from ml_platform.cli.plan import PlanForm, show_plan

    raise typer.Exit(show_plan(directory, until, PlanForm(against, data, evaluate, markdown, exit_code, as_json)))


@app.command(rich_help_panel=_PANEL)
def run(
    directory: Directory = HERE,
    job: Annotated[str, typer.Option(help="The Dagster job to run.")] = "update_everything",
    until: Annotated[
        str | None, typer.Option(help="Then move the simulated clock to this instant, and run again.")
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Only this model, or node such as features/NAME; +X adds what X needs, X+ what needs X."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Materialize everything that changed through Dagster, and show the outcome."""
    from ml_platform.cli.run import run_project

    raise typer.Exit(run_project(directory, job, until, select or (), as_json=as_json))


@app.command(rich_help_panel=_PANEL)
def up(
    directory: Directory = HERE,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of the MLflow UI.")] = 5000,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Anything but loopback needs a token.", metavar="ADDRESS")
    ] = "127.0.0.1",
    host_name: Annotated[
        list[str] | None, typer.Option(help="Name by which browsers reach this machine or its proxy; repeatable.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with the token, 16 characters or more; ML_PLATFORM_TOKEN where no file is named."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Serve the Dagster UI and the MLflow UI until Ctrl-C. Requests from other sites are refused."""
    from ml_platform.cli.serve_ui import Serving, serve_project

    serving = Serving.checked(port, mlflow_port, host, host_name or (), token_file)
    raise typer.Exit(serve_project(directory, serving, as_json=as_json))


@app.command(rich_help_panel=_PANEL)
def serve(
    directory: Directory = HERE,
    port: Annotated[int, typer.Option(help="Port of the service.")] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Anything but loopback needs a token.", metavar="ADDRESS")
    ] = "127.0.0.1",
    host_name: Annotated[
        list[str] | None, typer.Option(help="Name by which clients reach this machine or its proxy; repeatable.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that answer. Default: one for each core.")
    ] = None,
    max_rows: Annotated[int, typer.Option(min=1, help="Rows that one request may ask about.")] = 1000,
    max_requests: Annotated[
        int, typer.Option(min=1, help="Requests that one process has in progress; more get 503 with Retry-After.")
    ] = 256,
    as_json: AsJson = False,
) -> None:
    """Answer prediction requests over HTTP until Ctrl-C, for the models that declare deployment.online."""
    from ml_platform.cli.serve_predictions import ServiceAddress, serve_predictions
    from ml_platform.serving.limits import Limits

    address = ServiceAddress.checked(port, host, host_name or (), workers)
    raise typer.Exit(
        serve_predictions(directory, address, Limits(rows=max_rows, requests=max_requests), as_json=as_json)
    )


@app.command(rich_help_panel=_PANEL)
def advance(
    by: Annotated[str, typer.Argument(help="A span such as 1d or 6h.")],
    directory: Directory = HERE,
    then_run: Annotated[bool, typer.Option("--run", help="Then materialize everything that changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Move a project's simulated clock forward."""
    from ml_platform.cli.run import advance_project

    raise typer.Exit(advance_project(directory, by, then_run, as_json=as_json))


@app.command(rich_help_panel=_PANEL)
def predict(
    version: Annotated[str, typer.Argument(help="MODEL for its champion, or MODEL@3.")],
    file: Annotated[Path, typer.Argument(help="Rows to predict: a CSV or Parquet file.")],
    directory: Directory = HERE,
    to: Annotated[Path | None, typer.Option(help="The CSV or Parquet file to write; stdout by default.")] = None,
    to_table: Annotated[str | None, typer.Option(help="The PostgreSQL table to add rows to.")] = None,
    database: Annotated[str | None, typer.Option(help="The environment variable with its address.")] = None,
    as_json: AsJson = False,
) -> None:
    """Predict for the rows of a file, without logging anything.

    The file has columns of the population by their bare names, the entity's key among them. Features that it lacks are
    looked up as of its column `time`, or as of now. A column `table.column` is the value of a feature.
    """
    from ml_platform.cli.predict_file import Destination, predict_file

    predict_file(directory, version, file, Destination(to, to_table, database), as_json)


@app.command(rich_help_panel=_PANEL)
def approve(
    version: Version,
    reason: Reason,
    directory: Directory = HERE,
    actor: Actor = None,
    reject: Annotated[bool, typer.Option("--reject", help="Reject it instead: the champion stays.")] = False,
    as_json: AsJson = False,
) -> None:
    """Approve a version that waits for a person, and deploy it; with --reject, refuse it."""
    from ml_platform.cli.approve import approve_version

    raise typer.Exit(approve_version(directory, version, reason, actor, reject, as_json=as_json))


@app.command(rich_help_panel=_PANEL)
def site(
    directory: Directory = HERE,
    to: Annotated[
        Path | None, typer.Option(help="The folder to write; .ml_platform/site in the project by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a static site: a front page, and one page for each model, feature table and source."""
    from ml_platform.cli.site import make_site

    make_site(directory, to, as_json)


@app.command(rich_help_panel=_PANEL)
def card(
    model: Annotated[str, typer.Argument(help="The model's name, or a version such as late_arrival@3.")],
    directory: Directory = HERE,
    to: Annotated[
        Path | None, typer.Option(help="The HTML file to write; card-MODEL.html in the current folder by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write one model's page as a single HTML file: worth, health, versions, limits."""
    from ml_platform.cli.site import make_card

    make_card(directory, model, to, as_json)
