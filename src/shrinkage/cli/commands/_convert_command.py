"""`shrinkage convert` and `shrinkage conventions`: what a number means elsewhere, and the table of what is known."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from shrinkage.cli.options import _run_options as run
from shrinkage.cli.options._values import option_of, options_named

if TYPE_CHECKING:
    from shrinkage.strength import Conversion

__all__ = ["NumberFirst", "conventions", "convert"]

_CALLED = {
    **{name: option_of(name) for name in (*run.QUANTITIES, *run.CHANGES, "keep", "approximate")},
    "value": "VALUE",
    "source": "--from",
    "target": "--to",
    "convert(…)": "convert",
    "rescale(…)": "convert",
}
"""What an argument of `convert` or `rescale` is called here."""


def convert(
    value: Annotated[float, typer.Argument(help="The number to convert.")],
    source: Annotated[
        str, typer.Option("--from", help="What the number means now, such as torch.optim.SGD.")
    ],
    target: Annotated[
        str | None, typer.Option("--to", help="What it should mean; the same as --from if left out.")
    ] = None,
    lr: run.Lr = None,
    momentum: run.Momentum = 0.0,
    dampening: run.Dampening = 0.0,
    nesterov: run.Nesterov = False,
    rows: run.Rows = None,
    batch_size: run.BatchSize = None,
    outputs: run.Outputs = None,
    loss: run.Loss = None,
    noise_variance: run.NoiseVariance = 1.0,
    schedule: run.Schedule = "constant",
    steps: run.Steps = None,
    epochs: run.Epochs = None,
    l1_ratio: run.L1Ratio = 0.0,
    beta1: run.Beta1 = 0.9,
    gradient_rms: run.GradientRms = 1.0,
    start_share: run.StartShare = None,
    new_batch_size: run.NewBatchSize = None,
    new_rows: run.NewRows = None,
    new_lr: run.NewLr = None,
    new_epochs: run.NewEpochs = None,
    keep: run.Keep = "timescale",
    approximate: Annotated[
        bool, typer.Option("--approximate", help="Give a first-order number where no exact one exists.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Convert a regularization strength to another framework, or to a changed run."""
    options = _options(dict(locals()))
    changes = {"batch_size": new_batch_size, "rows": new_rows, "lr": new_lr, "epochs": new_epochs}
    changes = {name: number for name, number in changes.items() if number is not None}
    with options_named(**_CALLED):
        answers = _answers(value, source, target, changes, keep, approximate, options)
    if as_json:
        typer.echo(_json(answers))
    else:
        typer.echo("\n\n".join(_words(answer) for answer in answers))


class NumberFirst(TyperCommand):
    """A command whose argument is a number: `-1` is one, and no option that nobody knows."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        takes = {name for p in self.params for name in p.opts if not getattr(p, "is_flag", False)}
        after = [None, *args]
        numbers = [
            a for a, before in zip(args, after, strict=False) if _is_negative(a) and before not in takes
        ]
        if "--" not in args and len(numbers) == 1:
            args = [*(a for i, a in enumerate(args) if a not in numbers or after[i] in takes), "--", *numbers]
        return super().parse_args(ctx, args)


def _is_negative(text: str) -> bool:
    try:
        return text.startswith("-") and math.isfinite(float(text))
    except ValueError:
        return False


def conventions(
    containing: Annotated[str, typer.Argument(help="Show only names that contain this.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the known conventions: what each number means and what converting it needs."""
    from shrinkage._errors import RequestError, shown
    from shrinkage.strength import conventions as known

    table = known(containing)
    if not table:
        raise RequestError(
            f"conventions: no name contains {shown(containing)}. `shrinkage conventions` lists all of them."
        )
    if as_json:
        fields = ("name", "formula", "kind", "needs", "source", "note")
        typer.echo(
            json.dumps([{f: getattr(row, f) for f in fields} for row in table], ensure_ascii=False, indent=2)
        )
    else:
        typer.echo(str(table))


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """The quantities among the command's arguments, in the keywords of the library."""
    options = {name: given[name] for name in run.QUANTITIES}
    options["schedule"] = _schedule(options["schedule"])
    return options


def _schedule(text: str) -> str | list[float]:
    try:
        return [float(rate) for rate in text.split(",")]
    except ValueError:
        return text


def _answers(
    value: float,
    source: str,
    target: str | None,
    changes: dict[str, float],
    keep: Any,
    approximate: bool,
    options: dict[str, Any],
) -> list[Conversion]:
    """First the number for the changed run, then what it is in the target."""
    from shrinkage._errors import RequestError
    from shrinkage.sweeps import convert as convert_
    from shrinkage.sweeps import rescale

    if not changes and target is None:
        raise RequestError(
            "convert: nothing to do. Give --to, or one of --new-batch-size, --new-rows, --new-lr, "
            "--new-epochs."
        )
    answers = []
    if changes:
        new = {f"new_{name}": number for name, number in changes.items()}
        answers.append(rescale(value, source, keep=keep, approximate=approximate, **new, **options))
        value = answers[-1].value
    if target is not None:
        answers.append(convert_(value, source, target, approximate=approximate, **{**options, **changes}))
    return answers


def _words(answer: Conversion) -> str:
    label = "exact" if answer.exact else "approximate"
    return f"{answer.value:.6g}  ({answer.target}, {label})\n{answer.note}"


def _json(answers: list[Conversion]) -> str:
    finite = [
        {
            k: str(v) if isinstance(v, float) and math.isinf(v) else v
            for k, v in asdict(answer).items()
            if k != "good" or v is not None
        }
        for answer in answers
    ]
    return json.dumps(finite if len(finite) > 1 else finite[0], ensure_ascii=False, indent=2)
