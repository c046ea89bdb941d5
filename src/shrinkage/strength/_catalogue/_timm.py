"""timm's optimizers: torch's own under its name, and many more; several can decay in two or three ways."""

from __future__ import annotations

from shrinkage.strength._catalogue._build import coupled, decoupled, unscaled
from shrinkage.strength._convention import Convention, linear

__all__ = ["ENTRIES"]

_TRUST = "the trust ratio rescales the decay by norms that change at every step"
_PROJECTED = "the decay is ρ times as strong in a step that is projected, which depends on the gradients"
_CORRECTED = "The names ending in c in create_optimizer_v2. η_max is the lr at construction."
_OWN = "torch's own class."
_PRODUCED = "Applied to the weights after the step."
_SKIPPED = "Its first step neither moves nor decays."

_OF_TORCH = {
    "SGD": "sgd",
    "Adam": "adam",
    "NAdam": "nadam",
    "RAdam": "radam",
    "RMSprop": "rmsprop",
    "Adagrad": "adagrad",
    "Adadelta": "adadelta",
    "Adamax": "adamax",
}

_CORRECTING = {
    "SGDW": ("sgd", "sgdw", ""),
    "AdamWLegacy": ("adam", "adamw", "Default 0.01."),
    "NAdamW": ("nadam", "nadamw", "Default 0.01."),
    "Lion": ("lion", "lion", ""),
    "LaProp": ("laprop", "laprop", ""),
}
"""Always decoupled, with the switch `corrected_weight_decay`: the family, the file, a note."""

_SWITCHED = {
    "RMSpropTF": ("rmsprop", "rmsprop_tf", "decoupled_decay"),
    "Adopt": ("adopt", "adopt", "decoupled"),
}
"""L2 unless a switch decouples it, and the corrected clock with another: the family, the file, the switch."""

_ALWAYS = {
    "Muon": ("muon", "muon", "Weights that are not matrices get NAdamW's step with the same decay."),
    "Mars": ("mars", "mars", "Inside the update, times the lr."),
    "RAdamLegacy": ("radam", "radam", "Decoupled, unlike torch.optim.RAdam."),
    "Adahessian": ("adahessian", "adahessian", "Decoupled, despite its documentation."),
}

_NOVOGRAD = "timm/optim/nvnovograd.py"
_KRON = "timm/optim/kron.py"


def _with_clock(
    name: str, option: str, clock: str, family: str, file: str, note: str = "", default: str = ""
) -> Convention:
    own = {"LaProp": _PRODUCED, "Adopt": _SKIPPED}.get(name, "")
    return decoupled(
        f"timm.optim.{name}{option and ':'}{option}",
        family,
        f"timm/optim/{file}.py",
        f"{own} {note}".strip(),
        clock=clock,
        default=default,
        first_order=bool(own),
    )


