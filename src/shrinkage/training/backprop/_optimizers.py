"""SGD and Adam on one flat buffer of parameters: the whole stack takes one call per step.

`Plain…` are the float64-readable twins of the fused call; the tests compare them step by step with torch.optim.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

__all__ = ["BETAS", "EPS", "SGD", "Adam", "Optimizer", "PlainAdam"]

BETAS, EPS = (0.9, 0.999), 1e-8
"""Adam's, as the article and every framework have them."""


class Optimizer(ABC):
    """Updates `w` in place from `grad`; both are flat and stay the same tensors."""

    def __init__(self, w: Tensor, grad: Tensor) -> None:
        self.w = w
        self.grad = grad

    @abstractmethod
    def step(self, lr: float) -> None:
        """One update at learning rate `lr`."""

    @property
    @abstractmethod
    def moments(self) -> list[Tensor]:
        """The flat buffers that a step depends on."""

    def start_at(self, step: int) -> None:  # noqa: B027 (SGD counts no steps)
        """Count the steps from here on."""


class SGD(Optimizer):
    """`b ← μ b + g`, `w ← w − η b`; with Nesterov's look-ahead `w ← w − η (g + μ b)`.

    Reference: Sutskever et al., ICML 2013, in the form of torch.optim.SGD (the rate outside the buffer).
    """

    def __init__(self, w: Tensor, grad: Tensor, *, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__(w, grad)
        self.momentum = momentum
        self.nesterov = nesterov
        self.buffer = torch.zeros_like(w) if momentum else None

    @property
    def moments(self) -> list[Tensor]:
        return [] if self.buffer is None else [self.buffer]

    def step(self, lr: float) -> None:
        if self.buffer is None:
            self.w.add_(self.grad, alpha=-lr)
            return
        self.buffer.mul_(self.momentum).add_(self.grad)
        if self.nesterov:
            self.w.add_(self.grad, alpha=-lr).add_(self.buffer, alpha=-lr * self.momentum)
        else:
            self.w.add_(self.buffer, alpha=-lr)


class PlainAdam(Optimizer):
    """Adam as Kingma and Ba, ICLR 2015, algorithm 1 has it: the reference that `Adam` is compared with.

    `m ← β₁m + (1 − β₁)g`, `v ← β₂v + (1 − β₂)g²`, `w ← w − η m̂/(√v̂ + ε)`.
    """

    def __init__(self, w: Tensor, grad: Tensor, *, betas: tuple[float, float] = BETAS, eps: float = EPS):
        super().__init__(w, grad)
        self.betas = betas
        self.eps = eps
        self.m = torch.zeros_like(w)
        self.v = torch.zeros_like(w)
        self.t = 0

    @property
    def moments(self) -> list[Tensor]:
        return [self.m, self.v]

    def start_at(self, step: int) -> None:
        self.t = step

    def step(self, lr: float) -> None:
        (b1, b2), self.t = self.betas, self.t + 1
        self.m.mul_(b1).add_(self.grad, alpha=1 - b1)
        self.v.mul_(b2).addcmul_(self.grad, self.grad, value=1 - b2)
        m_hat, v_hat = self.m / (1 - b1**self.t), self.v / (1 - b2**self.t)
        self.w.sub_(lr * m_hat / (v_hat.sqrt() + self.eps))


class Adam(PlainAdam):
    """The same in one fused kernel: one pass over w, g, m and v instead of nine."""

    def __init__(self, w: Tensor, grad: Tensor, *, betas: tuple[float, float] = BETAS, eps: float = EPS):
        super().__init__(w, grad, betas=betas, eps=eps)
        self._step = torch.zeros((), dtype=torch.float32, device=w.device)

    def start_at(self, step: int) -> None:
        self._step.fill_(step)

    def step(self, lr: float) -> None:
        self._step += 1
        # torch.optim.Adam(fused=True) calls the same kernel with 20 µs of bookkeeping per step.
        torch._fused_adam_(  # pyright: ignore[reportPrivateImportUsage]
            [self.w],
            [self.grad],
            [self.m],
            [self.v],
            [],
            [self._step],
            lr=lr,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=0.0,
            eps=self.eps,
            amsgrad=False,
            maximize=False,
        )
