"""Networks: what each parameter is for, and K multilayer perceptrons in one set of tensors."""

from shrinkage.networks._activations import ACTIVATIONS, Activation
from shrinkage.networks._kind import Kind
from shrinkage.networks._losses import LOSSES, Loss
from shrinkage.networks._roles import ROLES, Place, Role, places_of
from shrinkage.networks.perceptron import PerceptronKind
from shrinkage.networks.perceptron._initial_weights import INITIALIZATIONS, initial_row
from shrinkage.networks.perceptron._perceptron_layout import Layout, Parameters
from shrinkage.networks.perceptron._perceptron_stack import Stack, outputs

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
