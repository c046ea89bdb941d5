"""The audit of a live optimizer: what it does to each weight, measured on copies, and what is probably unintended."""

from shrinkage.auditing._audit_checkpoint import audit_checkpoint
from shrinkage.auditing._audit_optimizer import audit
from shrinkage.auditing._audit_result import Group
from shrinkage.auditing._audit_step import audit_step
from shrinkage.auditing._explaining import explain
from shrinkage.auditing._finding import SEVERITIES, Check, Finding, Severity
from shrinkage.auditing._judging import Audit
from shrinkage.auditing._unchecked import Unchecked
from shrinkage.auditing.findings import CHECKS
from shrinkage.auditing.measuring._step_reading import Reading
from shrinkage.auditing.running._audit_run import RunAudit, audit_run
from shrinkage.auditing.running._measured_decay import MeasuredDecay, measured_decays

__all__ = [
    "CHECKS",
    "SEVERITIES",
    "Audit",
    "Check",
    "Finding",
    "Group",
    "MeasuredDecay",
    "Reading",
    "RunAudit",
    "Severity",
    "Unchecked",
    "audit",
    "audit_checkpoint",
    "audit_run",
    "audit_step",
    "explain",
    "measured_decays",
]
