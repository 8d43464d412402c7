"""What an ingest read of a source and found about it."""

from __future__ import annotations

from dataclasses import dataclass

from ml_platform.sources.column_changes import PartColumns
from ml_platform.sources.ingested import RowCounts
from ml_platform.sources.new_rows import NewRows
from ml_platform.sources.read_rows import Reading
from ml_platform.sources.staging import Staging


@dataclass(frozen=True)
class IngestRead:
    """What an ingest read, while its engine is open."""

    staging: Staging
    reading: Reading
    new: NewRows
    columns: PartColumns

    @property
    def counts(self) -> RowCounts:
        """Where each row that was read is."""
        reading, duplicates = self.reading, self.new.duplicates
        return RowCounts(
            read=reading.read,
            new=self.new.count,
            waiting=reading.waiting - duplicates.waiting,
            quarantined=reading.quarantined + duplicates.quarantined,
            merged=duplicates.merged,
            suppressed=reading.suppressed,
        )
