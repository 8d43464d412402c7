"""When a model is scored and trained next, as declared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ml_platform.core.formatting import span_text
from ml_platform.declarations.model import ModelSpec


@dataclass(frozen=True)
class NextRuns:
    """The next instants of the declared schedules.

    Attributes
    ----------
    training
        None where no schedule is declared: then only drift, or a person, starts a training.
    on_drift
        Whether a finding of drift starts a training, and `cooldown` after the last one at the earliest.
    """

    batch: datetime
    training: datetime | None
    on_drift: bool
    cooldown: str

    @property
    def training_text(self) -> str:
        """When it is trained next, in words."""
        parts = [f"{self.training:%Y-%m-%d %H:%M} UTC"] if self.training else []
        if self.on_drift:
            after = f" {self.cooldown} or more after the last training" if self.cooldown else ""
            parts.append(f"{'or earlier, ' if parts else ''}when drift is found{after}")
        return ", ".join(parts) or "only when a person starts it"


def next_runs(spec: ModelSpec, now: datetime) -> NextRuns:
    """Return when a model is scored and trained next after an instant."""
    retraining = spec.retraining
    return NextRuns(
        batch=next(spec.batch.after(now)),
        training=next(retraining.schedule.after(now)) if retraining.schedule else None,
        on_drift="drift" in retraining.on,
        cooldown=span_text(retraining.cooldown) if retraining.cooldown else "",
    )
