"""One file a rival; see `RIVALS` for their names."""

from __future__ import annotations

from importlib import import_module

from ..outcome import Rival

__all__ = ["RIVALS", "rival"]

RIVALS = {
    "sklearn": "sklearn_grid",
    "torch": "torch_loop",
    "skorch": "skorch_grid",
    "jax": "jax_vmap",
    "vmap": "torch_func",
    "compiled": "torch_compiled",
    "realmlp": "pytabkit_realmlp",
    "nnet": "r_nnet",
    "every-epoch": "ours_every_epoch",
}
"""The files by the names that `--rival` takes."""


def rival(name: str) -> Rival:
    """The side of a name; ImportError where its packages are not here."""
    return import_module(f".{RIVALS.get(name, name)}", __package__).RIVAL
