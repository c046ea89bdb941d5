"""Parameters that are decayed though they should not be, and the reverse."""

from __future__ import annotations

from shrinkage.auditing._facts import Audited, Facts
from shrinkage.auditing._finding import Hits, finding, names
from shrinkage.auditing.measuring._step_reading import Reading

_EXEMPT = "Put them in a group with weight_decay=0; shrinkage.attach(…, exempt=…) finds them by their module."


_SHIFTS = ("bias", "norm", "scale", "token")
"""Roles that are usually exempt."""


@finding(
    "swapped-groups", "The decay is on the wrong groups", "error", needs=("optimizer", "roles", "matrices")
)
def swapped_groups(facts: Facts) -> Hits:
    """Biases, norms or scales are decayed, but no weight matrix is: two groups have been swapped."""
    if _is_swapped(facts):
        decayed = [p for p in facts.parameters if _pulls_to_zero(p)]
        matrices = [p for p in facts.parameters if p.role == "weight" and p.trainable]
        yield (
            names(decayed),
            f"{len(decayed)} biases, norms or scales are decayed, but none of {len(matrices)} weight matrices is",
            "weight matrices decayed, the others exempt",
            "Swap the weight_decay of the groups, or the parameters in them; "
            "shrinkage.attach sorts them by their modules.",
        )


def _is_swapped(facts: Facts) -> bool:
    matrices = [p for p in facts.parameters if p.role == "weight" and p.tensor.dim() > 1 and p.trainable]
    decayed = [p for p in facts.parameters if _pulls_to_zero(p) and p.trainable]
    return bool(matrices and decayed) and all(p.role in _SHIFTS for p in decayed)


@finding("bias-decayed", "Biases decayed", "warning", needs=("optimizer", "biases"))
def bias_decayed(facts: Facts) -> Hits:
    """A bias shifts and does not scale: pulling it to 0 costs fit and does not make the function smoother."""
    yield from _hits_of_roles(facts, ("bias",), "biases keep their value")


@finding("norm-decayed", "Norm gains and scales decayed", "warning", needs=("optimizer", "roles"))
def norm_decayed(facts: Facts) -> Hits:
    """Normalization gains and single scales have a neutral value of 1; decay pulls them to 0."""
    yield from _hits_of_roles(facts, ("norm", "scale"), "norms and scales keep their value")


@finding("token-decayed", "Positional or class tokens decayed", "note", needs=("optimizer", "roles"))
def token_decayed(facts: Facts) -> Hits:
    """Positional embeddings and class tokens are added to features, like biases; they are usually exempt."""
    yield from _hits_of_roles(facts, ("token",), "positional and class tokens keep their value")


@finding("embedding-decayed", "Embeddings decayed", "note", needs=("optimizer", "roles"))
def embedding_decayed(facts: Facts) -> Hits:
    """Every row of an embedding shrinks at every step, so rare rows also shrink between uses. This may be intended."""
    yield from _hits_of_roles(facts, ("embedding",), "a deliberate choice")


@finding("matrix-exempt", "A weight matrix is exempt", "warning", needs=("optimizer", "matrices"))
def matrix_exempt(facts: Facts) -> Hits:
    """A weight matrix or embedding is not decayed although others of the same optimizer are, usually because of its
    name or shape.

    Rules that look for "bias" exempt T5's `relative_attention_bias.weight`; rules that look for "norm" exempt a layer
    called `prenorm_proj`. What another optimizer holds, or another part of Muon's with an auxiliary Adam, was set apart
    on purpose. So was what a pull toward the start leaves out, such as a new head.
    """
    for role, kind in (("weight", "weight matrices"), ("embedding", "embeddings")):
        for alike in _set_together(facts, role):
            exempt = [p for p in alike if not p.decays]
            decayed = [p for p in alike if p.decays and not p.reading.anchored]
            if exempt and decayed:
                yield (
                    names(exempt),
                    f"not decayed, while {len(decayed)} other {kind} are",
                    f"all {kind} treated alike",
                    "Choose by a parameter's role, not by its name, as shrinkage.attach does.",
                )


def _set_together(facts: Facts, role: str) -> list[list[Audited]]:
    """The trained matrices of a role, by the optimizer, or the part of it, that steps them."""
    parts: dict[tuple[int, bool], list[Audited]] = {}
    owner_of = {g: i for i, owner in enumerate(facts.owners) for g in owner.groups}
    for p in facts.parameters:
        if p.role == role and p.tensor.dim() > 1 and p.trainable:
            options = facts.groups[p.group] if facts.groups else {}
            key = owner_of.get(p.group, 0), bool(options.get("use_muon"))
            parts.setdefault(key, []).append(p)
    return list(parts.values())


def _pulls_to_zero(p: Audited) -> bool:
    """Whether it is decayed, and not pulled toward other weights, as a pull toward the start does to biases too."""
    return p.decays and not p.reading.anchored


def _hits_of_roles(facts: Facts, roles: tuple[str, ...], expected: str) -> Hits:
    decayed = [p for p in facts.parameters if p.role in roles and _pulls_to_zero(p)]
    if decayed and not _is_swapped(facts):
        size = _size(decayed[0].reading)
        yield names(decayed), f"{len(decayed)} decayed, {size} ({decayed[0].reason})", expected, _EXEMPT


def _size(reading: Reading) -> str:
    shrink = reading.shrink
    if not shrink:
        return "through the gradient"
    if reading.is_turned:
        return (
            f"at present {-shrink:.3g} per step away from 0, because the penalty raises the gradient's "
            "running size, which divides the step, by more than it pulls"
        )
    return f"{shrink:.3g} per step"
