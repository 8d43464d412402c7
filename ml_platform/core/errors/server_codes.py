"""The codes of errors of servers (the UI, the prediction service), experiments, pages, exports, erasures, Python."""

from __future__ import annotations

from collections.abc import Mapping

from ml_platform.core.errors.error_code import ErrorCode

SERVER_CODES: Mapping[str, ErrorCode] = {
    "InvalidMoment": ErrorCode(
        "E-PYTHON-001",
        "A function of the Python API was called with a moment that is not a datetime with a time zone.",
        "Give a datetime with a time zone, such as `datetime(2024, 5, 1, tzinfo=UTC)`.",
    ),
    "ServiceTokenNeeded": ErrorCode(
        "E-SERVER-006",
        "The prediction service would answer requests from other machines without a token.",
        "Set `ML_PLATFORM_PREDICT_TOKEN`, or leave out `--host`.",
    ),
    "NothingOnline": ErrorCode(
        "E-SERVER-007",
        "No model of the project answers requests.",
        "Add `deployment: {online: true}` to a model.",
    ),
    "AddressTaken": ErrorCode(
        "E-SERVER-008", "The prediction service cannot listen on its address.", "Name another port with `--port`."
    ),
    "WorkersDie": ErrorCode(
        "E-SERVER-009",
        "The processes of the prediction service ended several times within seconds of their start.",
        "The lines above the message show the reason. Correct it and start the service again.",
    ),
    "ExporterMissing": ErrorCode(
        "E-SERVER-010",
        "The environment variable `OTEL_TRACES_EXPORTER` names an exporter that is not installed.",
        "Install the package of the exporter, or set `OTEL_TRACES_EXPORTER=none`.",
    ),
    "ExperimentError": ErrorCode(
        "E-EXPERIMENT-001",
        "An experiment cannot be created, found or used.",
        "Follow the message. `ml-platform experiments` lists all experiments. The folder of each has a log file.",
    ),
    "WeakToken": ErrorCode(
        "E-SERVER-001",
        "The token is too short or has unusable characters, or its file cannot be read or can be read by other users.",
        "Use 24 random letters and digits. Let only your user read the file: `chmod 600 FILE`.",
    ),
    "TokenNeeded": ErrorCode(
        "E-SERVER-002",
        "A server that other machines can reach has no token.",
        "Name the token's file with `--token-file`.",
    ),
    "NameNeeded": ErrorCode(
        "E-SERVER-003",
        "A server listens on every address, and no host name is declared for it.",
        "Name the host with `--host-name`.",
    ),
    "PortTaken": ErrorCode(
        "E-SERVER-004",
        "Another process uses the port.",
        "Stop that process, or name another port with `--port` or `--mlflow-port`.",
    ),
    "ServerDied": ErrorCode(
        "E-SERVER-005",
        "A server process ended, or did not answer in time.",
        "Read the log file that the message names.",
    ),
    "OnlineRequestFault": ErrorCode(
        "E-ONLINE-001",
        "A request for a prediction has a column that the model does not take, or a value of another type.",
        "Correct the column that the message names.",
    ),
    "OnlineStoreUnavailable": ErrorCode(
        "E-ONLINE-002",
        "The online store cannot be read or written, or it lacks data that a model needs.",
        "Run `ml-platform run`, or start the server that `storage.online` names.",
    ),
    "NotOnline": ErrorCode(
        "E-ONLINE-003", "The model does not answer requests.", "Add `deployment: {online: true}` to the model."
    ),
    "ExportRefused": ErrorCode(
        "E-EXPORT-001",
        "The format cannot reproduce the model's predictions, or the file gives other scores. Nothing was written.",
        "Add the `--without` options that the message suggests. Or use `--format mlflow`: it exports the whole model.",
    ),
    "PageNotWritten": ErrorCode(
        "E-PAGE-001", "A page cannot be written.", "Name another file with `--html` or `--to`."
    ),
    "NotASite": ErrorCode(
        "E-PAGE-002",
        "The folder contains files that `ml-platform site` did not write, or it is a file.",
        "Name a new or empty folder with `--to`.",
    ),
    "SiteNotWritten": ErrorCode(
        "E-PAGE-003", "The folder of the site cannot be written.", "Name another folder with `--to`."
    ),
    "ReportNotSafe": ErrorCode(
        "E-PAGE-004",
        "A drift report was not written, because values of the data could run as a script in it.",
        "Install the version of Evidently that `requirements.lock` names.",
    ),
    "UnknownKey": ErrorCode(
        "E-ERASE-001",
        "The entity does not exist, or the named columns are not its key.",
        "Give the entity and a value for each key column, such as `customer customer_id=4711`.",
    ),
    "ReasonNamesKey": ErrorCode(
        "E-ERASE-002",
        "The reason of an erasure contains the key that is to be erased.",
        "Write a reason without the key.",
    ),
}
