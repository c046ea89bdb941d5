"""Who is decayed how often: duplicates, ties, the frozen and the forgotten."""

from __future__ import annotations

from shrinkage.auditing._facts import Audited, Facts
from shrinkage.auditing._finding import Hits, Severity, finding, names


@finding("decayed-twice", "One parameter listed twice", "error", needs=("optimizer", "options"))
def decayed_twice(facts: Facts) -> Hits:
    """A parameter is listed twice, in one group or in two: every step moves and decays it twice. PyTorch only warns."""
    twice = [p for p in facts.parameters if len(p.groups) > 1]
    if twice:
        shrink = twice[0].reading.shrink
        yield (
            names(twice),
            f"listed {len(twice[0].groups)} times (groups {', '.join(map(str, twice[0].groups))})"
            + (f"; one step removes {shrink:.3g} of it" if shrink else ""),
            "each parameter once",
            "Build the groups from model.named_parameters(), which gives each tensor once.",
        )


@finding("frozen-decayed", "Frozen but moved", "error", needs=("optimizer", "live"))
def frozen_decayed(facts: Facts) -> Hits:
    """`requires_grad` is False, but a gradient or a momentum is left over from before, and a step moves the weights."""
    moved = [p for p in facts.parameters if p.moves_though_frozen]
    if moved:
        how = "is decayed" if moved[0].decays else "is moved by leftover gradients or momentum"
        yield (
            names(moved),
            f"{how} although requires_grad=False",
            "frozen weights stay as they are",
            "Set p.grad = None when freezing, or keep frozen parameters out of the optimizer.",
        )


@finding("none-grad-decayed", "Decayed without a gradient", "warning")
def none_grad_decayed(facts: Facts) -> Hits:
    """A step moves parameters whose gradient is None: unused parts of the model decay.

    Some optimizers (several versions of Muon) replace a missing gradient with zeros, and a hook may not check.
    """
    moved = [p for p in facts.parameters if p.reading.without_gradient]
    if moved:
        yield (
            names(moved),
            "moves although its gradient is None",
            "parameters without a gradient are skipped",
            "Skip parameters with p.grad is None, in the step or the hook that decays.",
        )


@finding("zero-grad-decayed", "Decayed where the gradient is zero", "warning", needs=("optimizer", "reached"))
def zero_grad_decayed(facts: Facts) -> Hits:
    """Rows of an embedding that do not occur in the data, or weights whose gradient a hook sets to zero, still
    shrink.

    A gradient of zeros is not a missing gradient: AdamW decays the whole vocabulary while one new word is trained,
    and weights that a hook "freezes" decay. Found from the gradients, or from the optimizer's state; the audit
    measures that a step moves such rows. It is only a note if some rows of an embedding are not reached, as in most
    fine-tuning.
    """
    for p in facts.parameters:
        if p.unreached is None or not p.trainable or p.reading.anchored or not _is_worn(p):
            continue
        shrink = (
            f" and loses {p.reading.shrink:.3g} of itself per step" if p.reading.shrink else ", and moves"
        )
        what = "all of it" if p.unreached.is_whole else f"{p.unreached.rows} of {p.unreached.of} rows checked"
        # A batch, and all of a fine-tuning's data, normally leave out part of the vocabulary.
        is_usual = not p.unreached.is_whole and p.role == "embedding"
        severity: Severity = "note" if is_usual else "warning"
        yield (
            [p.name],
            f"{what} has a gradient of zeros (by its {p.unreached.by}){shrink}",
            "weights that no data reaches stay as they are, unless steady decay is intended",
            "Decay only the rows in use: shrinkage.attach(…, rows='touched'), or set p.grad = None for frozen weights.",
            severity,
        )


def _is_worn(p: Audited) -> bool:
    """Whether a step moves what has no gradient. Rows of weight matrices are left out: idle units come and go."""
    if p.unreached is not None and p.unreached.is_whole:
        return p.decays
    return p.reading.rows_without_gradient and p.role in ("embedding", "unknown")


@finding("in-no-group", "Trainable but in no group", "warning", needs=("optimizer", "model"))
def in_no_group(facts: Facts) -> Hits:
    """The model has trainable parameters that the optimizer does not have: they are neither trained nor decayed."""
    if facts.forgotten:
        yield (
            facts.forgotten,
            f"{len(facts.forgotten)} trainable parameters in no group",
            "each trainable parameter in one group",
            "Add them with optimizer.add_param_group, or set requires_grad=False if they should not be trained. If "
            "another optimizer trains them, audit all together: audit([first, second], model).",
        )


@finding("shared-memory", "Two parameters share memory", "warning", needs=("optimizer", "model"))
def shared_memory(facts: Facts) -> Hits:
    """Two Parameter objects are views of the same memory, so PyTorch does not know that they are tied.

    Each step decays that memory once per Parameter.
    """
    held = {p.name: p for p in facts.parameters if p.decays}
    for a, b in facts.aliases:
        if a in held and b in held:
            yield (
                [a, b],
                "both are decayed, but share one memory",
                "one decay per step",
                "Tie by assigning the Parameter itself: decoder.weight = encoder.weight.",
            )


@finding("tied", "Tied and decayed once", "note", needs=("optimizer", "model"))
def tied(facts: Facts) -> Hits:
    """One tensor is used in two places, such as an embedding that is also the output weight.

    It is decayed once, as it should be, with one strength for both uses.
    """
    shared = [p for p in facts.parameters if p.tied and p.decays]
    if shared:
        yield (
            names(shared),
            f"also used as {', '.join(shared[0].tied)}",
            "one tensor, one strength for all its uses",
            "Nothing to do if the strength suits both. An embedding is often exempt, an output weight is not.",
        )
