"""Networks: what each parameter is for, and K multilayer perceptrons in one set of tensors."""

from shrinkage.networks._activations import ACTIVATIONS, Activation
from shrinkage.networks._initial import INITIALIZATIONS, initial_row
from shrinkage.networks._kind import Kind
from shrinkage.networks._layout import Layout, Parameters
from shrinkage.networks._losses import LOSSES, Loss
from shrinkage.networks._roles import ROLES, Place, Role, places_of
from shrinkage.networks._stack import Stack, outputs
from shrinkage.networks.perceptron import PerceptronKind

__all__ = [
    "ACTIVATIONS",
    "INITIALIZATIONS",
    "LOSSES",
    "ROLES",
    "Activation",
    "Kind",
    "Layout",
    "Loss",
    "Parameters",
    "PerceptronKind",
    "Place",
    "Role",
    "Stack",
    "initial_row",
    "outputs",
    "places_of",
]
