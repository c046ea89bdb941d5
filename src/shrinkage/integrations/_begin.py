"""Common start of every callback: attach, audit, start the telemetry."""

from __future__ import annotations

import warnings
from typing import Any

from torch import nn
from torch.optim import Optimizer

from shrinkage.attachment import attach, attachments_of
from shrinkage.auditing import audit
from shrinkage.monitoring import Telemetry, telemetry
from shrinkage.rules import Rule

__all__ = ["begin"]


def begin(
    optimizer: Optimizer, model: nn.Module, rule: Rule | None, *, audited: bool, **options: Any
) -> Telemetry:
    """Attach `rule` unless the optimizer has one, warn about audit findings, and start the telemetry.

    Args:
        optimizer: as the trainer made it; wrappers of accelerate are removed.
        model: the model that it trains.
        rule: the rule to attach; None leaves the optimizer as it is.
        audited: audit the optimizer, and warn about each error and warning that it finds.
        options: for `attach`.
    """
    optimizer = getattr(optimizer, "optimizer", optimizer)
    if rule is not None and not attachments_of(optimizer):
        attach(optimizer, rule, model=model, **options)
    if audited:
        for finding in audit(optimizer, model).findings:
            if finding.severity != "note":
                warnings.warn(f"{finding.code}: {finding.sentence}", stacklevel=3)
    return telemetry(optimizer, model)
