"""K multilayer perceptrons in one set of tensors: layout, initial weights, passes forward and backward, errors."""

from shrinkage.networks._activations import ACTIVATIONS, Activation
from shrinkage.networks._initial import INITIALIZATIONS, initial_row
from shrinkage.networks._layout import Layout, Parameters
from shrinkage.networks._losses import LOSSES, Loss
from shrinkage.networks._stack import Stack, outputs

__all__ = [
    "ACTIVATIONS",
    "INITIALIZATIONS",
    "LOSSES",
    "Activation",
    "Layout",
    "Loss",
    "Parameters",
    "Stack",
    "initial_row",
    "outputs",
]
