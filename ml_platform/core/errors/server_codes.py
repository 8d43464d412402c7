"""The codes of errors of servers (the UI's, and the prediction service's) and of experiments."""

from __future__ import annotations

from collections.abc import Mapping

from ml_platform.core.errors.error_code import ErrorCode

SERVER_CODES: Mapping[str, ErrorCode] = {
    "ServiceTokenNeeded": ErrorCode(
        "E-SERVER-006",
        "The prediction service would answer other machines without asking who they are.",
        "Set `ML_PLATFORM_PREDICT_TOKEN`, or leave out `--host`.",
    ),
    "NothingOnline": ErrorCode(
        "E-SERVER-007",
        "No model declares that it answers requests.",
        "Add `deployment: {online: true}` to a model.",
    ),
    "AddressTaken": ErrorCode(
        "E-SERVER-008", "The prediction service cannot listen on its address.", "Give another port with `--port`."
    ),
    "WorkersDie": ErrorCode(
        "E-SERVER-009",
        "The processes of the prediction service end as soon as they start.",
        "Read the lines that they wrote before, and correct what they name.",
    ),
    "ExporterMissing": ErrorCode(
        "E-SERVER-010",
        "The environment asks for an OpenTelemetry exporter that is not installed.",
        "Install the exporter's package, or set `OTEL_TRACES_EXPORTER=none`.",
    ),
    "ExperimentError": ErrorCode(
        "E-EXPERIMENT-001",
        "An experiment cannot be made, found or used as asked.",
        "Follow the message. `ml-platform experiments` lists all; its log file is in its folder.",
    ),
    "WeakToken": ErrorCode(
        "E-SERVER-001", "The token can be guessed, or others can read its file.", "Use 24 random characters, mode 600."
    ),
    "TokenNeeded": ErrorCode(
        "E-SERVER-002", "A server that other machines reach has no token.", "Give `--token-file`."
    ),
    "NameNeeded": ErrorCode("E-SERVER-003", "A server on every address has no declared name.", "Give `--host-name`."),
    "PortTaken": ErrorCode(
        "E-SERVER-004", "Another process uses the port.", "Stop it, or give `--port` or `--mlflow-port`."
    ),
    "ServerDied": ErrorCode("E-SERVER-005", "A server process ended.", "Read the log file that the message names."),
    "OnlineRequestFault": ErrorCode(
        "E-ONLINE-001",
        "A request for a prediction has a column that the model does not take, or a value of another type.",
        "Correct the column that the message names.",
    ),
    "OnlineStoreUnavailable": ErrorCode(
        "E-ONLINE-002",
        "The online store cannot be read or written, or does not hold what a model needs.",
        "Run `ml-platform run`, or start the server that storage.online names.",
    ),
    "NotOnline": ErrorCode(
        "E-ONLINE-003", "The model does not answer requests.", "Declare `deployment: {online: true}` in the model."
    ),
}
