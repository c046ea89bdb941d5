"""The checks: each judges the measured facts under one question. The registry holds them, the worst questions first."""

from shrinkage.auditing._facts import Facts
from shrinkage.auditing._finding import SEVERITIES, Finding
from shrinkage.auditing.findings import (
    _by_role,
    _configured,
    _group_options,
    _kinds_of_decay,
    _lost_to_rounding,
    _membership,
    _over_the_run,
    _signs,
    _weights,
)

__all__ = ["CHECKS", "found"]

_ROWS = (
    _signs.grows,
    _signs.negative_strength,
    _configured.not_applied,
    _configured.default_instead,
    _over_the_run.vanishes,
    _lost_to_rounding.rounded_away,
    _lost_to_rounding.rounded_away_later,
    _lost_to_rounding.rounded_up,
    _membership.decayed_twice,
    _membership.frozen_decayed,
    _membership.none_grad_decayed,
    _membership.zero_grad_decayed,
    _membership.in_no_group,
    _membership.shared_memory,
    _membership.tied,
    _configured.other_number,
    _kinds_of_decay.two_penalties,
    _kinds_of_decay.adam_l2,
    _kinds_of_decay.adam_is_adamw,
    _kinds_of_decay.adamw_is_adam,
    _kinds_of_decay.trust_ratio_off,
    _group_options.misspelt_option,
    _group_options.unread_multiplier,
    _group_options.shared_lr_tensor,
    _group_options.compiled_float_lr,
    _by_role.swapped_groups,
    _by_role.bias_decayed,
    _by_role.norm_decayed,
    _by_role.token_decayed,
    _by_role.embedding_decayed,
    _by_role.matrix_exempt,
    _over_the_run.timescale_short,
    _over_the_run.timescale_long,
    _over_the_run.fades,
    _weights.outsized,
    _weights.scale_invariant,
)
CHECKS = {check.code: check for check in _ROWS}
"""Every check by its code."""


def found(facts: Facts) -> list[Finding]:
    """Everything that the checks find, the worst first."""
    findings = [finding for check in CHECKS.values() for finding in check(facts)]
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
