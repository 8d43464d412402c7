"""Ingest: readers, checks, and the log of every source."""
