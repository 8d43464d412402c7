"""The truth about rows, as it was known when their label horizon had passed: of one row, or over a window."""

__all__ = ["labels", "row_label", "states"]
