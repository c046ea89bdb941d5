"""Any module as a kind of network: the user's factory, and what the preflight found of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage._errors import RequestError, called
from shrinkage.networks._layout import Layout
from shrinkage.networks.module._chance import with_seed
from shrinkage.networks.module._copies import clones, copy_modules
from shrinkage.networks.module._factory import Factory, SizedFactory, call, make_module
from shrinkage.networks.module._module_layout import ModuleLayout, buffers_of, layout_of, parameters_of
from shrinkage.networks.module._module_losses import ModuleLoss
from shrinkage.networks.module._module_stacks import evaluating
from shrinkage.networks.module._preflight import Verdict

__all__ = ["ModuleKind", "fill"]

Trial = tuple[ModuleLoss, Any, Any]
"""What is minimized, and one real batch of inputs and targets."""


@dataclass(frozen=True, kw_only=True)
class ModuleKind:
    """A factory of modules with the form they are trained in; it travels to other processes with the factory.

    Args:
        factory: the user's `make_module`.
        verdict: of the preflight.
        module_layout: of every module that the factory makes.
        fingerprint: a hash of an untrained module and its structure: what kept blocks know the factory by.
        device: where modules are trained.
    """

    factory: Factory
    verdict: Verdict
    module_layout: ModuleLayout
    fingerprint: str
    device: str = "cpu"
    seconds_a_step: float = 0.0
    """Of one module, as the preflight measured it; 0 when it didn't."""

    @classmethod
    def of(
        cls,
        factory: Factory,
        verdict: Verdict,
        device: str,
        sizes: tuple[int, int] = (0, 0),
        trial: Trial | None = None,
    ) -> ModuleKind:
        """The kind of what the factory makes; `trial` is a batch on which it is known by what it does, too."""
        module = make_module(factory, device, "preflight", 0)
        layout = layout_of(module, verdict.changing, sizes)
        digest = hashlib.sha256(repr(module).encode())
        for name, tensor in module.state_dict().items():
            if isinstance(tensor, Tensor):
                digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
                digest.update(tensor.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
        if trial is not None:
            digest.update(_outcome(module, *trial).encode())
        return cls(
            factory=factory,
            verdict=verdict,
            module_layout=layout,
            fingerprint=digest.hexdigest()[:24],
            device=device,
        )

    def one_by_one(self, why: str, measured: str = "") -> ModuleKind:
        """The same modules, trained one by one although they may be stacked."""
        module, sizes = self.make("preflight", 0), self.module_layout.sizes
        changing = tuple(dict.fromkeys([*buffers_of(module), *self.verdict.changing]))
        verdict = replace(self.verdict, stacked=False, why=why, changing=changing, measured=measured)
        return replace(self, verdict=verdict, module_layout=layout_of(module, changing, sizes))

    def layout(self, inputs: int, outputs: int, numbers: Sequence[int] = ()) -> ModuleLayout:
        """Of one module for so many inputs and outputs, whichever are numbers."""
        return self.for_sizes(inputs, outputs).module_layout

    def for_sizes(self, inputs: int, outputs: int) -> ModuleKind:
        """The kind of modules for so many inputs and outputs; the same one where the factory has settled them."""
        if not isinstance(self.factory, SizedFactory) or self.module_layout.sizes == (inputs, outputs):
            return self
        factory = self.factory.for_sizes(inputs, outputs)
        module = make_module(factory, self.device, "preflight", 0)
        layout = layout_of(module, self.verdict.changing, (inputs, outputs))
        return replace(self, factory=factory, module_layout=layout)

    def of_layout(self, layout: Layout) -> ModuleKind:
        """The kind of modules that have this layout."""
        return self.for_sizes(layout.inputs, layout.outputs)

    def make(self, *chance: int | str) -> nn.Module:
        """An untrained module in training mode, its initial weights a function of `chance`.

        Raises:
            RequestError: the factory returns one of other shapes or number formats than before.
        """
        module = make_module(self.factory, self.device, *chance)
        held = dict([*module.named_parameters(remove_duplicate=False), *module.named_buffers()])
        for slot in self.module_layout.slots:
            found = held.get(slot.name)
            if found is None or found.shape != slot.shape:
                raise RequestError(
                    f"{called('make_module')}: must return modules of the same shapes each time; {slot.name} was "
                    f"{tuple(slot.shape)} and then {'missing' if found is None else tuple(found.shape)}."
                )
            if found.dtype != slot.dtype:
                raise RequestError(
                    f"{called('make_module')}: must return modules of the same dtypes each time; {slot.name} was "
                    f"{slot.dtype} and then {found.dtype}."
                )
        return module

    def module(self, row: Tensor, *chance: int | str) -> nn.Module:
        """The module of a row (D,), in evaluation mode."""
        module = self.make(*chance)
        fill(module, self.module_layout, row)
        return module.eval()

    def initial(self, layout: Layout, generator: torch.Generator) -> Tensor:
        """(D,) one untrained module."""
        kind = self.of_layout(layout)
        module = kind.make(generator.initial_seed())
        return kind.module_layout.row(module.state_dict(keep_vars=True) | parameters_of(module))

    def outputs(self, layout: Layout, rows: Tensor, X: Tensor) -> Tensor:
        """Outputs (K, n, C) of modules (K, D) for rows X (n, inputs)."""
        found, kind = [], self.of_layout(layout)
        for row in rows:
            module = kind.module(row.cpu(), "outputs")
            x = X.to(self.device, next(module.parameters()).dtype)
            with evaluating(module), torch.no_grad():
                z = call(module, x)
            found.append(z.reshape(len(z), -1).to(rows))
        return torch.stack(found)

    def described(self) -> dict[str, str]:
        """What kept blocks know the kind by."""
        return {
            "module": self.fingerprint,
            "form": self.verdict.words if self.verdict.stacked else "one by one",
            "scoring": self.verdict.scoring if self.verdict.stacked else "",
        }

    def work(self, layout: Layout) -> float:
        """Floating-point operations of one module and row, as if each parameter were used once: a rough estimate."""
        return 6.0 * layout.n_parameters


def _outcome(module: nn.Module, loss: ModuleLoss, inputs: Any, targets: Any) -> str:
    """The mean loss of an untrained module, to four digits: neither its text nor its weights tell what forward does."""
    (copied,) = copy_modules([module])
    with with_seed("preflight"), torch.no_grad():
        losses = loss.of_rows(call(copied, clones(inputs)), clones(targets))
    return f"{float(losses.double().mean()):.4g}"


def fill(module: nn.Module, layout: ModuleLayout, row: Tensor) -> None:
    """Set what was trained of a module from its row (D,)."""
    tensors = dict(layout.tensors(row))
    held = dict([*module.named_parameters(), *module.named_buffers()])
    with torch.no_grad():
        for name, tensor in tensors.items():
            held[name].copy_(tensor)
