"""
Does bfloat16 lose the decay?
=============================

A bfloat16 number has about three digits. Removing a thousandth of it rounds to no change, so AdamW does not decay
bfloat16 weights. A rule that is attached accumulates what rounding loses and applies it later.
"""

import matplotlib.pyplot as plt
import torch

import shrinkage as sh

STEPS = 1000


def norms(attached):
    """The norm of a layer over the steps, relative to its start; the gradients are 0."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(100, 100, bias=False, dtype=torch.bfloat16)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.01, weight_decay=0 if attached else 0.1)
    if attached:
        sh.attach(optimizer, sh.Decoupled(0.1), model=layer)
    layer.weight.grad = torch.zeros_like(layer.weight)
    found = [layer.weight.double().norm().item()]
    for _ in range(STEPS):
        optimizer.step()
        found.append(layer.weight.double().norm().item())
    return torch.tensor(found) / found[0]


plain, attached = norms(False), norms(True)
exact = 0.999 ** torch.arange(STEPS + 1)

figure, axes = plt.subplots(layout="constrained")
axes.plot(plain, label="AdamW(weight_decay=0.1)")
axes.plot(attached, label="attach(…, Decoupled(0.1))")
axes.plot(exact, "k:", label="exact: 0.999 to the number of steps")
axes.set(xlabel="step", ylabel="norm of the weights, relative", ylim=(0, 1.05), title="bfloat16 weights")
axes.legend()

assert plain[-1] > 0.99
assert abs(attached[-1] - exact[-1]) < 0.01
