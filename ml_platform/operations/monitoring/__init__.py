"""Checks, drift, realised value, findings, alerts."""
