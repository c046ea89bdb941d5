"""`shrinkage compare`: the published demonstrations, replayed side by side."""

from __future__ import annotations

import json
from typing import Annotated

import typer

__all__ = ["compare"]


def compare(
    demo: Annotated[str, typer.Option(help="l2-2017, l1-2017, swarm-2013, swarm-2015 or backprop-2013.")],
    repeats: Annotated[
        int | None,
        typer.Option(help="Other data sets to take means over; 0 for none.", show_default="its own"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Replay a published demonstration: as printed, as the program ran, and done right."""
    from shrinkage.comparison import demo as replayed

    result = replayed(demo, repeats=repeats)
    typer.echo(json.dumps(result.to_dict(), ensure_ascii=False, indent=2) if as_json else str(result))
