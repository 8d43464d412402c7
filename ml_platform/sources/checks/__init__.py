"""Expectations about rows, held against them, and their results."""
