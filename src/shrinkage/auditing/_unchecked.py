"""Checks that could not run, and why: the silence of a check that never ran is not an all-clear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["NEEDS", "WHY_MISSING", "Need", "Unchecked", "lacking", "unchecked_of"]

Need = Literal[
    "optimizer", "options", "built", "live", "model", "biases", "roles", "matrices", "values", "format", "gradients",
    "followed", "followed later", "size", "reached", "rows", "steps", "scheduler", "loss", "inputs",
]  # fmt: skip
"""Something that a check needs."""

NEEDS: dict[Need, str] = {
    "optimizer": "an optimizer",
    "options": "the optimizer's groups",
    "built": "the options that the optimizer was built with",
    "live": "the live optimizer and its parameters' flags",
    "model": "the model",
    "biases": "names or shapes that identify biases",
    "roles": "names that identify norms, tokens and embeddings",
    "matrices": "names or shapes that identify weight matrices",
    "values": "the weights' values",
    "format": "the weights' number format",
    "gradients": "gradients, to compare a penalty in the gradient with, and for optimizers that skip a step of zeros",
    "followed": "penalties set by weight_decay, or strong enough to survive rounding in the test steps",
    "followed later": "the same at later learning rates",
    "size": "weights on which a full-size step can be run",
    "reached": "gradients, or an optimizer that has taken steps",
    "rows": "`rows` and `batch_size`",
    "steps": "`steps`",
    "scheduler": "a scheduler",
    "loss": "`loss`, to look for penalties in it",
    "inputs": "`inputs`, to run the model on",
}
"""Each need in words; the first missing one gives the reason."""

WHY_MISSING: dict[Need, str] = {
    "model": "no model=… was given",
    "biases": "no model=… was given",
    "roles": "no model=… was given",
    "matrices": "no model=… was given",
    "gradients": "there are no gradients to judge the rounding with (audit after backward())",
    "reached": "there are neither gradients nor past steps (audit after a step)",
    "rows": "rows=… and batch_size=… were not given",
    "steps": "steps=… was not given",
    "scheduler": "no scheduler=… was given, so the learning rate is assumed constant",
    "loss": "penalties inside the loss cannot be checked without loss=…",
    "inputs": "no batch was given to run the model on (inputs=…)",
}
"""Why an audit of a live optimizer lacks it, and what to give."""

_MOST_LISTED = 8
_CENTRAL: frozenset[Need] = frozenset({"optimizer", "roles", "values"})
"""Without these, finding nothing means little."""


@dataclass(frozen=True, kw_only=True)
class Unchecked:
    """Checks that could not run, for one reason."""

    because: str
    """What is missing, and what to give."""
    codes: tuple[str, ...]
    """The checks that did not run."""
    partly: tuple[str, ...]
    """The checks that ran only in part."""
    central: bool
    """Whether so much is missing that finding nothing means little."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON."""
        return {**asdict(self), "codes": list(self.codes), "partly": list(self.partly)}

    @property
    def words(self) -> str:
        """The checks in one line; only the first if there are many."""
        listed = [*self.codes, *(f"{code} (in part)" for code in self.partly)]
        rest = len(listed) - _MOST_LISTED
        return ", ".join(listed) if rest <= 1 else f"{', '.join(listed[:_MOST_LISTED])} and {rest} more"


def lacking(because: str, *needs: Need) -> dict[Need, str]:
    """The same reason for several missing needs."""
    return dict.fromkeys(needs, because)


def unchecked_of(
    checks: Mapping[str, Any], lacks: Mapping[Need, str], lacks_part: Mapping[Need, str]
) -> list[Unchecked]:
    """The checks that could not run, by reason (each under its first reason); the worst reason first."""
    by_cause: dict[str, tuple[list[str], list[str], list[Need]]] = {}
    seen: set[str] = set()
    missing: list[Need] = sorted({*lacks, *lacks_part}, key=[*NEEDS].index)
    for need in missing:
        codes, partly, needs = by_cause.setdefault(lacks.get(need) or lacks_part[need], ([], [], []))
        needs.append(need)
        for code, check in checks.items():
            if need in check.needs and need in lacks and code not in seen:
                codes.append(code)
                seen.add(code)
            elif need in check.needs + check.partly and code not in partly:
                partly.append(code)
    found = [
        Unchecked(
            because=because,
            codes=tuple(codes),
            partly=tuple(code for code in partly if code not in seen),
            central=bool(_CENTRAL.intersection(needs)),
        )
        for because, (codes, partly, needs) in by_cause.items()
        if codes or set(partly) - seen
    ]
    return sorted(found, key=lambda part: not part.central)
