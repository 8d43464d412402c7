"""Parity: what was served online against what the point-in-time engine and the predictor for many rows give."""

__all__ = ["check", "difference", "measure"]
