"""`--inputs` and `--embedding`: what networks see of the columns."""

from __future__ import annotations

from typing import Annotated

from shrinkage.cli.options._shared_options import in_net

__all__ = ["Embedding", "Inputs"]

_INPUTS = (
    "The models: auto, or some of standard,bounded,piecewise,deep,deep_piecewise,wide_piecewise,linear,additive,"
    "periodic."
)
_EMBEDDING = "What --inputs auto does with numbers: auto, none, piecewise or periodic."

Inputs = Annotated[str, in_net(help=_INPUTS, hidden=True)]
Embedding = Annotated[str, in_net(help=_EMBEDDING, hidden=True)]
