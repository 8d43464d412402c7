"""An explanation as one self-contained page: nothing is loaded from elsewhere, and every text is escaped."""

from __future__ import annotations

from functools import partial
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup

from ml_platform.audit.explain import wording
from ml_platform.audit.explain.explanation import Explanation
from ml_platform.audit.explain.render_svg import meter, waterfall
from ml_platform.core.formatting import cents_text, instant_text
from ml_platform.core.page_file import write_page_file
from ml_platform.core.web.policies import EXPLANATION_POLICY, with_policy

_PACKAGE = "ml_platform.audit.explain"
_STYLES = (("ml_platform.reporting.site", "style.css"), (_PACKAGE, "explanation.css"))


def write_page(explanation: Explanation, file: Path) -> Path:
    """Write the page about a prediction, in place of an older file of this name, and return its path.

    Raises
    ------
    PageNotWritten
        Where the file cannot be written.
    """
    return write_page_file(page_of(explanation), file)


def page_of(explanation: Explanation) -> str:
    """Return the page about a prediction."""
    loader = jinja2.PackageLoader(_PACKAGE)
    templates = jinja2.Environment(
        autoescape=True, loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    currency = explanation.answer.currency
    templates.filters |= {
        "amount": wording.amount,
        "instant": instant_text,
        "money": partial(cents_text, currency=currency),
        "shown": wording.shown,
    }
    templates.globals |= {"waterfall": waterfall, "meter": meter, "words": wording}
    contributions = explanation.main_contributions
    of_terms = contributions is not None and contributions.method not in ("rule", "constant")
    contributed = (
        {term.column: term.amount for term in contributions.terms} if contributions is not None and of_terms else {}
    )
    inputs = sorted(explanation.inputs, key=lambda item: -abs(contributed.get(item.name, 0.0)))
    page = templates.get_template("explanation.html").render(
        explanation=explanation,
        inputs=inputs,
        contributed=contributed,
        units={item.name: item.unit for item in inputs},
        recomputed_text=wording.recomputed_inputs(inputs),
        style=Markup("\n").join(_style(package, name) for package, name in _STYLES),
    )
    return with_policy(page, EXPLANATION_POLICY)


def _style(package: str, name: str) -> Markup:
    """Return a file of the package unchanged: it holds no text of a project."""
    return Markup((files(package) / "templates" / name).read_text(encoding="utf-8"))
