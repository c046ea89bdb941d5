"""`shrinkage export`: a fitted network for programs without Python or torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from shrinkage._errors import RequestError
from shrinkage._files import write_atomic
from shrinkage.cli._exit import harmless

__all__ = ["export"]


def export(
    model: Annotated[Path, typer.Argument(help="Folder that fit wrote.")],
    onnx: Annotated[bool, typer.Option("--onnx", help="Write ONNX: the network with its scaling.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; model.onnx in the folder if left out.")
    ] = None,
    lam: Annotated[float | None, typer.Option(help="Use the network of another λ on the path.")] = None,
) -> None:
    """Write the fitted network in a format for other programs."""
    if not onnx:
        raise RequestError("export: name a format: --onnx.")
    from shrinkage.cli.options._values import options_named
    from shrinkage.estimators import export_onnx, load_model
    from shrinkage.tables import input_recipe

    if (model / "module.safetensors").is_file():
        raise RequestError(
            f"export: {model} contains your own network, whose parts only you know. Pass "
            "shrinkage.estimators.load_model(folder, network=…).networks.module() to torch.onnx.export."
        )
    saved = load_model(model)
    path = model / "model.onnx" if out is None else out
    with options_named():
        export_onnx(saved, path, lam)
    recipe = path.with_suffix(".inputs.json")
    write_atomic(recipe, json.dumps(input_recipe(saved.preprocessor), indent=1, ensure_ascii=False).encode())
    inputs = saved.preprocessor.feature_names_out
    labels = "" if saved.classes is None else ", and those of the classes,"
    typer.echo(harmless(f"The network is {path}."))
    typer.echo(
        f"It takes {len(inputs):,} numbers per row, which preprocessing.skops computes from a table; their "
        f"names{labels} are in its metadata. Standardization is part of it."
    )
    typer.echo(harmless(f"{recipe} describes how the columns of a table become these numbers."))
