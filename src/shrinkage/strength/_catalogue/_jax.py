"""optax, with its exceptions."""

from __future__ import annotations

from shrinkage.strength._catalogue._build import coupled, decoupled, unscaled
from shrinkage.strength._convention import Convention, linear

__all__ = ["ENTRIES"]

_ALIAS = "optax/_src/alias.py"
_DECOUPLED = {
    "adamw": ("adam", "Default 1e-4."),
    "nadamw": ("nadam", "Default 1e-4."),
    "adamaxw": ("adamax", "Default 1e-4."),
    "adan": ("adan", ""),
    "lion": ("lion", "Default 1e-3. Its stationary weights lie in the box |w| <= 1/v."),
    "contrib.muon": ("muon", "weight_decay applies to the matrices, adam_weight_decay to the rest."),
}
_TRUST = "the trust ratio rescales the decay by norms that change at every step"

ENTRIES = [
    *(
        decoupled(
            f"optax.{name}", family, _ALIAS, f"Inside the update, times the lr. {note}".strip(), joined=True
        )
        for name, (family, note) in _DECOUPLED.items()
    ),
    coupled(
        "optax.add_decayed_weights",
        "sgd",
        "optax/transforms/_adding.py",
        "First in a chain, before optax.sgd, it is L2. Just before the lr it is the decay of optax.adamw.",
    ),
    coupled("optax.adadelta", "adadelta", _ALIAS),
    coupled("optax.contrib.madgrad", "madgrad", "optax/contrib/_madgrad.py"),
    coupled("optax.contrib.schedule_free_sgd", "schedule_free_sgd", "optax/contrib/_schedule_free.py"),
    decoupled(
        "optax.adafactor",
        "adafactor",
        f"{_ALIAS}: added after the learning rate",
        "weight_decay_rate is not multiplied by the learning rate.",
        clock="constant",
        joined=True,
    ),
    *(
        decoupled(
            f"optax.contrib.{name}",
            name,
            f"optax/contrib/_{file}.py",
            "Inside the update, times the lr.",
            joined=True,
        )
        for name, file in (
            ("ademamix", "ademamix"),
            ("simplified_ademamix", "ademamix"),
            ("acprop", "acprop"),
            ("galore", "galore"),
        )
    ),
    Convention(
        name="optax.novograd",
        formula="s_t = η_t·v/(1 − β₁)",
        kind="decoupled",
        family="novograd",
        form=linear(lambda q: 1 / (1 - q.beta1)),
        first_order=True,
        joined=True,
        source="optax/_src/transform.py, scale_by_novograd",
        note="Enters the first moment without the factor (1 − β₁): for β₁ = 0.9, 10 times its number at steady state.",
    ),
    unscaled(
        "optax.lars",
        "lars",
        "s_t = η_t·c·‖w‖·v/‖g + v·w‖",
        f"{_ALIAS}, lars",
        f"{_TRUST}, and it saturates, so it is not even proportional to the number",
    ),
    unscaled("optax.lamb", "lamb", "s_t = η_t·r_t·v, r_t = ‖w‖/‖u + v·w‖", f"{_ALIAS}, lamb", _TRUST),
    unscaled(
        "optax.contrib.mechanize",
        "mechanic",
        "g ← g + v·a·‖g‖/‖w‖·w, a the learned step size",
        "optax/contrib/_mechanic.py",
        "the decay is scaled by the gradient's and the weights' norms and by the learned step size",
    ),
]
