"""The declaration of a refit: on which rows the model is fitted once more before it is deployed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

NO_REFIT = "none"
"""The value in a declaration where what was evaluated is deployed; kept as None, as where nothing is declared."""

RefitRows = Literal["none", "train+validate", "all"]


def _refit(value: RefitRows | None) -> RefitRows | None:
    return None if value == NO_REFIT else value


RefitField = Annotated[RefitRows | None, AfterValidator(_refit)]
