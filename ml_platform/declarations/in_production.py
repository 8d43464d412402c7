"""What happens with a model in production: when it predicts, how it is watched, when it is trained again."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ml_platform.declarations.rollout import RolloutStage
from ml_platform.declarations.types import Cron, Declaration, Shorthand, Span


class Online(Declaration):
    """How a model answers requests at the moment they are made (`ml-platform serve`)."""

    log: Literal["written", "synced"] = Field(
        "written",
        description="What holds of the record of a prediction before its answer leaves. written: handed to the "
        "operating system, so that it outlives a killed process; synced: on the disk, so that it outlives a power cut.",
        examples=["synced"],
    )
    rollout: tuple[RolloutStage, ...] | None = Field(
        None,
        strict=False,
        min_length=1,
        description="The stages that a new version goes through before it answers every request. Without it, a version "
        "that may be deployed answers every request at once.",
        examples=[[{"shadow": "1d"}, {"canary": 0.1, "for": "2d"}]],
    )
    parity_rows: int = Field(
        5000,
        ge=1,
        le=1_000_000,
        description="How many logged requests of yesterday and today are recomputed and compared bit by bit, each day "
        "and before a version is deployed. They are drawn by the hash of the prediction id.",
        examples=[20000],
    )


def _online(value: Any) -> Any:
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


OnlineField = Annotated[Online | None, BeforeValidator(_online), Shorthand({"type": "boolean"})]


class Deployment(Declaration):
    """How predictions are made."""

    batch: Cron | None = Field(
        None,
        description="When batch scoring runs: five cron fields and a time zone. A population with every has its own.",
        examples=["0 * * * * UTC"],
    )
    late_rows: Literal["count", "score"] = Field(
        "count",
        description="Rows that become known only after their batch run. count: they get no prediction and are counted; "
        "score: they are scored at the first batch run that knows them, and marked late.",
        examples=["score"],
    )
    max_missed_share: float = Field(
        0.01,
        ge=0.0,
        le=1.0,
        description="The share of rows without a prediction, within monitoring.window, that raises an alert.",
        examples=[0.05],
    )
    online: OnlineField = Field(
        None,
        description="That the model answers requests: true, or how. validate then refuses features that are not "
        "available when a request arrives.",
        examples=[True, {"log": "synced"}],
    )
    approval: Literal["required"] | None = Field(
        None,
        description="required: a version is deployed only after a person approved it (ml-platform approve).",
        examples=["required"],
    )


NO_DEPLOYMENT = Deployment()


class Monitoring(Declaration):
    """Over which rows the champion's features and scores are compared with those of its snapshot."""

    window: Span = Field(
        description="How long the current window is: at least 1d. Whole weeks, such as 7d, leave out the weekly "
        "rhythm.",
        examples=["7d"],
    )
    min_rows: int = Field(
        200, ge=1, description="With fewer rows in the current window, monitoring reports no drift.", examples=[50]
    )


class Retraining(Declaration):
    """When a model is trained again."""

    schedule: Cron | None = Field(
        None, description="When to train: five cron fields and a time zone.", examples=["0 3 * * 1 UTC"]
    )
    on: tuple[Literal["drift"], ...] = Field(
        (), strict=False, description="Findings of monitoring that start a training.", examples=[["drift"]]
    )
    cooldown: Span | None = Field(
        None,
        description="How long after a training no finding starts the next one. While drift lasts, one more training "
        "follows after each. Without it a finding starts one training and no more.",
        examples=["3d"],
    )
