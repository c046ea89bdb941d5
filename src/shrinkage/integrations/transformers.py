"""transformers: a rule, its numbers and an audit, as a callback of the Trainer."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from shrinkage.integrations._begin import begin
from shrinkage.monitoring import Telemetry
from shrinkage.rules import Rule

__all__ = ["ShrinkageCallback"]


class ShrinkageCallback(TrainerCallback):
    """Attach a rule to the Trainer's optimizer when training begins, and log what it does.

    The Trainer restores its optimizer first; the rule resumes from the state restored with it. Leave
    `TrainingArguments(weight_decay=…)` at 0: a second decay is an error.

    Args:
        rule: the rule to attach; None only logs and audits.
        audit: warn at the start about anything that the optimizer probably does unintentionally.
        options: options of `shrinkage.attach`, such as `exempt` or `multipliers`.
    """

    def __init__(self, rule: Rule | None = None, *, audit: bool = True, **options: Any) -> None:
        self._rule, self._audit, self._options = rule, audit, options
        self._watch: Telemetry | None = None

    def add_to(self, trainer: Any) -> None:
        """Add the callback before the Trainer's trackers, so they receive the numbers too."""
        trainer.callback_handler.callbacks.insert(0, self)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Attach, after the optimizer's state has been restored."""
        known = {"steps": state.max_steps} if state.max_steps > 0 else {}
        options = {**known, **self._options}
        self._watch = begin(kwargs["optimizer"], kwargs["model"], self._rule, audited=self._audit, **options)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Add the numbers to the Trainer's logs."""
        if self._watch is not None and logs is not None:
            numbers = self._watch.numbers()
            logs.update(numbers)
            if state.log_history:
                state.log_history[-1].update(numbers)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Remove the telemetry."""
        if self._watch is not None:
            self._watch.remove()
            self._watch = None
