"""The settings of training modules, as a value of its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch

from shrinkage._errors import RequestError, check_choice, check_count, shown
from shrinkage.networks.module import first_line
from shrinkage.training.modules._functions_by_effect import optimizer_text, schedule_text
from shrinkage.training.modules._module_updates import NAMED, MakeOptimizer, own_learning_rate

__all__ = ["ModuleSettings"]


@dataclass(frozen=True, kw_only=True)
class ModuleSettings:
    """How modules are trained: batches, optimizer, schedule and clipping."""

    optimizer: str | MakeOptimizer = "adam"
    """A name of `NAMED`, or a function of parameters that makes a torch optimizer."""
    learning_rate: float = 1e-3
    """η, the largest of the schedule; > 0."""
    schedule: str | Callable[[int, int], float] = "cosine"
    """`constant`; `cosine` from η to 0 over all steps; or the factor on η as a function of (step, steps)."""
    batch_size: int
    """Rows per step; the last batch of an epoch may be smaller."""
    max_grad_norm: float | None = None
    """Each module's gradient is shortened to this norm; None leaves it."""
    autocast: str | None = None
    """`bfloat16` or `float16` of torch.autocast; None for none."""

    def __post_init__(self) -> None:
        if isinstance(self.optimizer, str):
            check_choice("optimizer", self.optimizer, NAMED)
        elif not callable(self.optimizer):
            raise RequestError(
                f"optimizer=…: must be a name or a function of parameters, got {shown(self.optimizer)}."
            )
        if not callable(self.schedule):
            check_choice("schedule", self.schedule, ("constant", "cosine"))
        else:
            self._checked_factor(self.schedule, 0, 10)
        check_count("batch_size", self.batch_size)
        for name, value in (("learning_rate", self.learning_rate), ("max_grad_norm", self.max_grad_norm)):
            if name == "max_grad_norm" and value is None:
                continue
            if isinstance(value, bool) or not (
                isinstance(value, Real) and value > 0 and math.isfinite(value)
            ):
                raise RequestError(f"{name}=…: must be > 0 and finite, got {shown(value)}.")
        if not isinstance(self.optimizer, str):
            own = own_learning_rate(self.optimizer)
            if not math.isclose(own, self.learning_rate, rel_tol=1e-6):
                raise RequestError(
                    f"learning_rate={self.learning_rate:g}: your optimizer has {own:g}. Give one of them, or both alike."
                )
        if self.autocast not in (None, "bfloat16", "float16"):
            raise RequestError(
                f"autocast=…: must be None, 'bfloat16' or 'float16', got {shown(self.autocast)}."
            )

    def cast(self, device: str) -> AbstractContextManager[Any]:
        """What forward runs under on a device."""
        if self.autocast is None:
            return nullcontext()
        return torch.autocast(torch.device(device).type, getattr(torch, self.autocast))

    def rate(self, step: int, steps: int) -> float:
        """η_t at step t = `step` (from 0) of T = `steps`."""
        if callable(self.schedule):
            return self.learning_rate * self._checked_factor(self.schedule, step, steps)
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))

    @staticmethod
    def _checked_factor(schedule: Callable[[int, int], float], step: int, steps: int) -> float:
        try:
            factor = float(schedule(step, steps))
        except Exception as error:  # whatever the user's function raises
            raise RequestError(
                "schedule=…: must be a function of (step, steps), both from 0 on, that returns the factor on the "
                f"learning rate; called with ({step}, {steps}) it raised {type(error).__name__}: {first_line(error)}."
            ) from error
        if not (factor >= 0 and math.isfinite(factor)):
            raise RequestError(
                f"schedule=…: the factor on the learning rate must be >= 0 and finite, got {factor:g} at step {step} of "
                f"{steps}."
            )
        return factor

    def described(self) -> dict[str, str]:
        texts = {name: str(getattr(self, name)) for name in self.__dataclass_fields__}
        if not isinstance(self.optimizer, str):
            texts["optimizer"] = optimizer_text(self.optimizer)
        if callable(self.schedule):
            texts["schedule"] = schedule_text(self.schedule)
        return texts