ENTRIES = [
    decoupled("timm.optim.AdamW", "adam", "timm/optim/__init__.py", _OWN),
    *(
        coupled(f"timm.optim.{name}", family, "timm/optim/__init__.py", _OWN)
        for name, family in _OF_TORCH.items()
    ),
    *(
        _with_clock(name, "", "lr", family, file, note, "corrected_weight_decay=False")
        for name, (family, file, note) in _CORRECTING.items()
    ),
    *(
        _with_clock(name, "corrected_weight_decay=True", "corrected", family, file, _CORRECTED)
        for name, (family, file, _) in _CORRECTING.items()
    ),
    *(
        coupled(f"timm.optim.{name}", family, f"timm/optim/{file}.py", default=f"{switch}=False")
        for name, (family, file, switch) in _SWITCHED.items()
    ),
    *(
        _with_clock(name, f"{switch}=True", "lr", family, file)
        for name, (family, file, switch) in _SWITCHED.items()
    ),
    *(
        _with_clock(name, f"{switch}=True,corrected_weight_decay=True", "corrected", family, file, _CORRECTED)
        for name, (family, file, switch) in _SWITCHED.items()
    ),
    *(_with_clock(name, "", "lr", family, file, note) for name, (family, file, note) in _ALWAYS.items()),
    coupled("timm.optim.NAdamLegacy", "nadam", "timm/optim/nadam.py"),
    _with_clock("AdaBelief", "", "lr", "adabelief", "adabelief", default="decoupled_decay=True"),
    _with_clock(
        "AdaBelief",
        "fixed_decay=True",
        "constant",
        "adabelief",
        "adabelief",
        "Neither the lr nor the schedule multiplies it.",
    ),
    coupled("timm.optim.AdaBelief:decoupled_decay=False", "adabelief", "timm/optim/adabelief.py"),
    Convention(
        name="timm.optim.Adan",
        formula="s_t = η_t·v/(1 + η_t·v) of w + Δ",
        kind="decoupled",
        family="adan",
        after=True,
        default="no_prox=False",
        source="timm/optim/adan.py",
        note="Divides by 1 + η_t·v after the step.",
    ),
    _with_clock("Adan", "no_prox=True", "lr", "adan", "adan"),
    decoupled(
        "timm.optim.kron.Kron",
        "kron",
        _KRON,
        "Added to the update after the preconditioner: decoupled, even with decoupled_decay=False.",
        default="decoupled_decay=False",
    ),
    decoupled("timm.optim.kron.Kron:decoupled_decay=True", "kron", _KRON),
    decoupled(
        "timm.optim.kron.Kron:decoupled_decay=True,corrected_weight_decay=True",
        "kron",
        _KRON,
        _CORRECTED,
        clock="corrected",
    ),
    coupled(
        "timm.optim.MADGRAD",
        "madgrad",
        "timm/optim/madgrad.py",
        "With decoupled_decay=True decay does not add up: each step returns to a dual average that is not decayed.",
        default="decoupled_decay=False",
    ),
    Convention(
        name="timm.optim.NvNovoGrad",
        formula="s_t = η_t·v/(1 − β₁)",
        kind="decoupled",
        family="novograd",
        form=linear(lambda q: 1 / (1 - q.beta1)),
        first_order=True,
        source=_NOVOGRAD,
        default="decoupled_decay=False",
        note="Enters the first moment without the factor (1 − β₁): for its β₁ = 0.95, 20 times its number at "
        "steady state. With grad_averaging=True the factor is 1.",
    ),
    _with_clock("NvNovoGrad", "decoupled_decay=True", "lr", "novograd", "nvnovograd"),
    _with_clock(
        "NvNovoGrad",
        "decoupled_decay=True,corrected_weight_decay=True",
        "corrected",
        "novograd",
        "nvnovograd",
        _CORRECTED,
    ),
    unscaled(
        "timm.optim.Adafactor",
        "adafactor",
        "s_t = v·lr_t, lr_t = min(1e-2, 1/√t)·max(eps_scale, RMS(w))",
        "timm/optim/adafactor.py",
        "its learning rate follows the root mean square of each weight tensor, unless an lr is given",
    ),
    _with_clock(
        "Adafactor",
        "lr=given",
        "lr",
        "adafactor",
        "adafactor",
        "With an lr of its own it ignores scale_parameter.",
    ),
    _with_clock("AdafactorBigVision", "", "lr", "adafactor", "adafactor_bv", default="unscaled_wd=False"),
    _with_clock(
        "AdafactorBigVision",
        "unscaled_wd=True",
        "constant",
        "adafactor",
        "adafactor_bv",
        "Neither the lr nor the schedule multiplies it.",
    ),
    unscaled(
        "timm.optim.AdamP", "adam", "s_t = η_t·ρ·v, ρ = wd_ratio or 1", "timm/optim/adamp.py", _PROJECTED
    ),
    unscaled(
        "timm.optim.SGDP", "sgd", "s_t = η_t·ρ·v/(1 − μ), ρ = wd_ratio or 1", "timm/optim/sgdp.py", _PROJECTED
    ),
    unscaled("timm.optim.Lamb", "lamb", "s_t = η_t·r_t·v, r_t = ‖w‖/‖u + v·w‖", "timm/optim/lamb.py", _TRUST),
    _with_clock(
        "Lamb",
        "decoupled_decay=True",
        "lr",
        "lamb",
        "lamb",
        "Outside the trust ratio, which only weights with a weight_decay have, unless always_adapt=True.",
    ),
    _with_clock(
        "Lamb", "decoupled_decay=True,corrected_weight_decay=True", "corrected", "lamb", "lamb", _CORRECTED
    ),
    unscaled(
        "timm.optim.Lars",
        "lars",
        "s_t = η_t·c·‖w‖·v/(‖g‖ + v·‖w‖)",
        "timm/optim/lars.py",
        f"{_TRUST}, and it saturates, so it is not even proportional to the number",
    ),
]
