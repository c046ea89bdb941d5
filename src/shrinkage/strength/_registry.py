"""The table of known conventions, and finding one by the name a person types."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from shrinkage._errors import RequestError, called, shown
from shrinkage.strength._catalogue import ENTRIES
from shrinkage.strength._convention import Convention

__all__ = ["Conventions", "conventions", "find"]


@dataclass(frozen=True)
class Conventions:
    """Rows of the table; `str()` gives the table."""

    rows: tuple[Convention, ...]
    """One entry per convention."""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Convention]:
        return iter(self.rows)

    def __str__(self) -> str:
        head = ("convention", "kind", "its number v means", "needs")
        body = [(c.name, c.kind, c.formula, ", ".join(c.needs)) for c in self.rows]
        widths = [max(len(row[i]) for row in (head, *body)) for i in range(4)]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in (head, *body)
        ]
        return "\n".join(line.rstrip() for line in (lines[0], "-" * len(lines[0]), *lines[1:]))


def conventions(containing: str = "") -> Conventions:
    """List the known conventions: what each number means, and what a conversion of it needs.

    Args:
        containing: keep only names that contain this text, ignoring case; all by default.

    Returns:
        The table: iterate over its rows, or print it.

    Example:
        >>> print(conventions("l2_loss"))
        convention     kind       its number v means  needs
        ---------------------------------------------------
        tf.nn.l2_loss  objective  λ = v
    """
    return Conventions(tuple(c for c in ENTRIES if containing.lower() in c.name.lower()))


def find(name: str, where: str = "convert") -> Convention:
    """The convention of this name; a suffix that only states the default is understood.

    Raises:
        RequestError: no convention has the name; the nearest ones are named.
    """
    wanted = "".join(name.split()) if isinstance(name, str) else ""
    for spelling in (wanted, wanted.lower()):
        if spelling in _BY_NAME:
            return _BY_NAME[spelling]
    if wanted.lower() in _ARGUMENTS:
        named = ", ".join(_ARGUMENTS[wanted.lower()])
        raise RequestError(
            f"{called(f'{where}(…)')}: {shown(name)} is an argument that means something different in each "
            f"class: name the class, such as {named}. `shrinkage conventions` lists them all."
        )
    near = _nearest(name) if wanted else []
    hint = f"Did you mean {', '.join(near)}?" if near else "`shrinkage conventions` lists them all."
    raise RequestError(f"{called(f'{where}(…)')}: there is no convention named {shown(name)}. {hint}")


_ARGUMENTS = {
    "weight_decay": ("torch.optim.AdamW", "torch.optim.SGD", "keras.optimizers.AdamW", "optax.adamw"),
    "wd": ("torch.optim.AdamW", "torch.optim.SGD", "fastai.optimizer.Adam"),
    "alpha": ("sklearn.neural_network.MLPClassifier", "sklearn.linear_model.Ridge"),
    "c": ("sklearn.linear_model.LogisticRegression", "sklearn.svm.SVC"),
    "l2": ("keras.regularizers.L2", "lam", "l2_penalty"),
}
"""Names of arguments that people give in place of a class."""


def _nearest(wanted: str) -> list[str]:
    """Names that contain every word typed, then names whose class or whole is spelt nearly so."""
    low = wanted.lower()
    inside = [c.name for c in ENTRIES if all(word in c.name.lower() for word in low.split())]
    by_class = {c.name.lower().rpartition(".")[2]: c.name for c in reversed(ENTRIES)}
    of_class = [by_class[s] for s in difflib.get_close_matches(low.rpartition(".")[2], by_class, 2, 0.75)]
    of_whole = [_BY_NAME[s].name for s in difflib.get_close_matches(low, _BY_NAME, 3, 0.7)]
    return list(dict.fromkeys([*inside, *of_whole, *of_class]))[:4]


def _index() -> dict[str, Convention]:
    exact = {c.name: c for c in ENTRIES}
    stated = {f"{c.name}:{c.default}": c for c in ENTRIES if c.default}
    return {**{name.lower(): c for name, c in (exact | stated).items()}, **stated, **exact}


_BY_NAME = _index()
