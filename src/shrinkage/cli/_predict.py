"""`shrinkage predict`: predict new rows with a fitted model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shrinkage._errors import RequestError
from shrinkage.cli._exit import harmless, note

if TYPE_CHECKING:
    from shrinkage.estimators import SavedModel

__all__ = ["predict"]


def predict(
    model: Annotated[Path, typer.Argument(help="Folder that fit wrote.")],
    data: Annotated[
        str, typer.Argument(help="CSV, Excel or Parquet file with the same columns, or - for standard input.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="CSV or Parquet file to write; prints CSV if left out.")
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Add class probabilities.")] = False,
    interval: Annotated[
        float | None,
        typer.Option(
            metavar="ALPHA",
            help="Add intervals, or sets of classes, that contain the truth for about 1 − ALPHA of new rows.",
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:FUNCTION", help="The function that fit --network was given."),
    ] = None,
    lam: Annotated[float | None, typer.Option(help="Use the network of another λ on the path.")] = None,
    sep: Annotated[str | None, typer.Option(help="Separator of a CSV file.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of a CSV file.")] = None,
    na: Annotated[list[str] | None, typer.Option(help="Text that means missing; repeatable.")] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal point of a CSV file, . or ,")] = None,
    thousands: Annotated[str | None, typer.Option(help="Thousands separator, one of . , ' _ space")] = None,
    escape: Annotated[
        str | None, typer.Option(help="Character before a quote inside a quoted cell, such as \\.")
    ] = None,
    no_header: Annotated[bool, typer.Option("--no-header", help="The file has no header.")] = False,
) -> None:
    """Predict the rows of a table with a fitted model, in their order."""
    import pandas as pd

    from shrinkage.cli.options._network_options import network_of
    from shrinkage.cli.options._values import options_named
    from shrinkage.estimators import load_model
    from shrinkage.tables import as_csv, check_new_rows, notes_on_new_rows, read_table, write_predictions

    if model.is_file() and Path(data).is_dir():
        raise RequestError(f"predict {model} {data}: the model comes first: shrinkage predict {data} {model}")
    with options_named():
        saved = load_model(model, network_of(network))
    if out is not None:
        _check_replaceable(out, data, saved, interval)
    with options_named():
        table = read_table(
            data,
            sep=sep,
            encoding=encoding,
            na=na or (),
            decimal=decimal,
            thousands=thousands,
            escape=escape,
            header=not no_header,
            like=saved.preprocessor,
        )
        for text in table.notes:
            note(text)
        check_new_rows(table, saved.preprocessor)
        for text in notes_on_new_rows(table, saved.preprocessor, saved.targets):
            note(text)
        predicted = saved.predict(table.frame, lam)
        shares = saved.predict_proba(table.frame, lam) if proba else None
        ends = None if interval is None else _intervals(saved, table.frame, interval, lam)
    columns = predicted.reshape(len(table.frame), -1)
    result = pd.DataFrame({name: columns[:, i] for i, name in enumerate(saved.targets)})
    if shares is not None and saved.classes is not None:
        for i, label in enumerate(saved.classes):
            result[_share_of(label)] = shares[:, i]
    if ends is not None:
        result = result.assign(**ends)
    if out is None:
        typer.echo(as_csv(result), nl=False)
    else:
        write_predictions(result, out)
        typer.echo(harmless(f"{len(result):,} predictions are written to {out}."))


def _share_of(label: Any) -> str:
    return f"probability of {label}"


def _intervals(saved: SavedModel, frame: Any, alpha: float, lam: float | None) -> dict[str, Any]:
    """The columns that `--interval` adds: low and high of each target, or the set of classes."""
    if lam is not None:
        raise RequestError(
            "--interval: is of the chosen λ, whose networks were tried on unseen rows. Leave out --lam."
        )
    if not 0 < alpha < 1:
        raise RequestError(f"--interval {alpha:g}: must lie between 0 and 1: 0.1 for 90 % of the rows.")
    found = saved.predict_interval(frame, alpha)
    names = _names_of_ends(saved, alpha)
    if saved.classes is None:
        return dict(zip(names, found.reshape(len(found), -1).T, strict=True))
    labels = [str(label) for label in saved.classes]
    sets = [" | ".join(label for label, held in zip(labels, row, strict=True) if held) for row in found]
    return {names[0]: sets}


def _names_of_ends(saved: SavedModel, alpha: float) -> list[str]:
    """`price low at 90 %`, `price high at 90 %`; `classes at 90 %`"""
    at = f"at {100 * (1 - alpha):.4g} %"
    if saved.classes is not None:
        return [f"classes {at}"]
    return [f"{name} {end} {at}" for name in saved.targets for end in ("low", "high")]


def _check_replaceable(out: Path, data: str, saved: SavedModel, interval: float | None) -> None:
    """Refuse to write over anything but earlier predictions."""
    from shrinkage.tables import has_columns

    if not out.is_file() or not out.stat().st_size:
        return
    if Path(data).exists() and out.samefile(data):
        raise RequestError(
            f"--out {out}: this is the table to predict, which would be lost. Name another file for the predictions."
        )
    labels = () if saved.classes is None else saved.classes
    plain = [list(saved.targets), [*saved.targets, *map(_share_of, labels)]]
    ends = [] if interval is None else _names_of_ends(saved, interval)
    forms = [*plain, *([*form, *ends] for form in plain)]
    if not any(has_columns(out, columns) for columns in forms):
        raise RequestError(
            f"--out {out}: this file holds no predictions of the model and would be lost. Name another file, or remove "
            "it."
        )
