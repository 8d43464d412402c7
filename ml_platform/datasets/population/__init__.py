"""Who is asked about at which batch run, as known then: one file for each kind of population."""

__all__ = ["asking", "events", "limits", "questions", "rows", "source_rows", "ticks"]
