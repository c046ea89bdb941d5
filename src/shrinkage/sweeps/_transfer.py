"""`transfer`: a strength for a larger network or run, each rule with its source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shrinkage._errors import RequestError, called, shown, vocabulary
from shrinkage.strength import Convention, checked, find
from shrinkage.sweeps._rescale import Keep, rescale

__all__ = ["Transfer", "TransferRule", "transfer"]

Pair = tuple[float, float]

_WANG = "Wang and Aitchison, arXiv 2405.13698"
_WANG_TESTED = "AdamW: ResNet-18 and ViT on CIFAR-10 and ImageNet, NanoGPT on OpenWebText"
_BERGSMA = "Bergsma et al., arXiv 2505.13738; with " + _WANG
_BERGSMA_TESTED = "AdamW: language models pre-trained in one pass, at a fixed number of tokens"
_ALGEBRA = "nothing: it follows from the timescale; its optimum was studied for AdamW"


@dataclass(frozen=True, kw_only=True)
class TransferRule:
    """One rule that was applied."""

    changed: str
    """What changed, such as "width 256 → 1024"."""
    rule: str
    """The quantity kept, and how."""
    source: str
    """Source of the rule."""
    tested: str
    """What it was tested on there."""


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """A strength for a changed network or run; `print` says it with the rules behind it."""

    value: float
    """The new number."""
    given: float
    """The number that was transferred."""
    convention: str
    """The convention of both numbers."""
    lr_factor: float
    """Factor by which to multiply the learning rate of the hidden matrices for the number to hold."""
    rules: tuple[TransferRule, ...]
    """The rules, in the order in which the changes were given."""
    next: str
    """What to try next, and why."""

    def __str__(self) -> str:
        lines = [f"{self.convention} {self.given:.6g} becomes {self.value:.6g}."]
        lines += [f"{r.changed}: {r.rule} ({r.source}; tested on {r.tested})." for r in self.rules]
        return "\n".join([*lines, self.next])


@vocabulary({"rescale": "transfer", "convert": "transfer"})
def transfer(
    lam: float,
    convention: str = "torch.optim.AdamW",
    *,
    width: Pair | None = None,
    depth: Pair | None = None,
    batch_size: Pair | None = None,
    rows: Pair | None = None,
    steps: Pair | None = None,
    lr: Pair | None = None,
    keep: Keep | None = None,
) -> Transfer:
    """Transfer a strength to another width, depth, batch size, number of rows, run length or learning rate.

    Each change is a pair (before, after). A decay keeps its timescale `τ = B/(n s)` in epochs, so
    `v' = v·(B'/B)·(n/n')·(η/η')`; a wider network has its learning rate divided by the ratio of widths (muP). An
    objective keeps its prior precision `n λ`.

    Args:
        lam: the number before, in the unit of `convention`: >= 0.
        convention: name of a convention; see `conventions()`.
        width: width of the hidden layers; for AdamW only.
        depth: number of residual blocks, whose branches are scaled by 1/depth; for AdamW only.
        batch_size: rows per optimizer step.
        rows: training rows.
        steps: steps of the run.
        lr: learning rate; by default unchanged, except for the division by the ratio of widths.
        keep: "timescale" in epochs, "run" (the timescale as a share of the run) or "prior"; by default the timescale for
            a decay and the prior for an objective.

    Returns:
        The number, and the rules behind it with their sources.

    Raises:
        RequestError: nothing changes, a value is out of range, or no rule is known for a change.

    Example:
        >>> t = transfer(0.1, width=(256, 1024), batch_size=(32, 256))
        >>> round(t.value, 9), t.lr_factor
        (3.2, 0.25)

    Differs from: copying a weight_decay from a small run to a large one, which changes how long weights remember.
    Reference: Wang and Aitchison, arXiv 2405.13698; Bergsma et al., arXiv 2505.13738; Yang et al., arXiv 2203.03466;
    Dey et al., arXiv 2505.01618.
    """
    entry = find(convention, "transfer")
    changes = {
        "width": width,
        "depth": depth,
        "batch_size": batch_size,
        "rows": rows,
        "steps": steps,
        "lr": lr,
    }
    pairs = {name: _pair(name, pair) for name, pair in changes.items() if pair is not None}
    if not pairs:
        raise RequestError(
            f"{called('transfer(…)')}: nothing changes. Give width, depth, batch_size, rows, steps or lr as (before, "
            "after)."
        )
    kept = keep or ("prior" if entry.kind == "objective" else "timescale")
    refused = [reason for name in pairs if (reason := _refusal(name, entry, kept))]
    if refused:
        raise RequestError(refused)
    factor = 1.0
    if "width" in pairs and lr is None:
        factor = pairs["width"][0] / pairs["width"][1]
    value = _rescale_value(lam, entry, pairs, factor, kept)
    rules = tuple(_rule(name, pair, entry, kept, explicit_lr=lr is not None) for name, pair in pairs.items())
    return Transfer(
        value=value,
        given=float(lam),
        convention=entry.name,
        lr_factor=factor,
        rules=rules,
        next=_next(entry, value, factor),
    )


def _rescale_value(
    lam: float, entry: Convention, pairs: dict[str, Pair], lr_factor: float, keep: Keep
) -> float:
    """By `rescale`; of what does not change only the ratio 1 counts."""
    checked("transfer", "lam", lam, ">= 0 and finite")
    batch = pairs.get("batch_size", (1.0, 1.0))
    rows = pairs.get("rows", (1e3 * max(batch),) * 2)
    lr = pairs.get("lr", (1e-3, 1e-3 * lr_factor))
    steps = pairs.get("steps", (rows[0] / batch[0], rows[1] / batch[1]))
    epochs = [t * b / n for t, b, n in zip(steps, batch, rows, strict=True)]
    return rescale(
        lam,
        entry.name,
        keep=keep,
        approximate=entry.kind == "no scalar",
        lr=lr[0],
        rows=rows[0],
        batch_size=batch[0],
        epochs=epochs[0],
        new_lr=lr[1],
        new_rows=rows[1],
        new_batch_size=batch[1],
        new_epochs=epochs[1],
    ).value


def _refusal(name: str, entry: Convention, keep: Keep) -> str:
    """Why there is no rule for this change, or nothing."""
    if keep == "prior":
        if entry.kind != "objective":
            return (
                f"{called('keep', 'prior', of='transfer')}: {entry.name} is a decay, which has no prior. Keep the "
                "timescale."
            )
        if name in ("width", "depth"):
            return (
                f"{called(name, of='transfer')}: no rule is known for the L2 term of {entry.name} when the {name} "
                "changes; there is one for AdamW. Choose the strength again on a path."
            )
    if name in ("width", "depth") and (entry.kind == "objective" or entry.family != "adam"):
        return (
            f"{called(name, of='transfer')}: no rule is known for {entry.name} when the {name} changes; the known one "
            "was found and tested for AdamW. Choose the strength again."
        )
    return ""


def _rule(name: str, pair: Pair, entry: Convention, keep: Keep, *, explicit_lr: bool) -> TransferRule:
    changed = f"{name} {pair[0]:.6g} → {pair[1]:.6g}"
    if keep == "prior":
        rule = "keep the prior precision n·λ" if name == "rows" else "the objective does not depend on it"
        return TransferRule(
            changed=changed,
            rule=rule,
            source="MacKay, Neural Computation 4 (1992)",
            tested="nothing: it follows from the posterior",
        )
    rule, source, tested = _RULES[name]
    if name == "width" and explicit_lr:
        rule = "keep lr × number for the given learning rates"
    if name in ("steps",) and keep == "run":
        rule, tested = "keep the timescale as a share of the run", _BERGSMA_TESTED
    if entry.family != "adam":
        tested = _ALGEBRA
    return TransferRule(changed=changed, rule=rule, source=source, tested=tested)


_RULES = {
    "width": (
        "divide the learning rate of hidden matrices by the ratio (muP) and keep lr × number",
        f"Yang et al., arXiv 2203.03466, for the rate; {_WANG}, for the decay",
        _WANG_TESTED,
    ),
    "depth": (
        "keep both, with residual branches scaled by 1/depth",
        "Dey et al., arXiv 2505.01618 (CompleteP)",
        "AdamW: pre-norm transformer language models",
    ),
    "batch_size": ("keep the timescale in epochs", _BERGSMA, _BERGSMA_TESTED),
    "rows": ("keep the timescale in epochs", _WANG, _WANG_TESTED),
    "steps": (
        "keep the timescale in epochs, whatever the length of the run",
        _WANG,
        "runs of one length; keep='run' keeps its share of the run",
    ),
    "lr": ("keep lr × number, the shrink per step", _WANG, _WANG_TESTED),
}


def _next(entry: Convention, value: float, lr_factor: float) -> str:
    rate = f" with the learning rate of the hidden matrices times {lr_factor:.4g}" if lr_factor != 1 else ""
    return (
        f"Next: type {value:.4g}{rate}, and try half and twice as much, because the rule is only a start "
        "and the scores decide."
    )


def _pair(name: str, pair: object) -> Pair:
    if not isinstance(pair, (tuple, list, np.ndarray)) or len(pair) != 2:
        raise RequestError(
            f"{called(name, of='transfer')}: must be two numbers, (before, after), got {shown(pair)}."
        )
    before, after = (checked("transfer", name, number, "> 0 and finite") for number in pair)
    return before, after
