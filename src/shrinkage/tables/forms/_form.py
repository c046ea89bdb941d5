"""What a form of input is, and the registry of forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError, shown

__all__ = ["FORMS", "Form", "StandardInputs", "form_from", "form_named", "name_of", "register"]

Floats = NDArray[np.float64]


class Form(Protocol):
    """A fitted map from the matrix of a table, (n, D), to the inputs of a network, (n, I)."""

    @classmethod
    def fit(cls, X: NDArray[Any], weight: Floats | None) -> Self:
        """Learn from training rows X (n, D) with weights (n,), or None for equal ones."""
        ...

    @property
    def standardize(self) -> bool:
        """Whether the inputs are still to be standardized, column by column."""
        ...

    @property
    def pieces(self) -> tuple[int, ...]:
        """The number of codes of each coded number, in order: the codes are the last inputs. Empty without codes."""
        ...

    def __call__(self, X: NDArray[Any]) -> NDArray[Any]:
        """(n, I) the inputs for rows X (n, D)."""
        ...

    def names(self, columns: list[str]) -> list[str]:
        """(I,) what each input is called, for columns (D,)."""
        ...

    def arrays(self) -> dict[str, Floats]:
        """The learned parameters, as arrays for `from_arrays`."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The form again; inverse of `arrays`."""
        ...


FORMS: dict[str, type[Any]] = {}
"""By the names that `inputs=` takes."""


def register(name: str) -> Callable[[type[Any]], type[Any]]:
    """Enter a form under its name."""

    def enter(form: type[Any]) -> type[Any]:
        FORMS[name] = form
        return form

    return enter


def form_named(name: str) -> type[Form]:
    """The form of that name."""
    if name not in FORMS:
        raise RequestError(f"inputs=…: must be auto or one of {', '.join(FORMS)}, got {shown(name)}.")
    return FORMS[name]


def name_of(form: Form) -> str:
    """The name that a form has in the registry."""
    return next(name for name, kind in FORMS.items() if type(form) is kind)


def form_from(name: str, arrays: Mapping[str, NDArray[Any]]) -> Form:
    """A saved form."""
    return FORMS[name].from_arrays(arrays)


@register("standard")
@dataclass(frozen=True)
class StandardInputs:
    """The columns as they are, for the path to standardize: mean 0 and standard deviation 1 over the training rows."""

    standardize = True
    pieces = ()

    @classmethod
    def fit(cls, X: NDArray[Any], weight: Floats | None) -> Self:
        return cls()

    def __call__(self, X: NDArray[Any]) -> NDArray[Any]:
        return X

    def names(self, columns: list[str]) -> list[str]:
        return columns

    def arrays(self) -> dict[str, Floats]:
        return {}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        return cls()
