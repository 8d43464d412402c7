"""What happens with a model in production: when it predicts, how it is watched, when it is trained again."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ml_platform.declarations.types import Cron, Declaration, Span


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
    online: bool = Field(
        False,
        description="true: validate refuses features that are not available when a request arrives. It starts no "
        "server.",
        examples=[True],
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
        None, description="How long after a training no finding starts the next one.", examples=["3d"]
    )
