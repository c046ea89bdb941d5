"""`shrinkage range`, `choose` and `transfer`: where a strength acts, what a sweep says, and what a larger run needs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from shrinkage.cli.options import _run_options as run
from shrinkage.cli.options._values import options_named

__all__ = ["choose", "transfer", "useful_range"]

_OPTIONS = (
    *run.QUANTITIES,
    *("values", "between", "dtype", "weight_rms", "curvature", "tolerance", "convention"),
    *("setting", "score", "by", "direction", "test_share"),
    *("width", "depth", "keep"),
)
_CALLED = {name: f"--{name.replace('_', '-')}" for name in _OPTIONS} | {
    "results": "FILE",
    "useful_range(…)": "range",
    "choose(…)": "choose",
    "transfer(…)": "transfer",
    "lam": "VALUE",
}
_CHOICE = ("best", "score", "tied", "one_se", "at_edge", "known", "noise", "margin", "strength", "next")
"""Fields of a choice that --json prints."""
_SWEEP = ("score_name", "direction", "notes")
"""Of the sweep that was read, the same."""
_RANGE = (
    *("convention", "low", "high", "weak", "strong", "good"),
    *("exact", "why", "next", "values", "acting"),
)
"""Of a range, the same."""
_UNSET = {"momentum": 0.0, "dampening": 0.0, "nesterov": False, "schedule": "constant"}

GradientRms = Annotated[
    float | None, typer.Option(help="Root mean square of the gradient entries.", hidden=True)
]
WeightRms = Annotated[
    float | None, typer.Option(help="Root mean square of the weights, for L1.", hidden=True)
]
Curvature = Annotated[
    str | None,
    typer.Option(help="SMALLEST,LARGEST eigenvalue of the Hessian of the loss, for a solver.", hidden=True),
]
Dtype = Annotated[
    str, typer.Option(help="Number format of the weights: float64, float32, bfloat16 or float16.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _change(what: str) -> Any:
    return typer.Option(metavar="BEFORE,AFTER", help=what)


def useful_range(
    optimizer: Annotated[
        str,
        typer.Option("--optimizer", "--convention", help="What the number means, such as torch.optim.AdamW."),
    ],
    values: Annotated[str | None, typer.Option(help="Values in a sweep, with commas.")] = None,
    between: Annotated[str | None, typer.Option(help="Ends of a sweep: LOW,HIGH.")] = None,
    lr: run.Lr = None,
    steps: run.Steps = None,
    epochs: run.Epochs = None,
    rows: run.Rows = None,
    batch_size: run.BatchSize = None,
    schedule: run.Schedule = "constant",
    momentum: run.Momentum = 0.0,
    dampening: run.Dampening = 0.0,
    nesterov: run.Nesterov = False,
    loss: run.Loss = None,
    outputs: run.Outputs = None,
    l1_ratio: run.L1Ratio = 0.0,
    beta1: run.Beta1 = 0.9,
    start_share: run.StartShare = None,
    noise_variance: run.NoiseVariance = 1.0,
    dtype: Dtype = "float32",
    gradient_rms: GradientRms = None,
    weight_rms: WeightRms = None,
    curvature: Curvature = None,
    tolerance: Annotated[float, typer.Option(help="Share of the weights that counts as no effect.")] = 0.01,
    as_json: Json = False,
) -> None:
    """Find the range in which a regularization strength has an effect in a run, and which values of a sweep are in it."""
    from shrinkage.sweeps import useful_range as found_range

    given = dict(locals())
    quantities = {name: given[name] for name in run.QUANTITIES if name != "gradient_rms"}
    quantities |= {name: given[name] for name in ("dtype", "gradient_rms", "weight_rms", "tolerance")}
    quantities["schedule"] = _rates(schedule)
    with options_named(**_CALLED):
        found = found_range(
            optimizer,
            values=None if values is None else _numbers("--values", values),
            between=None if between is None else _pair("--between", between),
            curvature=None if curvature is None else _pair("--curvature", curvature),
            **quantities,
        )
    if as_json:
        typer.echo(_json(_fields(found, _RANGE)))
    else:
        typer.echo(str(found))


def choose(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV, Excel, JSON or Parquet file of runs, one row each.")
    ],
    setting: Annotated[
        list[str] | None,
        typer.Option(help="Column that was varied; repeatable. Recognized by name if left out."),
    ] = None,
    score: Annotated[str | None, typer.Option(help="Column with the scores.")] = None,
    by: Annotated[str | None, typer.Option(help="Column that pairs runs, such as fold or seed.")] = None,
    direction: Annotated[str | None, typer.Option(help="maximize or minimize.")] = None,
    test_share: Annotated[
        float | None,
        typer.Option(help="Test rows over training rows in each fold; 1/(folds - 1) by default."),
    ] = None,
    convention: Annotated[
        str | None, typer.Option("--optimizer", "--convention", help="What the strength's number means.")
    ] = None,
    lr: run.Lr = None,
    steps: run.Steps = None,
    epochs: run.Epochs = None,
    rows: run.Rows = None,
    batch_size: run.BatchSize = None,
    schedule: run.Schedule = "constant",
    momentum: run.Momentum = 0.0,
    dampening: run.Dampening = 0.0,
    nesterov: run.Nesterov = False,
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="Write a page with the chart to this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the best setting of a sweep, the settings that can't be distinguished from it, and what to run next."""
    from shrinkage.sweeps import choose as chosen_of

    given = dict(locals())
    names = ("lr", "steps", "epochs", "rows", "batch_size", "schedule", "momentum", "dampening", "nesterov")
    of_run: dict[str, Any] = {
        n: given[n] for n in names if given[n] is not None and given[n] != _UNSET.get(n)
    }
    if "schedule" in of_run:
        of_run["schedule"] = _rates(schedule)
    with options_named(**_CALLED):
        found = chosen_of(
            Path(file),
            setting=setting or None,
            score=score,
            by=by,
            direction=direction,  # pyright: ignore[reportArgumentType]  (checked there)
            test_share=test_share,
            convention=convention,
            **of_run,
        )
        if out is not None:
            found.report(out)
    if as_json:
        typer.echo(_json(_fields(found, _CHOICE) | _fields(found.sweep, _SWEEP)))
    else:
        typer.echo(str(found))
        if out is not None:
            typer.echo(f"Wrote {out}.", err=True)


