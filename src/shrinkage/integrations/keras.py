"""Keras 3 on torch: any rule around the step of a Keras optimizer, as a callback of `fit`."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import keras

from shrinkage._errors import RequestError
from shrinkage.attachment import Attachment, attach
from shrinkage.integrations._keras_audit import audit
from shrinkage.integrations._keras_steps import KerasSteps
from shrinkage.rules import Rule

__all__ = ["ShrinkageCallback", "audit"]


class ShrinkageCallback(keras.callbacks.Callback):
    """Attach a rule to the model's optimizer during `fit`, and add its numbers to each epoch's logs.

    Args:
        rule: the rule to attach; the Keras optimizer's own `weight_decay` must be None.
        exempt: globs over `variable.path` of variables without decay.
        options: for `shrinkage.attach`.
    """

    def __init__(self, rule: Rule, *, exempt: Sequence[str] = ("*bias", "*beta", "*gamma"), **options: Any):
        super().__init__()
        self.handle: Attachment | None = None
        self._rule, self._exempt, self._options = rule, exempt, options

    def on_train_begin(self, logs: Any = None) -> None:
        """Put a torch optimizer with the rule around the Keras optimizer's step."""
        model: Any = self.model
        if keras.backend.backend() != "torch" or getattr(model.optimizer, "weight_decay", None):
            raise RequestError(
                "ShrinkageCallback: needs Keras on torch and an optimizer without weight_decay."
            )
        self._steps = KerasSteps(model.trainable_variables, model.optimizer)
        paths = self._steps.param_groups[0]["param_names"]
        exempt = [glob for glob in self._exempt if any(fnmatchcase(path, glob) for path in paths)]
        self.handle = attach(self._steps, self._rule, exempt=exempt, **self._options)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add the handle's numbers to the logs, for later callbacks."""
        if logs is not None and self.handle is not None:
            logs.update(self.handle.log())

    def on_train_end(self, logs: Any = None) -> None:
        """Restore the Keras optimizer's own step."""
        model: Any = self.model
        del model.optimizer.apply
