"""Lightning: a rule, its numbers and an audit, as a callback of the Trainer."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from shrinkage.integrations._begin import begin
from shrinkage.monitoring import Telemetry
from shrinkage.rules import Rule

if find_spec("lightning"):
    _callbacks: Any = import_module("lightning.pytorch.callbacks")
else:
    _callbacks = import_module("pytorch_lightning.callbacks")

__all__ = ["ShrinkageCallback"]


class ShrinkageCallback(_callbacks.Callback):
    """Attach a rule to every optimizer of the module when fitting starts, and log what it does.

    The rule is attached before Lightning restores a checkpoint, so its state resumes by parameter name.

    Args:
        rule: the rule to attach; None only logs and audits.
        every: number of steps between readings.
        audit: warn at the start about anything that the optimizers probably do unintentionally.
        options: options of `shrinkage.attach`, such as `exempt` or `multipliers`.
    """

    def __init__(
        self, rule: Rule | None = None, *, every: int = 50, audit: bool = True, **options: Any
    ) -> None:
        self._rule, self._every, self._audit, self._options = rule, every, audit, options
        self._watches: list[Telemetry] = []

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Attach before the optimizer's state is restored."""
        steps = trainer.estimated_stepping_batches
        known = {"steps": int(steps)} if 1 <= steps < float("inf") else {}
        self._watches = [
            begin(optimizer, pl_module, self._rule, audited=self._audit, **{**known, **self._options})
            for optimizer in trainer.optimizers
        ]

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *args: Any) -> None:
        """Log the numbers through the module's own logger."""
        if trainer.global_step % self._every == 0:
            for i, watch in enumerate(self._watches):
                prefix = f"optimizer{i}/" if len(self._watches) > 1 else ""
                pl_module.log_dict({prefix + key: value for key, value in watch.numbers().items()})

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Remove the telemetry."""
        for watch in self._watches:
            watch.remove()
