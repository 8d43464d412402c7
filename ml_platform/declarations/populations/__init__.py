"""Who is asked about, and when: one file for each kind of population."""

__all__ = ["any_population", "events", "population", "rows", "ticks"]
