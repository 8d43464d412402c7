"""Batch predictions: which rows are scored, when, and with which version."""
