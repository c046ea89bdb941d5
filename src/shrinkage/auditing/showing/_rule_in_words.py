"""A reading as a rule in words and as a formula."""

from __future__ import annotations

from shrinkage.auditing.measuring._step_reading import Reading

__all__ = ["formula", "in_words"]

_CLOCK_WORDS = {
    "lr": "× lr",
    "schedule": "× lr/lr_max",
    "constant": "whatever the lr",
    "corrected": "× lr²/lr_max",
    "lr squared": "× lr²",
    "affine": "partly × lr, partly not",
}


def in_words(reading: Reading) -> str:
    """The rule in a few words."""
    if not reading.decays:
        return "no decay"
    words = _kind(reading)
    if reading.swings:
        words += ", beyond 0"
    elif reading.grows:
        words += ", with the wrong sign"
    if reading.is_turned:
        words += ", which pushes it outward at present"
    if reading.cautious:
        words += ", only where the update agrees"
    if reading.anchored:
        words += ", toward weights other than 0"
    return words


def formula(reading: Reading, lr: float) -> str:
    """The rule in symbols, with the numbers measured at `lr`."""
    if not reading.decays:
        return "w ← w + Δ"
    if reading.is_constant:
        sign = "−" if reading.grows else "+"
        return f"g ← g {sign} {'λ' if reading.l1 is None else f'{reading.l1:.4g}'}·sgn w"
    if reading.path == "coupled":
        if reading.lam is None:
            return "g ← g + λ·Ω′(w)"
        return f"g ← g + {_with_sign(reading.lam)}·{'(w − a)' if reading.anchored else 'w'}"
    if reading.swings:
        return f"w ← (1 − {reading.first:.4g})·w + Δ"
    fraction = _fraction(reading, lr)
    if reading.path == "mixed" or fraction is None:
        return "w ← w − s·w + Δ, s differs"
    sign = "+" if reading.grows else "−"
    if reading.anchored and reading.entry == "after":
        return f"w ← w + Δ {sign} {fraction}·(w + Δ − a)"
    if reading.anchored:
        return f"w ← w {sign} {fraction}·(w − a) + Δ"
    if reading.entry == "after":
        return f"w ← (1 {sign} {fraction})·(w + Δ)"
    if reading.cautious:
        return f"w ← w {sign} {fraction}·w + Δ"
    return f"w ← (1 {sign} {fraction})·w + Δ"


def _kind(reading: Reading) -> str:
    clock = f", {_CLOCK_WORDS[reading.clock]}" if reading.clock in _CLOCK_WORDS else ""
    if reading.is_constant:
        return "L1, a pull of constant size"
    if reading.path == "coupled":
        through = ", normalized by the adaptive step" if reading.adaptive else ", through momentum"
        return f"L2 in the gradient{through if reading.adaptive or reading.momentum else clock}"
    if reading.path == "plain" and reading.entry != "after":
        return f"L2, here the same as weight decay{clock}"
    where = {"before": "before the step", "after": "after the step"}.get(reading.entry, "beside the gradient")
    how = {"averaged": ", spread by averaging", "mixed": ", uneven"}.get(reading.path, "")
    return f"decay {where}{clock}{how}"


def _fraction(reading: Reading, lr: float) -> str | None:
    """The size of the shrink, with its clock."""
    if reading.shrink is None:
        return None
    size = abs(reading.shrink)
    if reading.clock == "affine" and lr:
        return f"({reading.intercept:.4g} + lr·{(reading.shrink - reading.intercept) / lr:.4g})"
    powers = {
        "lr": ("lr·", 1),
        "corrected": ("lr²/lr_max·", 1),
        "lr squared": ("lr²·", 2),
        "schedule": ("lr/lr_max·", 0),
    }
    factor, power = powers.get(reading.clock, ("", 0)) if lr else ("", 0)
    return f"{factor}{size / lr**power if lr else size:.4g}"


def _with_sign(x: float) -> str:
    return f"{x:.4g}" if x >= 0 else f"({x:.4g})"
