"""Fresh modules from the user's factory: each with its own chance, and each checked against the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from shrinkage._errors import RequestError, called, shown
from shrinkage.networks.module._chance import with_seed
from shrinkage.networks.module._fallback import first_line

__all__ = ["Factory", "SizedFactory", "call", "make_module"]

Factory = Callable[[], nn.Module]


@runtime_checkable
class SizedFactory(Protocol):
    """A factory that also builds modules for other numbers of inputs and outputs."""

    def __call__(self) -> nn.Module: ...

    def for_sizes(self, inputs: int, outputs: int) -> Factory:
        """The factory for these."""
        ...


def call(module: nn.Module, inputs: Any) -> Any:
    """The module's outputs: a tuple of inputs is passed as arguments, a dict as keywords."""
    if isinstance(inputs, dict):
        return module(**inputs)
    if isinstance(inputs, tuple | list):
        return module(*inputs)
    return module(inputs)


def make_module(
    factory: Factory, device: str, *chance: int | str, like: nn.Module | None = None
) -> nn.Module:
    """A new module on the device, its initial weights a function of `chance`.

    Args:
        factory: the user's `make_module`.
        device: where it is to be trained.
        chance: what its random numbers are a function of.
        like: a module that the factory made before: the new one has to be another one of the same shapes.
    """
    if isinstance(factory, nn.Module) or not callable(factory):
        raise RequestError(
            f"{called('make_module')}: must be a function that builds a new module in each call, got "
            f"{shown(factory)}. Write lambda: MyModule(…)."
        )
    try:
        with with_seed(*chance):
            module = factory()
    except RequestError:
        raise
    except Exception as error:  # whatever the user's function raises
        bare = "" if isinstance(factory, SizedFactory) else "called without arguments "
        takes = f" Write lambda: {factory.__name__}(…)." if isinstance(factory, type) else ""
        raised = f"{type(error).__name__}: {first_line(error)}"
        raise RequestError(f"{called('make_module')}: {bare}it raised {raised}.{takes}") from error
    if not isinstance(module, nn.Module):
        raise RequestError(f"{called('make_module')}: must return a torch.nn.Module, got {shown(module)}.")
    _check_state(module, device)
    if like is not None:
        _check_alike(module, like)
    if not module.training:  # as a checkpoint loader leaves it; parts frozen by eval() stay frozen
        module.train()
    return module.to(device)


def _check_state(module: nn.Module, device: str) -> None:
    named = [*module.named_parameters(), *module.named_buffers()]
    for name, tensor in named:
        if isinstance(tensor, UninitializedParameter | UninitializedBuffer):
            raise RequestError(
                f"{called('make_module')}: {name} has no shape yet (a lazy module). Run the module on one "
                "batch in the factory, or give its sizes."
            )
        if tensor.device.type not in ("cpu", torch.device(device).type):
            raise RequestError(
                f"{called('make_module')}: the module is on {tensor.device} ({name}), but "
                f"device={device!r}. Build it on the CPU, or give device={str(tensor.device)!r}."
            )


def _check_alike(module: nn.Module, like: nn.Module) -> None:
    if module is like:
        raise RequestError(
            f"{called('make_module')}: returned the same module twice, so all networks would share their "
            "weights. Build a new one in each call."
        )
    new, old = _state(module), _state(like)
    if shared := [name for name, tensor in new.items() if name in old and _trained_twice(tensor, old[name])]:
        raise RequestError(
            f"{called('make_module')}: two modules share the weights of {shared[0]}. Build new layers in each call."
        )
    if [(name, tensor.shape) for name, tensor in new.items()] != [(n, t.shape) for n, t in old.items()]:
        differing = next(
            name for name in (*old, *new) if _shape(old.get(name)) != _shape(new.get(name)) or name not in old
        )
        raise RequestError(
            f"{called('make_module')}: must return modules of the same shapes each time; {differing} was "
            f"{_shape(old.get(differing))} "
            f"and then {_shape(new.get(differing))}."
        )


def _state(module: nn.Module) -> dict[str, Tensor]:
    return dict([*module.named_parameters(), *module.named_buffers()])


def _shape(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else str(tuple(tensor.shape))


def _trained_twice(a: Tensor, b: Tensor) -> bool:
    return a is b and a.requires_grad
