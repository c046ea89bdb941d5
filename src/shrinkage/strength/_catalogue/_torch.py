"""The optimizers of PyTorch itself."""

from __future__ import annotations

from shrinkage.strength._catalogue._build import coupled, decoupled, summed

__all__ = ["ENTRIES"]

_L2 = ("Adadelta", "Adagrad", "Adam", "Adamax", "ASGD", "NAdam", "RAdam", "RMSprop", "SGD")
_FLAGGED = ("Adam", "NAdam", "RAdam")
_FLAG = "decoupled_weight_decay"
_ADAPTIVE_NOTE = (
    "Passes through the preconditioner: the penalty is λ = v, but the shrink differs from weight to weight."
)
_NOTES = {
    "SGD": "In the gradient, before momentum.",
    "ASGD": "In addition to its own lambd (default 1e-4), which also decays the weights.",
}


def _file(name: str) -> str:
    return f"torch/optim/{name.lower()}.py"


ENTRIES = [
    *(
        coupled(
            f"torch.optim.{name}",
            family=name.lower(),
            source=_file(name),
            note=_NOTES.get(name, _ADAPTIVE_NOTE),
            default=f"{_FLAG}=False" if name in _FLAGGED else "",
        )
        for name in _L2
    ),
    *(summed(f"torch.optim.{name}", name.lower(), _file(name)) for name in ("SGD", "Adam")),
    decoupled("torch.optim.AdamW", "adam", "torch/optim/adam.py, before the step", "Default 0.01."),
    *(
        decoupled(f"torch.optim.{name}:{_FLAG}=True", name.lower(), f"{_file(name)}, before the step")
        for name in _FLAGGED
    ),
    decoupled(
        "torch.optim.Adafactor",
        "adafactor",
        "torch/optim/_adafactor.py",
        "Multiplied by the raw lr, while the step uses min(lr, 1/√t)·RMS(w).",
    ),
    decoupled(
        "torch.optim.Muon",
        "muon",
        "torch/optim/_muon.py",
        "Multiplied by the raw lr, while the step uses the adjusted one. Default 0.1.",
    ),
]
