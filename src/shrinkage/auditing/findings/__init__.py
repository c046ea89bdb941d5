"""The checks: each judges the measured facts under one question. The registry holds them, the worst questions first."""

from shrinkage.auditing._facts import Facts
from shrinkage.auditing._finding import SEVERITIES, Finding
from shrinkage.auditing.findings import (
    _kinds,
    _membership,
    _options,
    _precision,
    _roles,
    _schedule,
    _signs,
    _weights,
)

__all__ = ["CHECKS", "found"]

_ROWS = (
    _signs.grows,
    _signs.negative_strength,
    _precision.rounded_away,
    _precision.rounded_away_later,
    _precision.rounded_up,
    _membership.decayed_twice,
    _membership.frozen_decayed,
    _membership.none_grad_decayed,
    _membership.zero_grad_decayed,
    _membership.in_no_group,
    _membership.shared_memory,
    _membership.tied,
    _kinds.two_penalties,
    _kinds.adam_l2,
    _kinds.adam_is_adamw,
    _kinds.adamw_is_adam,
    _kinds.trust_ratio_off,
    _options.misspelt_option,
    _options.shared_lr_tensor,
    _options.compiled_float_lr,
    _roles.bias_decayed,
    _roles.norm_decayed,
    _roles.token_decayed,
    _roles.embedding_decayed,
    _roles.matrix_exempt,
    _schedule.timescale_short,
    _schedule.timescale_long,
    _schedule.fades,
    _weights.outsized,
    _weights.scale_invariant,
)
CHECKS = {check.code: check for check in _ROWS}
"""Every check by its code."""


def found(facts: Facts) -> list[Finding]:
    """Everything that the checks find, the worst first."""
    findings = [finding for check in CHECKS.values() for finding in check(facts)]
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