def transfer(
    value: Annotated[float, typer.Argument(metavar="VALUE", help="The number in the run before.")],
    optimizer: Annotated[
        str,
        typer.Option("--optimizer", "--convention", help="What the number means, such as torch.optim.AdamW."),
    ] = "torch.optim.AdamW",
    width: Annotated[str | None, _change("Width of the hidden layers.")] = None,
    depth: Annotated[str | None, _change("Residual blocks.")] = None,
    batch_size: Annotated[str | None, _change("Rows per step.")] = None,
    rows: Annotated[str | None, _change("Training rows.")] = None,
    steps: Annotated[str | None, _change("Steps of the run.")] = None,
    lr: Annotated[str | None, _change("Learning rate.")] = None,
    keep: Annotated[
        str | None,
        typer.Option(help="What to keep: timescale, run or prior; the prior of an objective by default."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Transfer a strength to another width, depth, batch size, number of rows, length of run or learning rate."""
    from shrinkage.sweeps import transfer as transferred

    given = dict(locals())
    pairs: dict[str, Any] = {
        name: _pair(f"--{name.replace('_', '-')}", given[name], "256,1024")
        for name in ("width", "depth", "batch_size", "rows", "steps", "lr")
        if given[name] is not None
    }
    with options_named(**_CALLED):
        found = transferred(value, optimizer, keep=keep, **pairs)  # pyright: ignore[reportArgumentType]  (checked there)
    if as_json:
        typer.echo(_json(asdict(found)))
    else:
        typer.echo(str(found))


def _fields(result: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(result, name) for name in names}


def _numbers(option: str, text: str) -> list[float]:
    from shrinkage._errors import RequestError, shown

    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise RequestError(
            f"{option}: must be numbers with commas, such as 1e-4,1e-3; got {shown(text)}."
        ) from None


def _pair(option: str, text: str, example: str = "1e-5,1e-1") -> tuple[float, float]:
    from shrinkage._errors import RequestError, shown

    numbers = _numbers(option, text)
    if len(numbers) != 2:
        raise RequestError(
            f"{option}: must be two numbers with a comma, such as {example}; got {shown(text)}."
        )
    return numbers[0], numbers[1]


def _rates(text: str) -> Any:
    try:
        return [float(rate) for rate in text.split(",")]
    except ValueError:
        return text


def _json(value: Any) -> str:
    return json.dumps(_finite(value), ensure_ascii=False, indent=2, default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
