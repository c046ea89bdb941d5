"""Initial weights: uniform with variance 2/(fan_in + fan_out) (Glorot) or 2/fan_in (He); biases 0.

References: Glorot and Bengio, AISTATS 2010, eq. 16; He et al., ICCV 2015, eq. 10.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from shrinkage.networks._activations import ACTIVATIONS
from shrinkage.networks.perceptron._perceptron_layout import PerceptronLayout
from shrinkage.networks.perceptron._periodic_embedding import initial_embedding

__all__ = ["INITIALIZATIONS", "initial_row"]

INITIALIZATIONS = ("auto", "glorot", "he")


def initial_row(
    layout: PerceptronLayout, activation: str, initialization: str, generator: torch.Generator
) -> Tensor:
    """The row (D,) of one untrained network, float64, drawn from `generator` layer by layer.

    `auto` is He's for relu and Glorot's for the others. The draw is uniform in ±√(3·variance).
    """
    he = initialization == "he" or (initialization == "auto" and ACTIVATIONS[activation].gain > 1)
    parts = []
    for fan_in, fan_out in layout.shapes:
        variance = 2 / fan_in if he else 2 / (fan_in + fan_out)
        limit = math.sqrt(3 * variance)
        draw = torch.rand(fan_in * fan_out, generator=generator, dtype=torch.float64)
        parts.append(draw.mul_(2 * limit).sub_(limit))
    embedding = [] if layout.embedding is None else initial_embedding(layout.embedding, generator)
    biases = torch.zeros(sum(layout.sizes[1:]), dtype=torch.float64)
    return torch.cat([each.flatten() for each in (*parts, *embedding[:1], biases, *embedding[1:])])
