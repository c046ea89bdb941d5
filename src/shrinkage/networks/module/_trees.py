"""Tensors in tuples, lists and dicts, as modules take and return them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["leaves", "map_tree", "vars_of"]


def map_tree(function: Callable[[Any], Any], tree: Any) -> Any:
    """The same tuples, lists and dicts with `function` of every leaf that is not None."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        return {key: map_tree(function, value) for key, value in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(map_tree(function, value) for value in tree))
    if isinstance(tree, tuple | list):
        return type(tree)(map_tree(function, value) for value in tree)
    return function(tree)


def leaves(tree: Any) -> Iterator[Any]:
    """Every leaf that is not None, in order."""
    if isinstance(tree, dict):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, tuple | list):
        for value in tree:
            yield from leaves(value)
    elif tree is not None:
        yield tree


def vars_of(x: Any) -> list[Any]:
    """What an object of the user's own holds, such as a data class of outputs."""
    return list(leaves(dict(vars(x)))) if hasattr(x, "__dict__") else []
