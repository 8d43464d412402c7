"""What a prediction would have been with other values: computed on paper, logged nowhere."""

from __future__ import annotations

import pytest

from ml_platform.audit.explain import Explanation, explain
from ml_platform.audit.explain.lookup import find_predictions
from ml_platform.core.errors import InvalidWhatIf
from ml_platform.project import Project
from ml_platform.storage.prediction_log import logged_days
from tests.audit.explain.shop_with_history import MODEL, Lived
from tests.worlds import NOW


def test_what_if_scores_on_paper_and_logs_nothing(shop: Project, before: Explanation) -> None:
    days = logged_days(shop, MODEL)
    explanation = explain(shop, before.prediction_id, NOW, edits={"mean_late_7d": "500", "orders.items": "8"})
    assert explanation.what_if is not None
    mean, items = explanation.what_if.changes
    assert (mean.name, mean.after) == ("courier_recent.mean_late_7d", 500.0)
    assert (items.name, items.after) == ("orders.items", 8)
    assert explanation.answer == before.answer
    logged = find_predictions(shop, [before.prediction_id])[0]
    from ml_platform.models.predictor import load_predictor

    predictor = load_predictor(shop, shop.store.get("trained_model", before.version.trained_model))
    rows = logged.rows.assign(**{"courier_recent.mean_late_7d": 500.0, "orders.items": 8})
    expected = predictor.predict(rows).iloc[0]
    assert dict(explanation.what_if.outputs) == {
        "score": expected["score"],
        "action": expected["action"],
        "expected_value": expected["expected_value"],
    }
    assert explanation.what_if.actions["upgrade"] == pytest.approx(-4 + 9 * expected["score"], abs=1e-12)
    assert explanation.what_if.contributions[0].adds_up
    assert logged_days(shop, MODEL) == days


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("orders.itmes", "3", "the predictor reads no such column. Did you mean orders.items?"),
        ("amuont", "3", "the predictor reads no such column. Did you mean orders.amount?"),
        (
            "courier_recent.mean_late_8d",
            "3",
            "the predictor reads no such column. Did you mean courier_recent.mean_late_7d?",
        ),
        ("orders.items", "3.5", "'3.5' is not of type int. Write a whole number such as 40, or null."),
        ("orders.amount", "a lot", "'a lot' is not of type float. Write a number such as 12.5, or null."),
        ("orders.amount", "nan", "'nan' is not of type float. Write a number such as 12.5, or null."),
    ],
)
def test_a_what_if_that_does_not_fit_is_refused(
    lived: Lived, before: Explanation, name: str, value: str, problem: str
) -> None:
    with pytest.raises(InvalidWhatIf) as caught:
        explain(lived.project, before.prediction_id, lived.now, edits={name: value})
    assert str(caught.value) == f"--what-if {name}: {problem}"
