"""The multilayer perceptron as a kind of network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from shrinkage._errors import RequestError, called, check_choice, shown
from shrinkage.networks._activations import ACTIVATIONS
from shrinkage.networks._layout import Layout
from shrinkage.networks._losses import Loss
from shrinkage.networks.perceptron._initial_weights import INITIALIZATIONS, initial_row
from shrinkage.networks.perceptron._perceptron_layout import PerceptronLayout
from shrinkage.networks.perceptron._perceptron_stack import PerceptronStack, outputs
from shrinkage.networks.perceptron._periodic_embedding import Embedding

__all__ = ["PerceptronKind", "perceptron_layout"]

EMBEDDINGS = ("none", "periodic")


@dataclass(frozen=True, kw_only=True)
class PerceptronKind:
    """A multilayer perceptron; the linear model when it has no hidden layer."""

    hidden_layer_sizes: tuple[int, ...]
    """Units of each hidden layer; empty for a linear model."""
    activation: str
    """`relu`, `tanh`, `logistic` or `identity`."""
    initialization: str = "auto"
    """`glorot`, `he`, or `auto`: He for relu, Glorot otherwise."""
    embedding: str = "none"
    """`none`, or `periodic`: numbers go through trained cosines."""

    def __post_init__(self) -> None:
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("initialization", self.initialization, INITIALIZATIONS)
        check_choice("embedding", self.embedding, EMBEDDINGS)
        if any(units < 1 for units in self.hidden_layer_sizes):
            raise RequestError(
                f"{called('hidden_layer_sizes')}: every layer needs at least 1 unit, got "
                f"{shown(self.hidden_layer_sizes)}."
            )

    @classmethod
    def from_described(cls, described: Mapping[str, str]) -> PerceptronKind:
        """The kind that says this of itself; initialization and embedding may be missing."""
        units = [int(part) for part in described["hidden_layer_sizes"].strip("()").split(",") if part.strip()]
        return cls(
            hidden_layer_sizes=tuple(units),
            activation=described["activation"],
            initialization=described.get("initialization", "auto"),
            embedding=described.get("embedding", "none"),
        )

    def layout(self, inputs: int, outputs: int, numbers: Sequence[int] = ()) -> PerceptronLayout:
        embedding = Embedding(tuple(numbers)) if len(numbers) and self.embedding == "periodic" else None
        seen = inputs + (0 if embedding is None else embedding.width)
        return PerceptronLayout((seen, *self.hidden_layer_sizes, outputs), embedding)

    def initial(self, layout: Layout, generator: torch.Generator) -> Tensor:
        return initial_row(perceptron_layout(layout), self.activation, self.initialization, generator)

    def stack(self, layout: Layout, rows: Tensor, loss: Loss) -> PerceptronStack:
        return PerceptronStack(perceptron_layout(layout), self.activation, loss, rows)

    def outputs(self, layout: Layout, rows: Tensor, X: Tensor) -> Tensor:
        return outputs(perceptron_layout(layout).from_rows(rows), self.activation, X)

    def described(self) -> dict[str, str]:
        return {"kind": "perceptron"} | {name: str(getattr(self, name)) for name in self.__dataclass_fields__}

    def work(self, layout: Layout) -> float:
        return 6.0 * layout.n_parameters


def perceptron_layout(layout: Layout) -> PerceptronLayout:
    """The layout of a perceptron, where something is asked that only such a one has."""
    assert isinstance(layout, PerceptronLayout)
    return layout
