"""What the table, the log and the state dict ask of a rule at work."""

from __future__ import annotations

from typing import Literal, Protocol

from torch import Tensor
from torch.optim import Optimizer

from shrinkage.attachment._claims import Claim
from shrinkage.attachment._step import Bunch
from shrinkage.attachment.control._loop_control import LoopControl
from shrinkage.rules import Rule, Schedule

__all__ = ["Handle", "Keep"]

Keep = Literal["new", "checkpoint"]
"""Which strength to use after loading if they differ: that of `attach`, or the checkpoint's."""


class Handle(Protocol):
    """An `Attachment`, as what it draws and saves sees it."""

    optimizer: Optimizer
    rule: Rule
    schedule: Schedule | None
    steps: int
    keep: Keep | None
    claims: dict[Tensor, Claim]
    control: LoopControl | None

    @property
    def bunches(self) -> list[Bunch]: ...

    @property
    def names(self) -> list[str]: ...

    def param_of(self, name: str) -> Tensor: ...

    def replan(self) -> None: ...
