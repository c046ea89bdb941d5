"""skorch: a rule, its numbers and an audit, as a callback of the net."""

from __future__ import annotations

from typing import Any

from skorch.callbacks import Callback

from shrinkage.integrations._begin import begin
from shrinkage.monitoring import Telemetry
from shrinkage.rules import Rule

__all__ = ["ShrinkageCallback"]


class ShrinkageCallback(Callback):
    """Attach a rule to the net's optimizer when training begins, and record what it does in the history.

    Call `net.load_params(f_optimizer=…)` before; the rule resumes from the loaded state.

    Args:
        rule: the rule to attach; None only logs and audits.
        audit: warn at the start about anything that the optimizer probably does unintentionally.
        options: for `shrinkage.attach`, as a dict: `{"exempt": (…)}`.
    """

    def __init__(
        self, rule: Rule | None = None, audit: bool = True, options: dict[str, Any] | None = None
    ) -> None:
        self.rule = rule
        self.audit = audit
        self.options = options

    def initialize(self) -> ShrinkageCallback:
        """Reset the state of one training, as skorch requires."""
        self._watch: Telemetry | None = None
        return self

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Attach, unless an earlier training has done so."""
        self._watch = begin(
            net.optimizer_, net.module_, self.rule, audited=self.audit, **(self.options or {})
        )

    def on_epoch_end(
        self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any
    ) -> None:
        """Record the numbers beside the epoch's losses."""
        if self._watch is not None:
            for key, value in self._watch.numbers().items():
                net.history.record(key, value)

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Remove the telemetry."""
        if self._watch is not None:
            self._watch.remove()
            self._watch = None
