"""Multilayer perceptrons: the kind of network that the compiled engine trains."""

from shrinkage.networks.perceptron._perceptron_kind import PerceptronKind, perceptron_layout

__all__ = ["PerceptronKind", "perceptron_layout"]
