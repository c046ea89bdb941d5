"""The options of `convert`: what a run is, by the names of the library's quantities, and what of it changes."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

__all__ = ["CHANGES", "QUANTITIES"]

QUANTITIES = (
    *("lr", "momentum", "dampening", "nesterov", "rows", "batch_size", "outputs", "loss", "noise_variance"),
    *("schedule", "steps", "epochs", "l1_ratio", "beta1", "gradient_rms", "start_share"),
)
CHANGES = ("new_batch_size", "new_rows", "new_lr", "new_epochs")

_run = partial(typer.Option, rich_help_panel="The run")
_rare = partial(_run, hidden=True)
_then = partial(typer.Option, rich_help_panel="What if the run changes")

Lr = Annotated[float | None, _run(help="Peak learning rate.")]
Momentum = Annotated[float, _run(help="Momentum of SGD.")]
Dampening = Annotated[float, _rare(help="Dampening of SGD in torch.")]
Nesterov = Annotated[bool, _rare("--nesterov", help="Nesterov momentum.")]
Rows = Annotated[float | None, _run(help="Number of training rows.")]
BatchSize = Annotated[float | None, _run(help="Rows per step.")]
Outputs = Annotated[int | None, _rare(help="Number of outputs that the loss averages over.")]
Loss = Annotated[str | None, _run(help="cross_entropy, bce, half_squared_error, mse or squared_error.")]
NoiseVariance = Annotated[float, _rare(help="Noise variance of the targets.")]
Schedule = Annotated[
    str, _run(help="constant, linear, cosine, one-cycle, or the learning rate of every step with commas.")
]
Steps = Annotated[int | None, _run(help="Number of steps.")]
Epochs = Annotated[float | None, _run(help="Number of epochs.")]
L1Ratio = Annotated[float, _rare(help="l1_ratio in scikit-learn.")]
Beta1 = Annotated[float, _rare(help="First-moment coefficient of Adam.")]
GradientRms = Annotated[float, _rare(help="√v̂ of Adam, for --approximate.")]
StartShare = Annotated[float | None, _rare(help="Start over end weight decay in Megatron.")]

NewBatchSize = Annotated[float | None, _then(help="New rows per step.")]
NewRows = Annotated[float | None, _then(help="New number of training rows.")]
NewLr = Annotated[float | None, _then(help="New learning rate.")]
NewEpochs = Annotated[float | None, _then(help="New number of epochs.")]
Keep = Annotated[str, _then(help="What to keep: timescale, prior or run.")]
