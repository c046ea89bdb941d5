"""
What does the wrong sign do?
============================

Two widely read articles add λw where it must be subtracted, so the weights grow under what is called a penalty. The loss
on the training rows falls all the same, and nothing looks wrong. The norm of the weights and an audit show it.
"""

import matplotlib.pyplot as plt
import torch

import shrinkage as sh


class Printed(torch.optim.Optimizer):
    """Gradient descent with the sign of the penalty as printed."""

    def __init__(self, parameters, lr, weight_decay):
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is not None:
                    w += -group["lr"] * w.grad + group["lr"] * group["weight_decay"] * w


def run(optimizer):
    torch.manual_seed(0)
    X, net = torch.randn(100, 5), torch.nn.Linear(5, 1)
    y = X.sum(1, keepdim=True) + torch.randn(100, 1)
    descent, norms = optimizer(net.parameters(), lr=0.02, weight_decay=0.5), []
    codes = [finding.code for finding in sh.audit(descent, net).findings]
    for _ in range(200):
        descent.zero_grad()
        torch.nn.functional.mse_loss(net(X), y).backward()
        descent.step()
        norms.append(net.weight.detach().norm().item())
    return norms, codes


wrong, codes = run(Printed)
right, _ = run(torch.optim.SGD)

figure, axes = plt.subplots(layout="constrained")
axes.plot(wrong, label="wrong sign, as printed")
axes.plot(right, label="right sign")
axes.set(xlabel="step", ylabel="norm of the weights", title="The same penalty with two signs")
axes.legend()

assert "grows" in codes
assert wrong[-1] > right[-1]
