"""`shrinkage predict`: predict new rows with a fitted model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shrinkage._errors import RequestError, shown
from shrinkage.cli._exit import harmless, note

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from shrinkage.estimators import SavedModel
    from shrinkage.tables import Table

__all__ = ["predict"]

HELD = 1 << 24
"""Characters of printed predictions that are held in memory; more go to a temporary file."""


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
    id: Annotated[
        list[str] | None, typer.Option(help="Column to carry into the predictions; repeatable.")
    ] = None,
) -> None:
    """Predict the rows of a table with a fitted model, in their order."""
    from shrinkage.cli.options._network_options import network_of
    from shrinkage.cli.options._values import options_named
    from shrinkage.estimators import load_model
    from shrinkage.tables import read_parts

    if model.is_file() and Path(data).is_dir():
        raise RequestError(f"predict {model} {data}: the model comes first: shrinkage predict {data} {model}")
    with options_named():
        saved = load_model(model, network_of(network))
    if clash := [name for name in id or () if name in (*saved.targets, *saved.outputs)]:
        raise RequestError(f"--id {clash[0]}: this is what the model predicts; name another column.")
    if out is not None:
        _check_replaceable(out, data, saved, id or (), interval)
    asked = _Columns(saved, tuple(dict.fromkeys(id or ())), proba=proba, interval=interval, lam=lam)
    rows = partial(
        read_parts,
        data,
        sep=sep,
        encoding=encoding,
        na=na or (),
        decimal=decimal,
        thousands=thousands,
        escape=escape,
        header=not no_header,
        verbatim=(*saved.ids, *asked.ids),
        columns=[column.name for column in saved.preprocessor.columns if column.used],
        like=saved.preprocessor,
    )
    with options_named():
        parts = _with_known_order(rows, saved, once=data == "-")
        if out is None:
            _print(asked, parts)
        else:
            _write(asked, parts, out)


def _with_known_order(
    rows: Callable[[], Iterator[Table]], saved: SavedModel, *, once: bool
) -> Iterator[Table]:
    """The parts of the file; where there are several, none of them decides by itself whether the day comes first."""
    from shrinkage.tables import DateOrders

    parts = rows()
    first = list(islice(parts, 2))
    if len(first) < 2:
        yield from first
        return
    orders = DateOrders(saved.preprocessor, None if once else rows)
    yield from map(orders.apply, chain(first, parts))


@dataclass(frozen=True)
class _Columns:
    """The columns of the predictions."""

    saved: SavedModel
    ids: tuple[str, ...]
    """Asked for here, besides those of the model."""
    _: KW_ONLY
    proba: bool
    interval: float | None
    lam: float | None

    def of(self, table: Table) -> pd.DataFrame:
        """The predictions of some rows: ids first, then the targets, probabilities and intervals."""
        import pandas as pd

        saved, frame, lam = self.saved, table.frame, self.lam
        if absent := [name for name in self.ids if name not in frame.columns]:
            raise RequestError(f"--id {absent[0]}: {table.name} has no such column.")
        ids = [name for name in dict.fromkeys((*saved.ids, *self.ids)) if name in frame.columns]
        result = {name: frame[name].array for name in ids}
        shares = saved.predict_proba(frame, lam) if self.proba else None
        if shares is None or saved.classes is None:
            predicted = saved.predict(frame, lam)
        else:
            predicted = saved.classes[shares.argmax(axis=1)]
        columns = predicted.reshape(len(frame), -1)
        result |= dict(zip(saved.outputs, _as_in_the_table(saved, columns), strict=True))
        if shares is not None:
            result |= {_share_of(label): shares[:, i] for i, label in enumerate(_labels(saved))}
        if self.interval is not None:
            result |= _intervals(saved, frame, self.interval, lam)
        return pd.DataFrame(result, copy=False)

    def of_parts(self, parts: Iterator[Table]) -> Iterator[pd.DataFrame]:
        """The same for rows that come in parts; problems in any of them are raised at the end."""
        from shrinkage.tables import NewRows

        seen = NewRows(self.saved.preprocessor, (*self.saved.targets, *self.saved.ids, *self.ids))
        printed: set[str] = set()
        for table in parts:
            missing = [shown(name) for name in self.saved.ids if name not in table.frame.columns]
            gone = f"{table.name} has no column {', '.join(missing)} to carry into the predictions."
            for text in (*table.notes, *([gone] if missing else [])):
                if text not in printed:
                    printed.add(text)
                    note(text)
            if seen.add(table):
                yield self.of(table)
        seen.check()
        for text in seen.notes():
            note(text)


def _print(asked: _Columns, parts: Iterator[Table]) -> None:
    """Print the predictions once all of them are known to be right."""
    from shrinkage.tables import as_csv

    with SpooledTemporaryFile(HELD, "w+", encoding="utf-8", newline="") as held:
        for frame in asked.of_parts(parts):
            held.write(as_csv(frame, header=not held.tell()))
        held.seek(0)
        while text := held.read(HELD):
            typer.echo(text, nl=False)


def _write(asked: _Columns, parts: Iterator[Table], out: Path) -> None:
    from shrinkage.tables import predictions_file

    rows = 0
    with predictions_file(out) as add:
        for frame in asked.of_parts(parts):
            add(frame)
            rows += len(frame)
    typer.echo(harmless(f"{rows:,} predictions are written to {out}."))


def _as_in_the_table(saved: SavedModel, predicted: NDArray[Any]) -> Sequence[NDArray[Any]]:
    """The columns of predictions (n, k), labels as the two values that their column had."""
    import numpy as np

    columns = list(predicted.T)
    if saved.labels is None:
        return columns
    return [np.array(pair)[column] for pair, column in zip(saved.labels, columns, strict=True)]


def _labels(saved: SavedModel) -> Sequence[Any]:
    """What has a probability: the classes, or the labels of which a row may have several."""
    if saved.labels is not None:
        each = zip(saved.targets, saved.labels, strict=True)
        return [name if pair == (0, 1) else f"{pair[1]} in {name}" for name, pair in each]
    if saved.has_labels:
        return saved.targets
    return () if saved.classes is None else saved.classes.tolist()


def _share_of(label: Any) -> str:
    return f"probability of {label}"


def _intervals(saved: SavedModel, frame: Any, alpha: float, lam: float | None) -> dict[str, Any]:
    """The columns that `--interval` adds: low and high of each target, or the set of classes."""
    if lam is not None:
        raise RequestError(
            "--interval: exists only for the chosen λ, whose networks were tested on unseen rows. Leave "
            "out --lam."
        )
    if not 0 < alpha < 1:
        raise RequestError(
            f"--interval {alpha:g}: must be between 0 and 1, such as 0.1 for 90 % of the rows."
        )
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


def _check_replaceable(
    out: Path, data: str, saved: SavedModel, asked: Sequence[str], interval: float | None
) -> None:
    """Refuse to write over anything but earlier predictions."""
    from shrinkage.tables import has_columns

    if not out.is_file() or not out.stat().st_size:
        return
    if Path(data).exists() and out.samefile(data):
        raise RequestError(
            f"--out {out}: this is the table to predict, which would be lost. Name another file for the predictions."
        )
    plain = [list(saved.outputs), [*saved.outputs, *map(_share_of, _labels(saved))]]
    ends = [] if interval is None else _names_of_ends(saved, interval)
    forms = [*plain, *([*form, *ends] for form in plain)]
    ids = ([], list(asked), list(saved.ids), list(dict.fromkeys((*saved.ids, *asked))))
    if not any(has_columns(out, [*before, *columns]) for before in ids for columns in forms):
        raise RequestError(
            f"--out {out}: this file does not contain predictions of the model and would be lost. Name "
            "another file, or remove it."
        )
