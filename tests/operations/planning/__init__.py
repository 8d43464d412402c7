"""Tests of what a run would do."""
