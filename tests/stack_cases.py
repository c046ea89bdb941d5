"""Networks, rows and plain twins for the tests of the stack and its training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from shrinkage.networks import ACTIVATIONS, LOSSES, PerceptronKind, PerceptronLayout, initial_row
from shrinkage.rules import L2, Reading, Rule
from shrinkage.training import Backprop, Member, Recipe, Rows

PLAIN = {"relu": torch.relu, "tanh": torch.tanh, "logistic": torch.sigmoid, "identity": lambda z: z}
ARCHITECTURES = [(3, 2), (5, 4, 3), (4, 6, 5, 3)]
ACTIVATION_NAMES = sorted(ACTIVATIONS)
LOSS_NAMES = sorted(LOSSES)
VALUE_LOSSES = {
    "squared_error": lambda z, Y: (z - Y) ** 2,
    "absolute_error": lambda z, Y: (z - Y).abs(),
    "huber": lambda z, Y: 2 * torch.nn.functional.huber_loss(z, Y, reduction="none", delta=1.0),
    "quantile": lambda z, Y: 0.5 * (z - Y).abs(),
    "quantile:0.9": lambda z, Y: torch.maximum(0.9 * (Y - z), 0.1 * (z - Y)),
    "poisson": lambda z, Y: 2 * (torch.special.xlogy(Y, Y) - Y * z - Y + z.exp()),
}
"""Of one value, by key."""


def problem(n: int, inputs: int, outputs: int, loss: str, seed: int = 0) -> tuple[Tensor, Tensor]:
    """(n, inputs) and (n, outputs) of a loss's kind, float64."""
    g = torch.Generator().manual_seed(seed)
    X = torch.randn(n, inputs, generator=g, dtype=torch.float64)
    if loss == "poisson":
        return X, torch.poisson(torch.full((n, outputs), 1.5, dtype=torch.float64), generator=g)
    if loss in VALUE_LOSSES:
        return X, torch.randn(n, outputs, generator=g, dtype=torch.float64)
    if loss in ("logistic", "multilabel"):
        return X, torch.randint(0, 2, (n, outputs), generator=g).double()
    classes = torch.randint(0, outputs, (n,), generator=g)
    return X, torch.nn.functional.one_hot(classes, outputs).double()


def rows_of(layout: PerceptronLayout, K: int, seed: int = 0) -> Tensor:
    """(K, D) networks with random weights and biases, float64."""
    g = torch.Generator().manual_seed(seed)
    rows = torch.stack([initial_row(layout, "tanh", "glorot", g) for _ in range(K)])
    return rows + 0.1 * torch.randn(rows.shape, generator=g, dtype=torch.float64)


def plain_loss(loss: str, z: Tensor, Y: Tensor) -> Tensor:
    """lossᵢ of each row as torch.nn writes it."""
    F = torch.nn.functional
    if loss == "softmax":
        return F.cross_entropy(z, Y.argmax(1), reduction="none")
    if loss == "logistic":
        return F.binary_cross_entropy_with_logits(z, Y, reduction="none").sum(1)
    if loss == "multilabel":
        return F.binary_cross_entropy_with_logits(z, Y, reduction="none").mean(1)
    return VALUE_LOSSES[loss](z, Y).mean(1)


def plain_outputs(layout: PerceptronLayout, row: Tensor, activation: str, X: Tensor) -> Tensor:
    """One network, layer by layer, the obvious way."""
    parameters = layout.from_rows(row[None])
    a = X
    layers = list(zip(parameters.weights, parameters.biases, strict=True))
    for i, (W, b) in enumerate(layers):
        a = a @ W[0] + b[0]
        if i < len(layers) - 1:
            a = PLAIN[activation](a)
    return a


def assembled(trainer: type, **settings: Any) -> Recipe:
    """A recipe from its settings and those of its kind and trainer, all by name."""

    def own(cls: type) -> dict[str, Any]:
        return {name: settings.pop(name) for name in [*cls.__dataclass_fields__] if name in settings}

    return Recipe(kind=PerceptronKind(**own(PerceptronKind)), trainer=trainer(**own(trainer)), **settings)


def recipe(**changes: Any) -> Recipe:
    """Small float64 training, plain SGD unless told otherwise."""
    given: dict[str, Any] = {
        "hidden_layer_sizes": (4,),
        "activation": "tanh",
        "loss": "softmax",
        "rule": L2(0.0),
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "max_epochs": 3,
        "batch_size": 5,
        "dtype": "float64",
    }
    return assembled(Backprop, **{**given, **changes})


def member(X: Tensor, Y: Tensor, *, fold: int = 0, restart: int = 0, n_train: int | None = None) -> Member:
    """The first rows to train on, the others to validate with."""
    if n_train is None:
        return Member(fold, restart, Rows(X=X, Y=Y), None)
    index = torch.arange(len(X))
    return Member(fold, restart, Rows(X=X, Y=Y, index=index[:n_train]), Rows(X=X, Y=Y, index=index[n_train:]))


def sgd_step(
    layout: PerceptronLayout,
    row: Tensor,
    activation: str,
    loss: str,
    X: Tensor,
    Y: Tensor,
    lr: float,
    rule: Rule,
) -> Tensor:
    """One plain SGD step of one network under `rule`, by autograd."""
    w = row.clone().requires_grad_()
    J = plain_loss(loss, plain_outputs(layout, w, activation, X), Y).mean()
    (grad,) = torch.autograd.grad(J, w)
    new, n = row.clone(), layout.n_weights
    now = Reading(lr, lr)
    if rule.entry == "loss":
        rule.add_gradient_(grad[:n], row[:n])
    if rule.entry == "before":
        rule.shrink_(new[:n], now)
    new -= lr * grad
    if rule.entry == "after":
        rule.shrink_(new[:n], now)
    return new
