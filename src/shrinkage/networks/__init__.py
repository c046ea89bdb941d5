"""Networks: what each parameter is for, and K multilayer perceptrons in one set of tensors."""

from shrinkage.networks._activations import ACTIVATIONS, Activation
from shrinkage.networks._curvature import (
    determined_by_kernels,
    determined_by_kronecker,
    determined_parameters,
    gauss_newton,
    gauss_newton_diagonal,
    kernels_of_perceptron,
    kronecker_factors,
)
from shrinkage.networks._kind import Kind, Stack, StackedKind
from shrinkage.networks._kind_registry import KINDS, kind_from
from shrinkage.networks._layout import Layout, ParameterSlot
from shrinkage.networks._losses import Loss
from shrinkage.networks._named_losses import LOSSES, is_loss, loss_named, quantile_key
from shrinkage.networks._roles import ROLES, Place, Role, places_of
from shrinkage.networks.perceptron import PerceptronKind, perceptron_layout
from shrinkage.networks.perceptron._initial_weights import INITIALIZATIONS, initial_row
from shrinkage.networks.perceptron._perceptron_layout import Parameters, PerceptronLayout
from shrinkage.networks.perceptron._perceptron_stack import PerceptronStack, outputs

__all__ = [
    "ACTIVATIONS",
    "INITIALIZATIONS",
    "KINDS",
    "LOSSES",
    "ROLES",
    "Activation",
    "Kind",
    "Layout",
    "Loss",
    "ParameterSlot",
    "Parameters",
    "PerceptronKind",
    "PerceptronLayout",
    "PerceptronStack",
    "Place",
    "Role",
    "Stack",
    "StackedKind",
    "determined_by_kernels",
    "determined_by_kronecker",
    "determined_parameters",
    "gauss_newton",
    "gauss_newton_diagonal",
    "initial_row",
    "is_loss",
    "kernels_of_perceptron",
    "kind_from",
    "kronecker_factors",
    "loss_named",
    "outputs",
    "perceptron_layout",
    "places_of",
    "quantile_key",
]
