"""Explaining a logged prediction from its id: what it was made from, what it was worth, and its exact reproduction."""

from ml_platform.audit.explain.explainer import explain, explain_each
from ml_platform.audit.explain.explanation import Explanation

__all__ = [
    "Explanation",
    "champion_history",
    "explain",
    "explain_each",
    "explanation",
    "lookup",
    "render_html",
    "render_text",
    "wording",
]
