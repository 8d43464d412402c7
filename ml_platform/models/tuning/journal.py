"""The finished trials of a search, one line each: a killed process loses no more than the trial that was running."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ml_platform.core.hashing import canonical_json
from ml_platform.models.tuning.trial import Trial
from ml_platform.storage.atomic_write import sweep

KEPT_DAYS = 7
"""A journal that was not continued for so long is removed."""


class Journal:
    """The journal of one search, under a name that everything which decides the search takes part in."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder, KEPT_DAYS * 86_400)
        self.path = folder / f"{name}.jsonl"

    def trials(self) -> list[Trial]:
        """Return the trials that finished. A line that a killed process left half-written is cut off."""
        if not self.path.exists():
            return []
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            os.truncate(self.path, len(whole))
        return [Trial.from_json(json.loads(line)) for line in whole.splitlines()]

    def add(self, trial: Trial) -> None:
        """Write a finished trial; afterwards it survives a crash."""
        with self.path.open("ab") as file:
            file.write(canonical_json(trial.to_json()) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def remove(self) -> None:
        """Remove the journal of a search whose outcome is in the store."""
        self.path.unlink(missing_ok=True)
