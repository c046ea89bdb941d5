"""A saved network that the user's own function builds: numbers under the module's own names, and no code.

Loading runs nothing until the caller gives the function again; then what it builds is held against what was saved: names,
shapes, and the outputs of a few fixed rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import Tensor, nn

from shrinkage._errors import RequestError, called, vocabulary
from shrinkage.estimators._fitted_networks import FittedNetworks
from shrinkage.estimators.modules import MakeNetwork, NetworkFile, Sized
from shrinkage.networks.module import ModuleKind, ModuleLayout, Verdict, layout_of, make_module, with_seed

__all__ = ["check_outputs", "kind_from", "network_words", "state_in_bytes"]

ROWS = 3
"""Whose outputs are saved."""
CLOSE = 1e-3
"""The largest difference of an output, relative to the largest output: another processor rounds otherwise."""


@dataclass(frozen=True, eq=False)
class Restored:
    """The user's function with the saved tensors in what it builds; those of other shapes, in a fold, stay its own."""

    sizes: Sized
    state: Mapping[str, Tensor]

    def __call__(self) -> nn.Module:
        module = self.sizes()
        if isinstance(module, nn.Module):
            held = module.state_dict()
            for name, tensor in self.state.items():
                if name in held and held[name].shape == tensor.shape:
                    held[name].copy_(tensor)
        return module

    def for_sizes(self, inputs: int, outputs: int) -> Restored:
        """For other numbers of inputs and outputs."""
        return replace(self, sizes=self.sizes.for_sizes(inputs, outputs))


def network_words(networks: FittedNetworks) -> dict[str, Any]:
    """What `model.json` says of the network."""
    kind, layout = networks.kind, networks.layout
    assert isinstance(kind, ModuleKind)
    assert isinstance(layout, ModuleLayout)
    sized: Any = kind.factory
    make = sized.sizes.make if isinstance(sized, Restored) else sized.make
    return {
        "builder": str(make)
        if isinstance(make, NetworkFile)
        else getattr(make, "__qualname__", "a function"),
        "sizes": list(layout.sizes),
        "dtype": sized.sizes.dtype if isinstance(sized, Restored) else sized.dtype,
        "changing": [slot.name for slot in layout.buffers],
        "outputs": _outputs_of_fixed_rows(networks).tolist(),
        "lambdas": networks.lambdas.tolist(),
        "chosen": networks.chosen,
    }


def state_in_bytes(networks: FittedNetworks) -> bytes:
    """The chosen module's `state_dict`, as safetensors."""
    state = networks.module().state_dict()
    return save({name: x.cpu().contiguous().clone() for name, x in state.items() if isinstance(x, Tensor)})


def kind_from(words: Mapping[str, Any], state: bytes, make: MakeNetwork) -> ModuleKind:
    """The kind of the saved network, built by `make` again.

    Raises:
        RequestError: it builds another network.
        ValueError: the saved files don't fit together.
    """
    inputs, outputs = words["sizes"]
    tensors = load(state)
    factory = Restored(Sized(make, inputs, outputs, words["dtype"]), tensors)
    with vocabulary({"make_module": "network"}), torch.no_grad():
        module = make_module(factory, "cpu", "saved")
    held = {name: tuple(x.shape) for name, x in module.state_dict().items() if isinstance(x, Tensor)}
    saved = {name: tuple(x.shape) for name, x in tensors.items()}
    if held != saved:
        name = next(name for name in (*saved, *held) if held.get(name) != saved.get(name))
        raise RequestError(
            f"{called('network')}: builds a different network from the saved one: {name} is "
            f"{held.get(name, 'missing')}, but was {saved.get(name, 'missing')}. The saved one was built "
            f"by {words['builder']}."
        )
    if not set(words["changing"]) <= held.keys() | dict(module.named_buffers()).keys():
        raise ValueError("buffers that the module doesn't have")
    layout = layout_of(module, words["changing"], (inputs, outputs))
    verdict = Verdict(stacked=False, why="it was loaded", changing=tuple(words["changing"]))
    return ModuleKind(factory=factory, verdict=verdict, module_layout=layout, fingerprint="")


def check_outputs(networks: FittedNetworks, words: Mapping[str, Any]) -> None:
    """Refuse a network that puts out other numbers than when it was saved: its `forward` is another one."""
    saved, now = np.array(words["outputs"]), _outputs_of_fixed_rows(networks)
    if now.shape == saved.shape and np.allclose(
        now, saved, rtol=0, atol=CLOSE * np.abs(saved).max(), equal_nan=True
    ):
        return
    raise RequestError(
        f"{called('network')}: the module has the saved weights but different outputs from when it was "
        f"saved, so its forward has changed. The saved one was built by {words['builder']}."
    )


def _outputs_of_fixed_rows(networks: FittedNetworks) -> NDArray[np.float64]:
    """(ROWS, C) of the chosen network."""
    rows = torch.from_numpy(np.ascontiguousarray(networks.rows[[networks.chosen]]))
    X = torch.from_numpy(np.random.default_rng(0).standard_normal((ROWS, networks.n_inputs)))
    with with_seed("saved"), torch.no_grad():
        return networks.kind.outputs(networks.layout, rows, X.to(rows))[0].double().numpy()
