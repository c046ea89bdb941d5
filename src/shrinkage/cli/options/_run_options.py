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
_then = partial(typer.Option, rich_help_panel="What if the run changes")

Lr = Annotated[float | None, _run(help="Learning rate, its peak.")]
Momentum = Annotated[float, _run(help="Momentum of SGD.")]
Dampening = Annotated[float, _run(help="torch's dampening.")]
Nesterov = Annotated[bool, _run("--nesterov", help="Nesterov's form.")]
Rows = Annotated[float | None, _run(help="Training rows.")]
BatchSize = Annotated[float | None, _run(help="Rows per step.")]
Outputs = Annotated[int | None, _run(help="Outputs the loss averages.")]
Loss = Annotated[str | None, _run(help="cross_entropy, bce, half_squared_error, mse or squared_error.")]
NoiseVariance = Annotated[float, _run(help="Of the targets.")]
Schedule = Annotated[
    str, _run(help="constant, linear, cosine, one-cycle, or the rates of all steps with commas.")
]
Steps = Annotated[int | None, _run(help="Steps of the run.")]
Epochs = Annotated[float | None, _run(help="Epochs of the run.")]
L1Ratio = Annotated[float, _run(help="scikit-learn's share of L1.")]
Beta1 = Annotated[float, _run(help="First-moment coefficient.")]
GradientRms = Annotated[float, _run(help="√v̂, for --approximate.")]
StartShare = Annotated[float | None, _run(help="Megatron's start/end weight decay.")]

NewBatchSize = Annotated[float | None, _then(help="Rows per step then.")]
NewRows = Annotated[float | None, _then(help="Training rows then.")]
NewLr = Annotated[float | None, _then(help="Learning rate then.")]
NewEpochs = Annotated[float | None, _then(help="Epochs of the run then.")]
Keep = Annotated[str, _then(help="What stays: timescale, prior or run.")]
