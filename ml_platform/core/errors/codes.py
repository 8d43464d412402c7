"""A stable code for every error, with its cause and its cure. The reference and ``ml-platform error`` print this list.

A code never changes its meaning and is never given to another error.
"""

from __future__ import annotations

from collections.abc import Mapping

from ml_platform.core.errors.error_code import ErrorCode
from ml_platform.core.errors.server_codes import SERVER_CODES

_VERIFY = "`ml-platform verify` lists all damage. Restore the files or the database from a copy."
_RUN = "Run `ml-platform run`, or materialize it in Dagster."
_NAMES = "Copy the name from the command that lists them; the message suggests a close one."

CODES: Mapping[str, ErrorCode] = {
    "PlatformError": ErrorCode("E-PLATFORM-001", "The platform stopped.", "Follow the message."),
    "DeclarationError": ErrorCode(
        "E-DECLARATION-001",
        "One or more YAML files have faults. Each fault has file, line, column and a hint.",
        "Correct all of them, then run `ml-platform validate`. The reference lists every key.",
    ),
    "DeclarationCycle": ErrorCode(
        "E-DECLARATION-002",
        "Declarations need each other in a circle, so none can be made first.",
        "Remove one of the references that the message names.",
    ),
    "ExpressionError": ErrorCode(
        "E-EXPRESSION-001",
        "An expression has a wrong operator, function, column or type.",
        "Correct it at the character that the message names. The reference lists operators and functions.",
    ),
    "ProjectCodeError": ErrorCode(
        "E-CODE-001",
        "A function or class of the project, written as module:name, cannot be found or imported.",
        "Correct the name, or run the module with Python to see its own error.",
    ),
    "VariantFault": ErrorCode(
        "E-CODE-002",
        "An installed package adds a reader, function, aggregate, algorithm, calibrator or format that cannot be used.",
        "Correct or remove that package.",
    ),
    "ClockError": ErrorCode(
        "E-CLOCK-001",
        "The clock cannot do what was asked: a wall clock cannot be moved, and no clock moves back.",
        "Declare `clock: {simulated_from: ...}` for past data, or name a later instant.",
    ),
    "SourceError": ErrorCode(
        "E-SOURCE-001",
        "Rows of a source cannot be ingested. Nothing was written, and earlier rows stay.",
        "Correct the row or file that the message names, or let such rows wait in quarantine: `on_error: quarantine`.",
    ),
    "MissingFile": ErrorCode(
        "E-SOURCE-002",
        "A file that a source reads does not exist.",
        "Correct the path in `reader`, or put the file there.",
    ),
    "SchemaChanged": ErrorCode(
        "E-SOURCE-003",
        "Columns or cells of the input do not fit the declared columns and types.",
        "Correct the input or the `columns`, or let such rows wait in quarantine: `on_error: quarantine`.",
    ),
    "DuplicateKey": ErrorCode(
        "E-SOURCE-004",
        "Two rows of one read have the same key and the same known-at timestamp.",
        "Add columns to `key`, remove one of the rows, or declare `duplicates` for the source.",
    ),
    "NaiveTimestamp": ErrorCode(
        "E-KNOWN-AT-001",
        "A timestamp has no time zone, and its column declares none.",
        "Write timestamps with an offset, or declare `zone` for the column.",
    ),
    "EmptySource": ErrorCode(
        "E-SOURCE-005", "A source has no row.", "Check the path, the query or the cursor of its reader."
    ),
    "TooManyDeletions": ErrorCode(
        "E-DELETION-001",
        "A load of a source with `full` lacks more rows than `max_deleted_share`, as where an export was cut short.",
        "Repair the load. If the rows are really gone, raise `full: {max_deleted_share: ...}`, and ingest again.",
    ),
    "TooManyDirtyRows": ErrorCode(
        "E-SOURCE-006",
        "More rows of one ingest do not fit the declaration than `quarantine.at_most` accepts. Nothing was written.",
        "Correct the rows that the message names, or raise `quarantine.at_most` of the source.",
    ),
    "ColumnChanged": ErrorCode(
        "E-SOURCE-007",
        "A file lacks a declared column, has it in a type that cannot become the declared one, or has a new column.",
        "Correct the file or the `columns`, or declare `missing_columns: null` or another `new_columns`.",
    ),
    "BrokenInput": ErrorCode(
        "E-CHECK-001",
        "An input failed a check of severity error, so nothing that depends on it runs.",
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
        "Name a revision that `git rev-parse` knows, in which the project is whole.",
    ),
    "NotMaterialized": ErrorCode("E-GRAPH-001", "An input was never made.", _RUN),
    "EngineUnavailable": ErrorCode(
        "E-ENGINE-001",
        "The declared engine cannot be started or reached.",
        "For Spark: `pip install 'ml-platform[spark]'`, Java 17, and the right address. Or declare `engine: duckdb`.",
    ),
    "ValueTooLarge": ErrorCode(
        "E-ENGINE-002",
        "A number does not fit into 64 bits.",
        "Compute in a larger unit, or leave such rows out with `where`.",
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
        "There are too few rows with settled labels for the split.",
        "Shorten `split`, or wait for more data. The message counts what was left out, by reason.",
    ),
    "UnknownSnapshot": ErrorCode("E-SNAPSHOT-003", "No snapshot, or more than one, has this name.", _NAMES),
    "LabelLeakage": ErrorCode(
        "E-LEAK-001",
        "A feature contains the label, or would not be known at prediction time. Training stops.",
        "Remove the feature, or correct `known_at` of its source. If it is legitimate, list it in `leakage.allow`.",
    ),
    "TrainingError": ErrorCode(
        "E-TRAINING-001",
        "The algorithm cannot be fitted on the snapshot.",
        "Correct the parameter or the feature in the message.",
    ),
    "DirtyTree": ErrorCode(
        "E-TRAINING-002",
        "Files that take part in training are not committed, and `audit.dirty_tree` is refuse.",
        "Commit them, or declare `dirty_tree: mark`.",
    ),
    "NoSuchVersion": ErrorCode("E-VERSION-001", "A model has no version of this name.", _NAMES),
    "NotComparable": ErrorCode(
        "E-VERSION-002",
        "Two versions have no rows on which they can be compared.",
        "Name two versions of one model, and run the project so that it has a snapshot.",
    ),
    "NotReproducible": ErrorCode(
        "E-REPRODUCE-001",
        "What a version was trained from was removed, erased or made by another code version.",
        "Restore it from a copy, or train a new version.",
    ),
    "ReproductionDiffers": ErrorCode(
        "E-REPRODUCE-002",
        "A version that was trained again has another fitted state.",
        "Compare the packages and the machine that the message names with those of the version.",
    ),
    "EvaluationError": ErrorCode(
        "E-EVALUATION-001",
        "A trained model cannot be evaluated on the test rows.",
        "Lengthen `split.test`, or correct `value`.",
    ),
    "StaleEvaluation": ErrorCode(
        "E-EVALUATION-002", "An evaluation is older than what is to be deployed. The champion stays.", _RUN
    ),
    "ExportRefused": ErrorCode(
        "E-EXPORT-001",
        "A format cannot hold the answers of a model, or its file gives other scores. Nothing was written.",
        "Leave out what the message offers with --without, or take --format mlflow, which carries the whole predictor.",
    ),
    "PredictionError": ErrorCode(
        "E-PREDICTION-001",
        "Rows do not fit the model: columns are missing or of another type.",
        "Correct the source or the transform that the message names.",
    ),
    "NoSuchPrediction": ErrorCode(
        "E-PREDICTION-002", "No logged prediction has this id.", "Copy the id from `ml-platform predictions MODEL`."
    ),
    "InvalidWhatIf": ErrorCode(
        "E-PREDICTION-003",
        "A what-if value does not fit the inputs of the prediction.",
        "Write COLUMN=VALUE with a right type.",
    ),
    "ReleaseRefused": ErrorCode(
        "E-RELEASE-001",
        "A version missed a gate or its release rule. The champion stays.",
        "This is a result, not a fault. Improve the model, or change `gates` or `release`.",
    ),
    "ApprovalNeeded": ErrorCode(
        "E-RELEASE-002",
        "A version met all conditions and waits for a person, or was rejected.",
        "`ml-platform approve MODEL@VERSION --reason ...`",
    ),
    "ApprovalNotAsked": ErrorCode(
        "E-RELEASE-003", "The model needs no approval.", "Declare `deployment: {approval: required}` to need one."
    ),
    "ApprovalWithoutReason": ErrorCode("E-RELEASE-004", "An approval has no actor or no reason.", "Give `--reason`."),
    "RefConflict": ErrorCode("E-RELEASE-005", "Another process deployed a version at the same time.", "Try again."),
    "NothingToRollBack": ErrorCode(
        "E-RELEASE-006",
        "No earlier champion can take over.",
        "Name a version that was champion before with `--to`.",
    ),
    "ParityNotProven": ErrorCode(
        "E-RELEASE-007",
        "The features that a version would serve online differ from those of training, or were not compared.",
        "`ml-platform parity MODEL` names rows, columns and both values. Correct the cause and run again.",
    ),
    "PageNotWritten": ErrorCode(
        "E-PAGE-001", "A page cannot be written.", "Name another file with `--html` or `--to`."
    ),
    "NotASite": ErrorCode(
        "E-PAGE-002",
        "The folder holds files that `ml-platform site` did not write.",
        "Name a new or empty folder with `--to`.",
    ),
    "SiteNotWritten": ErrorCode(
        "E-PAGE-003", "The folder of the site cannot be written.", "Name another folder with `--to`."
    ),
    "ReportNotSafe": ErrorCode(
        "E-PAGE-004",
        "A report contains a script that cannot be removed, and is not written.",
        "Report this with the file.",
    ),
    "StoreUnavailable": ErrorCode(
        "E-STORE-001",
        "The artifact store cannot be opened.",
        "Install the package of its file system, start its server, or correct `storage.artifacts`.",
    ),
    "DatabaseUnavailable": ErrorCode(
        "E-STORE-002",
        "A database cannot be reached or used, or another version of the platform made its tables.",
        "Start it, or correct its URL. `ml-platform doctor` checks it. The message names what to do where another "
        "version made it.",
    ),
    "ArtifactMissing": ErrorCode(
        "E-STORE-003", "No artifact has this id: it was never finished, or was removed.", _RUN
    ),
    "ArtifactDamaged": ErrorCode("E-DAMAGE-001", "Stored bytes do not match their hash. They are not used.", _VERIFY),
    "ManifestFault": ErrorCode("E-DAMAGE-002", "A manifest has other fields than its kind has.", _VERIFY),
    "LedgerDamaged": ErrorCode("E-DAMAGE-003", "The ledger was changed after it was written.", _VERIFY),
    "RowDamaged": ErrorCode("E-DAMAGE-004", "A row of the database was changed after it was written.", _VERIFY),
    "StoreDamaged": ErrorCode("E-DAMAGE-005", "Verifying found damage.", _VERIFY),
    "UntrustedContent": ErrorCode(
        "E-DAMAGE-006",
        "A stored model holds a type outside the list of trusted types.",
        "Do not use it. Train the model again.",
    ),
    "UnknownKey": ErrorCode(
        "E-ERASE-001", "The value is not the key of an entity.", "Give each key column, as customer_id=4711."
    ),
    "ReasonNamesKey": ErrorCode(
        "E-ERASE-002",
        "The reason of an erasure contains the key that is to be erased.",
        "Write a reason without the key.",
    ),
    "UnreadableDependency": ErrorCode(
        "E-RETENTION-001", "An artifact cannot be read, so it is unknown what it needs. Nothing is removed.", _VERIFY
    ),
    "StalePlan": ErrorCode(
        "E-RETENTION-002",
        "The plan changed since it was shown.",
        "Run the dry run again, and delete with the new plan's name.",
    ),
    "UsageError": ErrorCode("E-COMMAND-001", "The command line cannot be read.", "Run the command with `--help`."),
    "UnknownModel": ErrorCode("E-COMMAND-002", "The project has no model of this name.", _NAMES),
    "UnknownSource": ErrorCode("E-COMMAND-004", "The project has no source of this name.", _NAMES),
    "UnusableFile": ErrorCode(
        "E-INIT-001", "A project cannot be made from this file.", "Change the file as the message describes."
    ),
    "FolderTaken": ErrorCode("E-INIT-002", "The folder of a new project is not empty.", "Name a new or empty folder."),
    "UnknownExample": ErrorCode("E-INIT-003", "No example has this name.", _NAMES),
    "NothingSelected": ErrorCode("E-COMMAND-005", "`--select` names no node or model of the project.", _NAMES),
    "UnknownErrorCode": ErrorCode("E-COMMAND-003", "No error has this code.", "`ml-platform error` lists all codes."),
    **SERVER_CODES,
}


def code_of(error: type[Exception]) -> ErrorCode:
    """Return the code of an error's class, or else of the nearest class that it extends."""
    return next(CODES[kind.__name__] for kind in error.__mro__ if kind.__name__ in CODES)
