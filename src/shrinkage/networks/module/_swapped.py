"""One module run with other tensors in the place of its own.

torch's `functional_call` does the same by name at each call. Here the places are looked up once, which is most of what it
costs for small networks, and a buffer that forward *assigns* (`self.n = self.n + 1`) is handed back as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

__all__ = ["Places"]


class Places:
    """Every place in which a module holds each of its tensors: one, or several for tied ones."""

    def __init__(self, module: nn.Module) -> None:
        self._places: dict[str, list[tuple[dict[str, Any], str]]] = {}
        names: dict[int, str] = {}
        for prefix, part in module.named_modules(remove_duplicate=True):
            for tensors in (part._parameters, part._buffers):
                for key, tensor in tensors.items():
                    if tensor is not None:
                        name = names.setdefault(id(tensor), f"{prefix}.{key}" if prefix else key)
                        self._places.setdefault(name, []).append((tensors, key))

    @contextmanager
    def holding(self, tensors: Mapping[str, Tensor]) -> Iterator[None]:
        """Within it the module holds these tensors, by name, and its own again afterwards."""
        places = [
            (where, key, tensor) for name, tensor in tensors.items() for where, key in self._places[name]
        ]
        own = [where[key] for where, key, _ in places]
        for where, key, tensor in places:
            where[key] = tensor
        try:
            yield
        finally:
            for (where, key, _), tensor in zip(places, own, strict=True):
                where[key] = tensor

    def tensor(self, name: str) -> Tensor:
        """The tensor that the module holds by that name now."""
        where, key = self._places[name][0]
        return where[key]
