"""A copy of an optimizer that shares nothing it could change with the live one.

`copy.deepcopy` does not do: it drops an optimizer's hooks and attributes, keeps functions as they are (and with
them the live model in their closures and globals), keeps weak references (a scheduler's wrapper of `step` would
step the live optimizer), and copies whole tensors.
"""

from __future__ import annotations

import copy
import functools
import logging
import types
import weakref
from collections import defaultdict, deque
from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shrinkage.auditing.subjects._sampling import grid, grid_like, local

__all__ = ["Copier"]

_ATOMS = (
    type(None), bool, int, float, complex, str, bytes, type, range, slice, types.ModuleType,
    types.BuiltinFunctionType, torch.dtype, torch.device, torch.layout, torch.Size, logging.Logger,
)  # fmt: skip

_MOST_ENTRIES = 10_000
"""Entries of a global container beyond which nobody looks for weights in it."""


class Copier:
    """Copies objects with everything that hangs on them; the same object twice gives the same copy twice.

    Args:
        limit: most elements of a tensor to keep (a sub-grid of it); None keeps all.
        dtype: what floating tensors become; None leaves them as they are.
        whole: parameters, by their id, that are kept whole with their state.
    """

    def __init__(
        self,
        *,
        limit: int | None = None,
        dtype: torch.dtype | None = None,
        whole: Collection[int] = (),
    ) -> None:
        self.limit = limit
        self.whole = frozenset(whole)
        self.dtype = dtype
        self.memo: dict[int, Any] = {}
        self.unaligned: set[int] = set()
        """Parameters (by id) with a tensor in their state that could not be thinned as they were."""
        self._alive: list[Any] = []
        self._known: dict[int, Tensor] = {}
        """The parameters of the optimizers that are copied, by their id."""
        self._owner: Tensor | None = None
        self._key: object = None

    def __call__(self, x: Any) -> Any:
        if isinstance(x, _ATOMS):
            return x
        if id(x) not in self.memo:
            self._alive.append(x)
            self._remember(x, self._copy(x))
        return self.memo[id(x)]

    def _remember(self, x: Any, new: Any) -> Any:
        return self.memo.setdefault(id(x), new)

    def _copy(self, x: Any) -> Any:
        if isinstance(x, Tensor):
            return self._tensor(x)
        for kind, copied in _KINDS.items():
            if isinstance(x, kind):
                return copied(self, x)
        return self._instance(x)

    def _tensor(self, x: Tensor) -> Tensor:
        data = self._part(x)
        if self.dtype is not None and self._key != "step":
            data = _as_precise(data, self.dtype)
        if isinstance(x, nn.Parameter):
            new = nn.Parameter(data, requires_grad=x.requires_grad)
            self._remember(x, new)
            vars(new).update(self(dict(vars(x))))  # marks such as `_no_weight_decay`
            return new
        return data.requires_grad_(x.requires_grad and x.is_leaf)

    def _part(self, x: Tensor) -> Tensor:
        whole = local(x.detach())
        if _is_freed(whole):
            return torch.zeros([min(n, 2) for n in whole.shape], dtype=whole.dtype, device=whole.device)
        owner_id = id(x if self._owner is None else self._owner)
        if self.limit is None or whole.layout != torch.strided or owner_id in self.whole:
            return whole.clone()
        if self._owner is None:
            return whole[grid(whole.shape, self.limit)].clone()
        owner = local(self._owner).shape
        slices = grid_like(whole.shape, owner, self.limit) if owner.numel() > self.limit else ()
        if slices is None:
            self.unaligned.add(id(self._owner))
            slices = grid(whole.shape, self.limit)
        return whole[slices].clone()

    def _state(self, state: Any) -> Any:
        """An optimizer's state: its tensors are thinned as the parameter they belong to."""
        new = self._remember(state, _empty_like(state, self))
        for key, value in state.items():
            if isinstance(key, Tensor) and isinstance(value, dict):
                self._owner = key
                kept = new[self(key)] = self._remember(value, {})
                for name, entry in value.items():
                    self._key = name
                    kept[name] = self(entry)
                self._owner = self._key = None
                if id(key) in self.unaligned:
                    del new[self(key)]
            else:
                new[self(key)] = self(value)
        return new

    def _dict(self, x: Any) -> Any:
        new = self._remember(x, _empty_like(x, self))
        for key, value in x.items():
            new[self._member(key)] = self(value)
        return new

    def _member(self, x: Any) -> Any:
        """The copy of a key or a member of a set; for the id of a parameter that of its copy."""
        return id(self(self._known[x])) if type(x) is int and x in self._known else self(x)

    def _list(self, x: Any) -> Any:
        new = self._remember(x, copy.copy(x))
        new.clear()
        new.extend(self(item) for item in x)
        return new

    def _tuple(self, x: tuple[Any, ...]) -> Any:
        items = [self(item) for item in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)

    def _set(self, x: Any) -> Any:
        return type(x)(self._member(item) for item in x)

    def _method(self, x: types.MethodType) -> Any:
        return types.MethodType(self(x.__func__), self(x.__self__))

    def _partial(self, x: functools.partial[Any]) -> Any:
        return functools.partial(
            self(x.func), *(self(a) for a in x.args), **{k: self(v) for k, v in x.keywords.items()}
        )

    def _reference(self, x: weakref.ref[Any]) -> Any:
        target = x()
        if target is None:
            return x
        new = self(target)
        self._alive.append(new)
        return weakref.ref(new)

    def _function(self, x: types.FunctionType) -> Any:
        """A function whose closure, or whose globals, reach a tensor, a module or an optimizer gets copies of them."""
        names = _live_globals(x)
        if not x.__closure__ and not names:
            return x
        cells = tuple(types.CellType() for _ in x.__closure__ or ())
        space = {**x.__globals__} if names else x.__globals__
        new = self._remember(
            x, types.FunctionType(x.__code__, space, x.__name__, x.__defaults__, cells or None)
        )
        new.__kwdefaults__ = x.__kwdefaults__
        for cell, old in zip(cells, x.__closure__ or (), strict=True):
            try:
                cell.cell_contents = self(old.cell_contents)
            except ValueError:  # an empty cell
                continue
        for name in names:
            space[name] = self(x.__globals__[name])
        new.__dict__.update({key: self(value) for key, value in x.__dict__.items()})
        return new

    def _instance(self, x: Any) -> Any:
        try:
            new = object.__new__(type(x))
        except TypeError:
            return _by_deepcopy(x)
        self._remember(x, new)
        if isinstance(x, torch.optim.Optimizer):
            self._known |= {id(p): p for group in x.param_groups for p in group["params"]}
        for slot in _slots(type(x)):
            if hasattr(x, slot):
                object.__setattr__(new, slot, self(getattr(x, slot)))
        for key, value in getattr(x, "__dict__", {}).items():
            if isinstance(x, torch.optim.Optimizer) and key == "step" and _is_compiled(value):
                continue  # the class's own step does the same, uncompiled
            is_state = key == "state" and isinstance(x, torch.optim.Optimizer)
            new.__dict__[key] = self._state(value) if is_state else self(value)
        return new


