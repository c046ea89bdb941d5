"""The kinds of network by the name that kept blocks and saved models know them by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shrinkage._errors import RequestError, shown
from shrinkage.networks._kind import Kind
from shrinkage.networks.perceptron import PerceptronKind

__all__ = ["KINDS", "kind_from"]

KINDS: dict[str, Any] = {"perceptron": PerceptronKind}
"""Classes by the entry `kind` of `Kind.described`; each is a `Kind` and has `from_described`."""


def kind_from(described: Mapping[str, str]) -> Kind:
    """The kind that says this of itself; without an entry `kind` it is a perceptron.

    Raises:
        RequestError: there is no such kind.
    """
    name = described.get("kind", "perceptron")
    if name not in KINDS:
        raise RequestError(f"There is no kind of network {shown(name)}. Known: {', '.join(KINDS)}.")
    return KINDS[name].from_described(described)
