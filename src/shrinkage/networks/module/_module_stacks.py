"""K modules of one architecture in training, in two forms that give the same numbers: stacked, and one by one.

Axes: K modules, B rows of a batch, M numbers per row that the metric is made of, P numbers of one module in one dtype.
Either form keeps the trained parameters of all K in one flat buffer (K, P) for each dtype, and their gradients in
another, so that an element-wise optimizer is one call and a rule sees (K, *shape) views.
Frozen parameters and constant buffers that are the same in all K are held once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage.networks.module._chance import generators, replay
from shrinkage.networks.module._copies import clones
from shrinkage.networks.module._factory import call
from shrinkage.networks.module._module_layout import ModuleLayout, buffers_of, parameters_of
from shrinkage.networks.module._module_losses import ModuleLoss
from shrinkage.networks.module._swapped import Places
from shrinkage.networks.module._trees import map_tree

__all__ = ["ModuleStack", "OneByOne", "StackedModules", "bind_gradients"]


class ModuleStack(ABC):
    """K modules, their trained parameters and gradients.

    Args:
        modules: K of them, as the factory made them; their parameters become views of the flat buffers.
        layout: of each.
        loss: what is minimized.
    """

    def __init__(self, modules: Sequence[nn.Module], layout: ModuleLayout, loss: ModuleLoss) -> None:
        self.layout, self.loss, self.K = layout, loss, len(modules)
        device = next((p.device for p in modules[0].parameters()), torch.device("cpu"))
        lengths = layout.lengths()
        self.flats = {
            dtype: torch.zeros(self.K, P, dtype=dtype, device=device) for dtype, P in lengths.items()
        }
        self.flat_grads = {dtype: torch.zeros_like(flat) for dtype, flat in self.flats.items()}
        self.parameters = layout.views(self.flats)
        self.gradients = layout.views(self.flat_grads)
        for k, module in enumerate(modules):
            own = parameters_of(module)
            for name, views in self.parameters.items():
                views[k].copy_(own[name].detach())

    def pulled(self, biases: bool = False) -> list[tuple[Tensor, Tensor]]:
        """(w, gradient) of every decayed parameter, (K, *shape) each."""
        return [
            (self.parameters[slot.name], self.gradients[slot.name]) for slot in self.layout.decayed(biases)
        ]

    @abstractmethod
    def gradient_(
        self, inputs: Any, targets: Any, weight: Tensor | None, *, shared: bool
    ) -> tuple[Tensor, Tensor]:
        """Write the gradient of `(1/B) Σ sᵢ lossᵢ` of each module.

        Args:
            inputs, targets: one batch, `shared` by all, or K of them along the first axis.
            weight: (B,) or (K, B) row weights s, or None for 1.
            shared: whether all modules see the same batch.

        Returns:
            (K, B) losses and (K, B, M) hits, from before the update.
        """

    @abstractmethod
    def scores(self, inputs: Any, targets: Any, *, shared: bool) -> tuple[Tensor, Tensor]:
        """(K, B) losses and (K, B, M) hits in evaluation mode; the modules are left as they were."""

    @abstractmethod
    def tensors(self, k: int) -> dict[str, Tensor]:
        """What module k has learned: trained parameters and changing buffers by name."""

    def rows(self) -> Tensor:
        """(K, D) each module as a row, on the CPU."""
        return torch.stack([self.layout.row(self.tensors(k)) for k in range(self.K)])


class OneByOne(ModuleStack):
    """K ordinary modules and a loop of autograd: the plain form, and the reference of the other.

    Args:
        is_random: whether forward draws random numbers; modules that share a batch then draw the same ones.
        writes: whether forward writes into the batch; each module then gets its own.
    """

    def __init__(
        self,
        modules: Sequence[nn.Module],
        layout: ModuleLayout,
        loss: ModuleLoss,
        *,
        is_random: bool = True,
        writes: bool = False,
    ) -> None:
        super().__init__(modules, layout, loss)
        self.modules, self.is_random, self.writes = modules, is_random, writes
        self._grads: list[list[tuple[Tensor, Tensor]]] = []
        for k, module in enumerate(modules):
            trained = {n: p for n, p in parameters_of(module).items() if n in self.parameters}
            for name, parameter in trained.items():
                parameter.data = self.parameters[name][k]
            self._grads.append([(parameter, self.gradients[name][k]) for name, parameter in trained.items()])
        _share_frozen(modules)
        self._places = [Places(module) for module in modules]

    def gradient_(
        self, inputs: Any, targets: Any, weight: Tensor | None, *, shared: bool
    ) -> tuple[Tensor, Tensor]:
        for grad in self.flat_grads.values():
            grad.zero_()
        found = []
        chance = generators() if shared and self.is_random and self.K > 1 else None
        for k, module in enumerate(self.modules):
            if chance is not None:
                replay(chance)
            x, y = self._batch(inputs, targets, k, shared=shared)
            s = _own(weight, k, shared)
            bind_gradients(self._grads[k])
            with torch.enable_grad():
                z = call(module, x)
                losses = self.loss.of_rows(z, y)
                (losses if s is None else losses * s).mean().backward()
            found.append((losses.detach(), self.loss.hits(_detach(z), y)))
        return _stack(found)

    def scores(self, inputs: Any, targets: Any, *, shared: bool) -> tuple[Tensor, Tensor]:
        found = []
        chance = generators() if shared and self.is_random and self.K > 1 else None
        for k, module in enumerate(self.modules):
            if chance is not None:
                replay(chance)
            x, y = self._batch(inputs, targets, k, shared=shared)
            held = self.tensors(k)
            kept = {slot.name: held[slot.name].detach().clone() for slot in self.layout.buffers}
            with evaluating(module), torch.no_grad(), self._places[k].holding(kept):
                z = call(module, x)
                found.append((self.loss.of_rows(z, y), self.loss.hits(z, y)))
        return _stack(found)

    def tensors(self, k: int) -> dict[str, Tensor]:
        held = parameters_of(self.modules[k]) | buffers_of(self.modules[k])
        return {slot.name: held[slot.name] for slot in (*self.layout.parameters, *self.layout.buffers)}

    def _batch(self, inputs: Any, targets: Any, k: int, *, shared: bool) -> tuple[Any, Any]:
        x, y = _own(inputs, k, shared), _own(targets, k, shared)
        return (clones(x), clones(y)) if self.writes and shared and self.K > 1 else (x, y)


class StackedModules(ModuleStack):
    """K modules as one call of `vmap(grad)`; random numbers are the same for all K, as neighbours on a path should see.

    Args:
        scoring: `vmap`, `vjp` or `loop`: how `scores` runs, as the preflight found it to work.
    """

    def __init__(
        self, modules: Sequence[nn.Module], layout: ModuleLayout, loss: ModuleLoss, scoring: str = "vmap"
    ) -> None:
        super().__init__(modules, layout, loss)
        self.template, self._scoring = modules[0], scoring
        changing = {slot.name for slot in layout.buffers}
        frozen = [
            {n: t for n, t in (parameters_of(m) | buffers_of(m)).items() if n not in self.parameters}
            for m in modules
        ]
        self._own: dict[str, Tensor] = {}
        self._shared: dict[str, Tensor] = {}
        for name, first in frozen[0].items():
            others = [each[name].detach() for each in frozen]
            if name in changing or not all(torch.equal(first, other) for other in others):
                self._own[name] = torch.stack(others)
            else:
                self._shared[name] = first.detach()
        self._changing = [name for name in changing if name in buffers_of(modules[0])]
        self._places = Places(self.template)
        self._functions: dict[tuple[str, bool, bool], Callable[..., Any]] = {}

    def gradient_(
        self, inputs: Any, targets: Any, weight: Tensor | None, *, shared: bool
    ) -> tuple[Tensor, Tensor]:
        function = self._function("grad", shared, weight is not None)
        gradients, (losses, hits, buffers) = function(self.parameters, self._own, inputs, targets, weight)
        for name, grad in gradients.items():
            self.gradients[name].copy_(grad)
        for name, buffer in buffers.items():
            if buffer is not self._own[name]:
                self._own[name].copy_(buffer)
        return losses.detach(), hits.detach()

    def scores(self, inputs: Any, targets: Any, *, shared: bool) -> tuple[Tensor, Tensor]:
        own = self._own | {
            name: self._own[name].clone() for name in self._changing
        }  # scoring may write into them
        with evaluating(self.template), torch.no_grad():
            if self._scoring != "loop":
                return self._function(self._scoring, shared, False)(self.parameters, own, inputs, targets)
            found, chance = [], generators()
            for k in range(self.K):
                replay(chance)
                held = {name: tensor[k] for name, tensor in (self.parameters | own).items()}
                x, y = (
                    clones(_own(inputs, k, shared)),
                    clones(_own(targets, k, shared)),
                )  # forward may write into it
                found.append(self._score(held, {}, x, y))
            return _stack(found)

    def tensors(self, k: int) -> dict[str, Tensor]:
        held = self.parameters | self._own
        return {slot.name: held[slot.name][k] for slot in (*self.layout.parameters, *self.layout.buffers)}

    def _function(self, what: str, shared: bool, weighted: bool) -> Callable[..., Any]:
        key = (what, shared, weighted)
        if key not in self._functions:
            batch = None if shared else 0
            of_one: Callable[..., Any]
            if what == "grad":
                of_one = torch.func.grad(self._objective, has_aux=True)
                dims = (0, 0, batch, batch, batch if weighted else None)
            else:
                of_one = self._score if what == "vmap" else self._score_by_vjp
                dims = (0, 0, batch, batch)
            self._functions[key] = torch.vmap(of_one, in_dims=dims, randomness="same")
        return self._functions[key]

    def _objective(
        self, parameters: Mapping[str, Tensor], own: Mapping[str, Tensor], x: Any, y: Any, s: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor, dict[str, Tensor]]]:
        with self._places.holding({**parameters, **own}):
            z = call(self.template, x)
            buffers = {name: self._places.tensor(name) for name in self._changing}
        losses = self.loss.of_rows(z, y)
        objective = (losses if s is None else losses * s).mean()
        return objective, (losses, self.loss.hits(_detach(z), y), buffers)

    def _score(
        self, parameters: Mapping[str, Tensor], own: Mapping[str, Tensor], x: Any, y: Any
    ) -> tuple[Tensor, Tensor]:
        with self._places.holding({**parameters, **own}):
            z = call(self.template, x)
        return self.loss.of_rows(z, y), self.loss.hits(z, y)

    def _score_by_vjp(
        self, parameters: Mapping[str, Tensor], own: Mapping[str, Tensor], x: Any, y: Any
    ) -> tuple[Tensor, Tensor]:
        """The same under a gradient that nobody takes: recurrent layers have a rule for that, and none for plain vmap."""
        return torch.func.vjp(lambda p: self._score(p, own, x, y), parameters)[0]


class evaluating:  # noqa: N801  a context, as torch.no_grad is
    """Within it the module and all its parts are in evaluation mode; afterwards each is as it was."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module

    def __enter__(self) -> None:
        self._were = [part for part in self._module.modules() if part.training]
        for part in self._were:
            part.training = False

    def __exit__(self, *_: object) -> None:
        for part in self._were:
            part.training = True


def _share_frozen(modules: Sequence[nn.Module]) -> None:
    """Let all modules hold one tensor for each frozen parameter that is the same in all."""
    first = parameters_of(modules[0])
    for module in modules[1:]:
        for name, parameter in parameters_of(module).items():
            if not parameter.requires_grad and torch.equal(parameter, first[name]):
                parameter.data = first[name].data


def bind_gradients(pairs: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Let each parameter's `.grad` be the tensor beside it; an optimizer or a hook may have put another in its place."""
    for parameter, grad in pairs:
        if parameter.grad is not grad:
            parameter.grad = grad


def _own(x: Any, k: int, shared: bool) -> Any:
    """Module k's part of a batch, of tensors, tuples or dicts."""
    return x if shared else map_tree(lambda tensor: tensor[k], x)


def _detach(z: Any) -> Any:
    return map_tree(lambda x: x.detach() if isinstance(x, Tensor) else x, z)


def _stack(found: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    losses, hits = zip(*found, strict=True)
    return torch.stack(losses), torch.stack(hits)
