"""`shrinkage predict`: what a fitted model says of new rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["predict"]


def predict(
    model: Annotated[Path, typer.Argument(help="Folder that fit wrote.")],
    data: Annotated[Path, typer.Argument(help="CSV or Parquet file with the same columns, in any order.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="CSV or Parquet file to write; else CSV is printed.")
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Class probabilities beside the class.")] = False,
    lam: Annotated[
        float | None, typer.Option(help="Predict with the network of another λ of the path.")
    ] = None,
    sep: Annotated[str | None, typer.Option(help="Separator of a CSV file.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Its encoding.")] = None,
    na: Annotated[list[str] | None, typer.Option(help="A word that means missing; repeatable.")] = None,
) -> None:
    """Predict the rows of a table with a fitted model, in their order."""
    import pandas as pd

    from shrinkage.estimators import load_model
    from shrinkage.tables import read_table, write_predictions

    saved = load_model(model)
    frame = read_table(data, sep=sep, encoding=encoding, na=na or ()).frame
    predicted = saved.predict(frame, lam)
    columns = predicted.reshape(len(frame), -1)
    result = pd.DataFrame({name: columns[:, i] for i, name in enumerate(saved.targets)})
    if proba:
        probabilities = saved.predict_proba(frame, lam)
        assert saved.classes is not None
        for i, label in enumerate(saved.classes):
            result[f"probability of {label}"] = probabilities[:, i]
    if out is None:
        typer.echo(result.to_csv(index=False), nl=False)
    else:
        write_predictions(result, out)