def _as_precise(data: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor in this precision, if it holds numbers of a floating format at all."""
    if data.is_complex():
        return data.to(torch.complex128 if dtype == torch.float64 else torch.complex64)
    return data.to(dtype) if data.is_floating_point() else data


def _is_freed(x: Tensor) -> bool:
    """Whether its memory is given back between uses, as FSDP does with gathered weights."""
    return x.layout == torch.strided and x.numel() > 0 and x.untyped_storage().size() == 0 and not x.is_meta


def _empty_like(x: Any, copier: Copier) -> Any:
    if isinstance(x, defaultdict):
        return defaultdict(copier(x.default_factory))
    if type(x) is dict:
        return {}
    new = copy.copy(x)
    new.clear()
    return new


def _by_deepcopy(x: Any) -> Any:
    try:
        return copy.deepcopy(x)
    except Exception:  # locks, process groups, open files: nothing that a step writes weights through
        return x


def _is_compiled(step: object) -> bool:
    return hasattr(step, "_torchdynamo_orig_callable")


def _live_globals(x: types.FunctionType) -> list[str]:
    """The global names of a function through which it reaches weights."""
    return [name for name in x.__code__.co_names if _reaches_weights(x.__globals__.get(name))]


def _reaches_weights(value: object, depth: int = 3) -> bool:
    if isinstance(value, Tensor | nn.Module | torch.optim.Optimizer):
        return True
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if not isinstance(value, list | tuple | set) or depth == 0 or len(value) > _MOST_ENTRIES:
        return False
    return any(_reaches_weights(item, depth - 1) for item in value)


def _slots(kind: type) -> list[str]:
    names = [name for base in kind.__mro__ for name in _as_tuple(base.__dict__.get("__slots__", ()))]
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _as_tuple(slots: Any) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _generator(copier: Copier, x: torch.Generator) -> torch.Generator:
    return torch.Generator(x.device).set_state(x.get_state())


_KINDS: dict[type, Any] = {
    dict: Copier._dict,
    weakref.WeakKeyDictionary: Copier._dict,
    weakref.WeakValueDictionary: Copier._dict,
    list: Copier._list,
    deque: Copier._list,
    tuple: Copier._tuple,
    set: Copier._set,
    frozenset: Copier._set,
    weakref.WeakSet: Copier._set,
    types.MethodType: Copier._method,
    types.FunctionType: Copier._function,
    functools.partial: Copier._partial,
    weakref.ref: Copier._reference,
    torch.Generator: _generator,
    np.ndarray: lambda _, x: x.copy(),
}
