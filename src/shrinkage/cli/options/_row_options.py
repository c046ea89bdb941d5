"""What columns say of the rows of a fit, and what that makes of its folds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shrinkage._errors import RequestError, shown

if TYPE_CHECKING:
    from shrinkage.tables import RowRoles, SetApart

__all__ = ["Group", "Id", "NoShuffle", "RowOptions", "Time", "Weight"]

_in_rows = partial(typer.Option, rich_help_panel="The rows", show_default=False)

Group = Annotated[str | None, _in_rows(help="Column whose equal values stay in one fold.")]
Time = Annotated[str | None, _in_rows(help="Column to sort by; validates on later rows.")]
NoShuffle = Annotated[
    bool, _in_rows("--no-shuffle", help="Keep the order of the rows in the folds.", hidden=True)
]
Weight = Annotated[str | None, _in_rows(help="Column with the weight of each row.")]
Id = Annotated[list[str] | None, _in_rows(help="Column to copy to the predictions; repeatable.", hidden=True)]


@dataclass(frozen=True, kw_only=True)
class RowOptions:
    """The options that say something of the rows, as they were given to `fit`."""

    group: str | None
    time: str | None
    no_shuffle: bool
    weight: str | None
    id: list[str] | None
    folds: int
    fast: bool
    seed: int

    def check(self) -> None:
        """Refuse options that contradict each other."""
        if self.time is not None and self.fast:
            raise RequestError(
                "--fast: the first folds must represent the others, but with --time they have fewer "
                "training rows. Leave out --fast."
            )

    @property
    def roles(self) -> RowRoles:
        """The columns that are named."""
        from shrinkage.tables import RowRoles

        return RowRoles(
            group=self.group, time=self.time, weight=self.weight, ids=tuple(dict.fromkeys(self.id or ()))
        )

    def splitter(self, rows: SetApart, *, stratified: bool) -> Any:
        """The splitter of the rows into folds, as scikit-learn's `cv`; by the classes where it is stratified."""
        from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

        from shrinkage.estimators import time_folds

        if rows.ranks is not None:
            return time_folds(rows.ranks, self.folds, rows.groups)
        if self.group is not None and not stratified:
            return GroupKFold(
                self.folds
            )  # balances the sizes of the folds, which it does not do when it shuffles
        kinds = (KFold, StratifiedKFold) if self.group is None else (None, StratifiedGroupKFold)
        kind: Any = kinds[stratified]
        return kind(
            self.folds, shuffle=not self.no_shuffle, random_state=None if self.no_shuffle else self.seed
        )

    def in_words(self) -> str:
        """Description of the folds, for the report."""
        if self.time is not None:
            apart = f"; no {shown(self.group)} is on both sides" if self.group is not None else ""
            return f"{self.folds}, each validated on the rows that follow its training rows by {shown(self.time)}{apart}"
        order = "in the order of the file" if self.no_shuffle else "shuffled with the seed"
        if self.group is not None:
            return f"{self.folds}, of whole groups by {shown(self.group)}"
        return f"{self.folds}, {order}"

    def notes(self, rows: SetApart) -> list[str]:
        """Notes on the named columns, one sentence each."""
        notes = []
        if self.group is not None and rows.groups is not None:
            apart = "stay in one fold" if self.time is None else "are never on both sides of a fold"
            notes.append(
                f"The rows of each {shown(self.group)} {apart}: {int(rows.groups.max()) + 1:,} groups. The column is "
                "not an input."
            )
        if self.time is not None:
            notes.append(
                f"The rows were sorted by {shown(self.time)}: each fold is trained on the past and validated on what "
                "follows, and λ is refitted on all rows."
            )
        if self.no_shuffle and self.time is None:
            notes.append("The folds keep the order of the rows; they are not shuffled.")
        if self.weight is not None:
            notes.append(f"Each row is weighted by its {shown(self.weight)}, which is not an input.")
        if self.id:
            names = ", ".join(map(shown, self.roles.ids))
            notes.append(f"Copied to the predictions and not used as inputs: {names}.")
        return notes
