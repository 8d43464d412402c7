"""A stable code for every error, with its cause and its cure. The reference and ``ml-platform error`` print this list.

A code never changes its meaning and is never given to another error.
"""

from __future__ import annotations

from collections.abc import Mapping

from ml_platform.core.errors.error_code import ErrorCode
from ml_platform.core.errors.server_codes import SERVER_CODES

_VERIFY = "`ml-platform verify` lists all damage. Restore the files or the database from a copy."
_RUN = "Run `ml-platform run`, or materialize the asset in Dagster."
_NAMES = "Correct the name. The message suggests a similar name or lists the known names."

CODES: Mapping[str, ErrorCode] = {
    "PlatformError": ErrorCode(
        "E-PLATFORM-001",
        "The platform stopped. This code is for errors without a more specific code.",
        "Follow the message.",
    ),
    "DeclarationError": ErrorCode(
        "E-DECLARATION-001",
        "One or more YAML files have faults. The message shows file, line, column and a hint for each fault.",
        "Correct all faults, then run `ml-platform validate`. The reference lists all keys.",
    ),
    "DeclarationCycle": ErrorCode(
        "E-DECLARATION-002",
        "Declarations depend on each other in a cycle, so none of them can be computed first.",
        "Remove one of the references that the message names.",
    ),
    "ExpressionError": ErrorCode(
        "E-EXPRESSION-001",
        "An expression has an operator, function, column or type that is not valid.",
        "Correct the expression at the character that the message names. The reference lists operators and functions.",
    ),
    "ProjectCodeError": ErrorCode(
        "E-CODE-001",
        "A function or class of the project, written as module:name, cannot be found or imported.",
        "Correct the name, or import the module in Python to see the original error.",
    ),
    "VariantFault": ErrorCode(
        "E-CODE-002",
        "A reader, function, aggregate, algorithm, calibrator or format of an installed package cannot be used.",
        "Correct or remove that package.",
    ),
    "ClockError": ErrorCode(
        "E-CLOCK-001",
        "The clock cannot be moved: the project uses the wall clock, or the clock would move back.",
        "For past data, declare `clock: {simulated_from: ...}`. A simulated clock moves forward by a span such as 1d.",
    ),
    "SourceError": ErrorCode(
        "E-SOURCE-001",
        "Rows of a source cannot be ingested. Nothing was written, and the rows of earlier ingests stay.",
        "Correct the row or file that the message names, or declare `on_error: quarantine` to keep such rows in "
        "quarantine.",
    ),
    "MissingFile": ErrorCode(
        "E-SOURCE-002",
        "A file that a source reads does not exist.",
        "Correct the path in `reader`, or put the file there.",
    ),
    "SchemaChanged": ErrorCode(
        "E-SOURCE-003",
        "The columns or values of the input do not match the declared columns and types.",
        "Correct the input or `columns`, or declare `on_error: quarantine` to keep such rows in quarantine.",
    ),
    "DuplicateKey": ErrorCode(
        "E-SOURCE-004",
        "Two rows of one ingest have the same key and the same known-at timestamp.",
        "Add columns to `key`, remove one of the rows, or declare `duplicates` for the source.",
    ),
    "NaiveTimestamp": ErrorCode(
        "E-KNOWN-AT-001",
        "A timestamp has no time zone, and its column declares none.",
        "Write timestamps with an offset, or declare `zone` for the column.",
    ),
    "EmptySource": ErrorCode(
        "E-SOURCE-005",
        "A source has no rows, or none of its rows is known yet.",
        "Check `known_at` of the source, and the path, the query or the cursor of its reader.",
    ),
    "TooManyDeletions": ErrorCode(
        "E-DELETION-001",
        "A load of a source with `full` lacks a larger share of the stored rows than `max_deleted_share`. Often an "
        "incomplete export is the reason.",
        "Repair the load. If upstream really deleted the rows, raise `full: {max_deleted_share: ...}`. Ingest again.",
    ),
    "TooManyDirtyRows": ErrorCode(
        "E-SOURCE-006",
        "In one ingest, more rows are dirty than `quarantine.at_most` allows. Nothing was written.",
        "Correct the rows that the message names, or raise `quarantine.at_most` of the source.",
    ),
    "ColumnChanged": ErrorCode(
        "E-SOURCE-007",
        "In a file, a declared column is missing or cannot be converted to its type, or there is a new column.",
        "Correct the file or `columns`, or declare `missing_columns: null` or another value for `new_columns`.",
    ),
    "BrokenInput": ErrorCode(
        "E-CHECK-001",
        "An input failed a check of severity error. The assets that depend on this input are not computed.",
        "Repair the data and materialize the input again, or change the expectation.",
    ),
    "ChecksFailed": ErrorCode(
        "E-CHECK-002",
        "Rows failed an expectation of severity error. They are kept in quarantine.",
        "Look at the failing rows in Dagster, repair the data, and materialize again.",
    ),
    "RevisionError": ErrorCode(
        "E-REVISION-001",
        "The declarations of a git revision cannot be read.",
        "Name a revision that `git rev-parse` knows. It must contain the project with valid declarations.",
    ),
    "NotMaterialized": ErrorCode("E-GRAPH-001", "An input does not exist yet.", _RUN),
    "EngineUnavailable": ErrorCode(
        "E-ENGINE-001",
        "The declared engine cannot be started or reached.",
        "For Spark, run `pip install 'ml-platform[spark]'`, install Java 17 and check the address. Or declare "
        "`engine: duckdb`.",
    ),
    "ValueTooLarge": ErrorCode(
        "E-ENGINE-002",
        "A number does not fit into 64 bits.",
        "Use a larger unit, or leave such rows out with `where`.",
    ),
    "MemoryExhausted": ErrorCode(
        "E-ENGINE-003",
        "The engine needs more memory than it may use.",
        "Raise `memory`, lower `threads`, or free space for temporary files.",
    ),
    "FeatureError": ErrorCode(
        "E-FEATURE-001",
        "A feature table cannot be computed from its source.",
        "Correct the feature that the message names.",
    ),
    "FrameError": ErrorCode(
        "E-SNAPSHOT-001",
        "A model's rows and features cannot be joined.",
        "Correct the population, the joins or the features.",
    ),
    "SnapshotError": ErrorCode(
        "E-SNAPSHOT-002",
        "A snapshot cannot be built: a period has no row with a settled label, the train labels have one class, or "
        "rows of one question have different labels.",
        "Shorten `split`, wait for more data, or correct the label. The message counts the rows that were left out.",
    ),
    "UnknownSnapshot": ErrorCode("E-SNAPSHOT-003", "No snapshot has this name, or several do.", _NAMES),
    "LabelLeakage": ErrorCode(
        "E-LEAK-001",
        "A feature contains the label, or would not be known at prediction time. Training stops.",
        "Remove the feature, or correct `known_at` of its source. If the feature is legitimately available at "
        "prediction time, list it in `leakage.allow`.",
    ),
    "TrainingError": ErrorCode(
        "E-TRAINING-001",
        "The algorithm cannot be fitted on the snapshot.",
        "Correct the parameter or the feature that the message names.",
    ),
    "DirtyTree": ErrorCode(
        "E-TRAINING-002",
        "Files that training uses are not committed to git, and `audit.dirty_tree` is `refuse`.",
        "Commit the files, or declare `dirty_tree: mark`.",
    ),
    "NoSuchVersion": ErrorCode("E-VERSION-001", "The model has no version with this name.", _NAMES),
    "NotComparable": ErrorCode(
        "E-VERSION-002",
        "Versions or experiments cannot be compared: they belong to different models, or have no test rows or results.",
        "Name versions of one model. Run the project first, so that the model has a snapshot.",
    ),
    "NotReproducible": ErrorCode(
        "E-REPRODUCE-001",
        "A version cannot be retrained: its declaration or provenance is missing or not valid, or training fails.",
        "Follow the message, or train a new version.",
    ),
    "ReproductionDiffers": ErrorCode(
        "E-REPRODUCE-002",
        "Retraining a version gave another fitted state, or rebuilding its snapshot gave another id.",
        "The message names the differences, such as packages, machine or files. Undo them, then repeat the command.",
    ),
    "EvaluationError": ErrorCode(
        "E-EVALUATION-001",
        "A trained model cannot be evaluated on the test rows.",
        "Follow the message. Common cures: lengthen `split.test`, or correct `value`.",
    ),
    "StaleEvaluation": ErrorCode(
        "E-EVALUATION-002",
        "The champion, the anchor or the release rule has changed since the evaluation. The champion stays.",
        _RUN,
    ),
    "PredictionError": ErrorCode(
        "E-PREDICTION-001",
        "Rows do not fit the model: a column is missing or has another type, or a transform failed.",
        "Correct the source or the transform that the message names.",
    ),
    "NoSuchPrediction": ErrorCode(
        "E-PREDICTION-002", "No logged prediction has this id.", "Copy the id from `ml-platform predictions MODEL`."
    ),
    "InvalidWhatIf": ErrorCode(
        "E-PREDICTION-003",
        "A what-if value does not fit the inputs of the prediction.",
        "Write COLUMN=VALUE. The model must have this input column, and the value must have its type.",
    ),
    "ReleaseRefused": ErrorCode(
        "E-RELEASE-001",
        "A version did not meet a gate or its release rule. The champion stays.",
        "This is a result, not a fault. Improve the model, or change `gates` or `release`.",
    ),
    "ApprovalNeeded": ErrorCode(
        "E-RELEASE-002",
        "A version met all other conditions, but it is not approved yet, or a person rejected it.",
        "To approve the version, run `ml-platform approve MODEL@VERSION --reason ...`",
    ),
    "ApprovalNotAsked": ErrorCode(
        "E-RELEASE-003",
        "The model needs no approval.",
        "To require approval, declare `deployment: {approval: required}`.",
    ),
    "ApprovalWithoutReason": ErrorCode("E-RELEASE-004", "An approval has no actor or no reason.", "Give `--reason`."),
    "RefConflict": ErrorCode(
        "E-RELEASE-005",
        "Another process changed the same deployment, rollout, source or prediction log at the same time.",
        "Try again.",
    ),
    "NothingToRollBack": ErrorCode(
        "E-RELEASE-006",
        "There is no earlier champion, or the named version is not an earlier champion.",
        "With `--to`, name a version that was champion before.",
    ),
    "ParityNotProven": ErrorCode(
        "E-RELEASE-007",
        "Features that a version would serve online differ from the features of training, or they were not compared.",
        "`ml-platform parity MODEL` shows the rows and columns that differ, with both values. Correct the cause, then "
        "run the project again.",
    ),
    "StoreUnavailable": ErrorCode(
        "E-STORE-001",
        "The artifact store cannot be opened.",
        "Install the Python package of its file system, start its server, or correct `storage.artifacts`.",
    ),
    "DatabaseUnavailable": ErrorCode(
        "E-STORE-002",
        "A database cannot be reached or used, or its tables were made by another version of the platform.",
        "Start the database, or correct its URL. `ml-platform doctor` checks the database. If another version made the "
        "tables, follow the message.",
    ),
    "ArtifactMissing": ErrorCode(
        "E-STORE-003", "There is no artifact with this id: it was never finished, or it was removed.", _RUN
    ),
    "ArtifactDamaged": ErrorCode(
        "E-DAMAGE-001", "Stored bytes do not match their hash, so the platform does not use them.", _VERIFY
    ),
    "ManifestFault": ErrorCode(
        "E-DAMAGE-002", "The fields of a manifest do not match the fields of its kind of artifact.", _VERIFY
    ),
    "LedgerDamaged": ErrorCode("E-DAMAGE-003", "The ledger was changed after it was written.", _VERIFY),
    "RowDamaged": ErrorCode("E-DAMAGE-004", "A row of the database was changed after it was written.", _VERIFY),
    "StoreDamaged": ErrorCode("E-DAMAGE-005", "The verification found damaged data.", _VERIFY),
    "UntrustedContent": ErrorCode(
        "E-DAMAGE-006",
        "A stored model contains a type that is not in the list of trusted types, or that is not installed.",
        "Do not use the stored model. Install the package that the message names, or train the model again.",
    ),
    "UnreadableDependency": ErrorCode(
        "E-RETENTION-001",
        "An artifact cannot be read, so it is unknown which other artifacts it needs. Nothing is removed.",
        _VERIFY,
    ),
    "StalePlan": ErrorCode(
        "E-RETENTION-002",
        "The plan has changed since the dry run, or its name is wrong.",
        "Repeat the dry run, and use the name of the new plan with `--delete`.",
    ),
    "UsageError": ErrorCode(
        "E-COMMAND-001",
        "The command, its arguments or its options are not valid.",
        "Follow the message, or run the command with `--help`.",
    ),
    "UnknownModel": ErrorCode("E-COMMAND-002", "The project has no model of this name.", _NAMES),
    "UnknownSource": ErrorCode("E-COMMAND-004", "The project has no source of this name.", _NAMES),
    "UnusableFile": ErrorCode(
        "E-INIT-001", "A project cannot be made from this file.", "Change the file as the message describes."
    ),
    "FolderTaken": ErrorCode("E-INIT-002", "The folder of a new project is not empty.", "Name a new or empty folder."),
    "UnknownExample": ErrorCode("E-INIT-003", "No example has this name.", _NAMES),
    "NothingSelected": ErrorCode("E-COMMAND-005", "`--select` matches no node or model of the project.", _NAMES),
    "UnknownErrorCode": ErrorCode("E-COMMAND-003", "No error has this code.", "`ml-platform error` lists all codes."),
    **SERVER_CODES,
}


def code_of(error: type[Exception]) -> ErrorCode:
    """Return the code of an error's class, or else of the nearest class that it extends."""
    return next(CODES[kind.__name__] for kind in error.__mro__ if kind.__name__ in CODES)
