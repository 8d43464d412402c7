"""What keeps a project healthy: when it is audited, and how long unused artifacts are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from ml_platform.core.clock import Schedule
from ml_platform.declarations.types import Cron, Declaration, Delay, Span


class Audit(Declaration):
    """When the platform checks that its versions can be reproduced and that its store is undamaged."""

    reproduce: Cron | None = Field(
        default_factory=lambda: Schedule("0 4 * * 0 UTC"),
        description="When a past version is trained again and compared. null: never.",
        examples=["0 4 1 * * UTC"],
    )
    verify: Cron | None = Field(
        default_factory=lambda: Schedule("30 4 * * * UTC"),
        description="When the hashes of all stored objects and the ledger are verified. null: never.",
        examples=["0 5 * * 0 UTC"],
    )
    ledger_key: Annotated[str, Field(min_length=16)] | None = Field(
        None,
        repr=False,
        description="A secret of 16 characters or more that signs the ledger's anchors. Take it from the environment.",
        examples=["${PARCELS_LEDGER_KEY}"],
    )
    dirty_tree: Literal["mark", "refuse"] = Field(
        "mark",
        description="What training does where files that it uses are not committed to Git. mark: it records them; "
        "refuse: it stops.",
        examples=["refuse"],
    )


class Retention(Declaration):
    """How long unused artifacts are kept, per kind. A kind without a rule is kept forever."""

    snapshots: Span | None = Field(
        None, description="How long snapshots that no version was trained on are kept.", examples=["90d"]
    )
    trained_models: Span | None = Field(
        None, description="How long trained models that are not a version are kept.", examples=["90d"]
    )
    feature_tables: Span | None = Field(
        None, description="How long replaced states of feature tables are kept.", examples=["30d"]
    )
    sources: Span | None = Field(
        None,
        description="How long replaced states of sources are kept. Rows of the current state are always kept.",
        examples=["30d"],
    )
    monitoring: Span | None = Field(
        None, description="How long replaced monitoring reports are kept.", examples=["180d"]
    )
    quarantine: Span | None = Field(
        None,
        description="How long rows that failed a check, and replaced states of dirty rows, are kept.",
        examples=["30d"],
    )
    others: dict[str, Span] = Field(
        default_factory=dict,
        description="How long artifacts of kinds that installed packages add are kept, by the kind's own key.",
        examples=[{"prediction_files": "30d"}],
    )
    grace: Delay = Field(
        timedelta(days=1),
        description="How old an artifact must be before it can be removed, and how long a removed one can be restored. "
        "Choose more than the longest run takes.",
        examples=["2d"],
    )

    def rule(self, key: str) -> timedelta | None:
        """Return how long unused artifacts with this key are kept; None for ever."""
        rules: dict[str, timedelta | None] = {name: span for name, span in self if name not in ("others", "grace")}
        return (self.others | rules).get(key)
