"""The multilayer perceptron as a kind of network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from shrinkage._errors import RequestError, called, check_choice, shown
from shrinkage.networks._activations import ACTIVATIONS
from shrinkage.networks._losses import Loss
from shrinkage.networks.perceptron._initial_weights import INITIALIZATIONS, initial_row
from shrinkage.networks.perceptron._perceptron_layout import Layout
from shrinkage.networks.perceptron._perceptron_stack import Stack, outputs

__all__ = ["PerceptronKind"]


@dataclass(frozen=True, kw_only=True)
class PerceptronKind:
    """A multilayer perceptron; the linear model when it has no hidden layer."""

    hidden_layer_sizes: tuple[int, ...]
    """Units of each hidden layer; empty for a linear model."""
    activation: str
    """`relu`, `tanh`, `logistic` or `identity`."""
    initialization: str = "auto"
    """`glorot`, `he`, or `auto`: He for relu, Glorot otherwise."""

    def __post_init__(self) -> None:
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("initialization", self.initialization, INITIALIZATIONS)
        if any(units < 1 for units in self.hidden_layer_sizes):
            raise RequestError(
                f"{called('hidden_layer_sizes')}: every layer needs at least 1 unit, got "
                f"{shown(self.hidden_layer_sizes)}."
            )

    def layout(self, inputs: int, outputs: int) -> Layout:
        return Layout((inputs, *self.hidden_layer_sizes, outputs))

    def initial(self, layout: Layout, generator: torch.Generator) -> Tensor:
        return initial_row(layout, self.activation, self.initialization, generator)

    def stack(self, layout: Layout, rows: Tensor, loss: Loss) -> Stack:
        return Stack(layout, self.activation, loss, rows)

    def outputs(self, layout: Layout, rows: Tensor, X: Tensor) -> Tensor:
        return outputs(layout.from_rows(rows), self.activation, X)

    def described(self) -> dict[str, str]:
        return {name: str(getattr(self, name)) for name in self.__dataclass_fields__}

    def work(self, layout: Layout) -> float:
        return 6.0 * layout.n_parameters
