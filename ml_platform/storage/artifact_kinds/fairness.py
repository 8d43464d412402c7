"""How differently the groups of a protected column are acted on, as an evaluation keeps it."""

from __future__ import annotations

from ml_platform.storage.artifact_kinds.figures import Number
from ml_platform.storage.artifact_kinds.kind import Items, Part


class GroupDifference(Part):
    """The largest difference between groups, with its 95 % interval, or why there is none."""

    figure: Number | None
    low: Number | None = None
    high: Number | None = None
    declined: str | None = None

    @property
    def text(self) -> str:
        """The difference in words."""
        if self.figure is None:
            return str(self.declined)
        sure = self.declined or f"95 % interval {self.low:.3f} to {self.high:.3f}"
        return f"{self.figure:.3f} ({sure})"


class ProtectedGroup(Part):
    """A group of a protected column: its rows, and the share of them that gets another action than doing nothing."""

    name: str
    rows: int
    acted: Number


class FairnessResult(Part):
    """How differently the groups of a protected column are acted on.

    Attributes
    ----------
    too_few
        Groups with too few rows.
    selection_rate
        Of the share of rows that are acted on.
    equalized_odds
        Of this share among positive rows, or among negative ones, whichever differs more; None without two classes.
    """

    name: str
    groups: Items[ProtectedGroup]
    too_few: Items[str]
    selection_rate: GroupDifference
    equalized_odds: GroupDifference | None = None

    @property
    def text(self) -> str:
        """What the groups get, in a sentence without its end."""
        shares = ", ".join(f"{group.name} {100 * group.acted:.1f} %" for group in self.groups)
        odds = "" if self.equalized_odds is None else f"; equalized odds difference {self.equalized_odds.text}"
        few = f"; left out for too few rows: {', '.join(self.too_few)}" if self.too_few else ""
        difference = f"selection rate difference {self.selection_rate.text}"
        return f"rows acted on by {self.name}: {shares or 'no group'}; {difference}{odds}{few}"
