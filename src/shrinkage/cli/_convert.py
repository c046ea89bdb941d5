"""`shrinkage convert` and `shrinkage conventions`: what a number means elsewhere, and the table of what is known."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from shrinkage.strength import Conversion

__all__ = ["conventions", "convert"]

_WHAT_IF = "What if the run changes"
_RUN = "The run"


def convert(
    value: Annotated[float, typer.Argument(help="The number to convert.")],
    source: Annotated[str, typer.Option("--from", help="Its convention, such as torch.optim.SGD.")],
    target: Annotated[
        str | None, typer.Option("--to", help="The convention wanted; --from's if left out.")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate, its peak.", rich_help_panel=_RUN)] = None,
    momentum: Annotated[float, typer.Option(help="Momentum of SGD.", rich_help_panel=_RUN)] = 0.0,
    dampening: Annotated[float, typer.Option(help="torch's dampening.", rich_help_panel=_RUN)] = 0.0,
    nesterov: Annotated[
        bool, typer.Option("--nesterov", help="Nesterov's form.", rich_help_panel=_RUN)
    ] = False,
    rows: Annotated[float | None, typer.Option(help="Training rows.", rich_help_panel=_RUN)] = None,
    batch_size: Annotated[float | None, typer.Option(help="Rows per step.", rich_help_panel=_RUN)] = None,
    outputs: Annotated[
        int | None, typer.Option(help="Outputs the loss averages.", rich_help_panel=_RUN)
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            help="cross_entropy, bce, half_squared_error, mse or squared_error.", rich_help_panel=_RUN
        ),
    ] = None,
    noise_variance: Annotated[float, typer.Option(help="Of the targets.", rich_help_panel=_RUN)] = 1.0,
    schedule: Annotated[
        str,
        typer.Option(
            help="constant, linear, cosine, one-cycle, or the rates of all steps with commas.",
            rich_help_panel=_RUN,
        ),
    ] = "constant",
    steps: Annotated[int | None, typer.Option(help="Steps of the run.", rich_help_panel=_RUN)] = None,
    epochs: Annotated[float | None, typer.Option(help="Epochs of the run.", rich_help_panel=_RUN)] = None,
    l1_ratio: Annotated[float, typer.Option(help="scikit-learn's share of L1.", rich_help_panel=_RUN)] = 0.0,
    beta1: Annotated[float, typer.Option(help="First-moment coefficient.", rich_help_panel=_RUN)] = 0.9,
    gradient_rms: Annotated[float, typer.Option(help="√v̂, for --approximate.", rich_help_panel=_RUN)] = 1.0,
    start_share: Annotated[
        float | None, typer.Option(help="Megatron's start/end weight decay.", rich_help_panel=_RUN)
    ] = None,
    new_batch_size: Annotated[
        float | None, typer.Option(help="Rows per step then.", rich_help_panel=_WHAT_IF)
    ] = None,
    new_rows: Annotated[
        float | None, typer.Option(help="Training rows then.", rich_help_panel=_WHAT_IF)
    ] = None,
    new_lr: Annotated[
        float | None, typer.Option(help="Learning rate then.", rich_help_panel=_WHAT_IF)
    ] = None,
    new_epochs: Annotated[
        float | None, typer.Option(help="Epochs of the run then.", rich_help_panel=_WHAT_IF)
    ] = None,
    keep: Annotated[
        str, typer.Option(help="What stays: timescale, prior or run.", rich_help_panel=_WHAT_IF)
    ] = "timescale",
    approximate: Annotated[
        bool, typer.Option("--approximate", help="The first-order number where no exact one exists.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a regularization strength of one framework is in another, or for a changed run."""
    options = _options(dict(locals()))
    changes = {"batch_size": new_batch_size, "rows": new_rows, "lr": new_lr, "epochs": new_epochs}
    changes = {name: number for name, number in changes.items() if number is not None}
    answers = _answers(value, source, target, changes, keep, approximate, options)
    if as_json:
        typer.echo(_json(answers))
    else:
        typer.echo("\n\n".join(_words(answer) for answer in answers))


def conventions(
    containing: Annotated[str, typer.Argument(help="Only names that contain this.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the known conventions: what each number means and what its conversion needs."""
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
    from shrinkage.strength import Quantities

    options = {name: given[name] for name in Quantities.__dataclass_fields__}
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
    from shrinkage.strength import convert as convert_
    from shrinkage.strength import rescale

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
        {k: str(v) if isinstance(v, float) and math.isinf(v) else v for k, v in asdict(answer).items()}
        for answer in answers
    ]
    return json.dumps(finite if len(finite) > 1 else finite[0], ensure_ascii=False, indent=2)
