"""
Does a schedule fade the decay?
===============================

AdamW multiplies its decay by the learning rate, so a cosine schedule that ends at 0 fades the decay too, and half of it
never happens. With ``clock="constant"`` the decay stays.
"""

import matplotlib.pyplot as plt
import torch

import shrinkage as sh

STEPS = 200


def shrinks(rule):
    """The fraction of each weight that every step removes."""
    layer = torch.nn.Linear(4, 4)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=1e-2, weight_decay=0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    handle = sh.attach(optimizer, rule, model=layer)
    found = []
    for _ in range(STEPS):
        found.append(handle.log()["shrinkage/group0/shrink"])
        layer.weight.grad = torch.zeros_like(layer.weight)
        optimizer.step()
        schedule.step()
    return torch.tensor(found)


fading = shrinks(sh.Decoupled(0.1))
constant = shrinks(sh.Decoupled(rate=1e-3, clock="constant"))

figure, axes = plt.subplots(layout="constrained")
axes.plot(fading, label=f"Decoupled(0.1): {fading.sum():.2f} in all")
axes.plot(constant, label=f'Decoupled(rate=1e-3, clock="constant"): {constant.sum():.2f} in all')
axes.set(xlabel="step", ylabel="fraction of a weight removed", title="Decay under a cosine schedule")
axes.legend()

assert abs(fading.sum() / constant.sum() - 0.5) < 0.01
