"""
Is weight decay an L2 penalty?
==============================

Under plain gradient descent it is: the two give the same weights, to the last digits. Under Adam they are two methods,
because Adam divides the gradient of the penalty by the size of the gradient.
"""

import matplotlib.pyplot as plt
import torch

import shrinkage as sh

torch.manual_seed(0)
X = torch.randn(200, 10, dtype=torch.float64)
y = X @ torch.linspace(-1, 1, 10, dtype=torch.float64) + 0.5 * torch.randn(200, dtype=torch.float64)


def trained(optimizer, rule, steps=200):
    """The weights of a linear model after each step."""
    layer = torch.nn.Linear(10, 1, bias=False, dtype=torch.float64)
    torch.nn.init.constant_(layer.weight, 1.0)
    step = optimizer(layer.parameters(), lr=0.01, weight_decay=0)
    sh.attach(step, rule, model=layer)
    weights = []
    for _ in range(steps):
        step.zero_grad()
        (layer(X)[:, 0] - y).square().mean().backward()
        step.step()
        weights.append(layer.weight.detach().clone())
    return torch.stack(weights)


# %%
# Both rules have the same strength, λ = 0.5: `L2` adds λw to the gradient, `Decoupled` removes the fraction lr·λ.

distance = {}
for optimizer in (torch.optim.SGD, torch.optim.Adam):
    penalty, decay = trained(optimizer, sh.L2(0.5)), trained(optimizer, sh.Decoupled(0.5))
    distance[optimizer.__name__] = (penalty - decay).norm(dim=(1, 2)) / penalty.norm(dim=(1, 2))

figure, axes = plt.subplots(layout="constrained")
for name, values in distance.items():
    axes.semilogy(values.clamp_min(1e-17), label=name)
axes.set(xlabel="step", ylabel="relative distance of the weights", title="L2 penalty against weight decay")
axes.legend()

assert distance["SGD"].max() < 1e-12 < 0.1 < distance["Adam"][-1]
