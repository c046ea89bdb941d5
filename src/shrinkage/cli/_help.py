"""`--help` shows the common options on two screens at most; `--help-all` shows those marked `hidden` too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, cast

import typer

__all__ = ["HELP_ALL", "with_help_all"]

HELP_ALL = "--help-all"


def _show_all(context: typer.Context, requested: bool) -> None:
    if not requested:
        return
    rare = [parameter for parameter in context.command.params if getattr(parameter, "hidden", False)]
    for parameter in rare:
        parameter.hidden = False  # pyright: ignore[reportAttributeAccessIssue]  (options have it, arguments too)
    typer.echo(context.get_help())
    for parameter in rare:
        parameter.hidden = True  # pyright: ignore[reportAttributeAccessIssue]
    raise typer.Exit


_Option = Annotated[
    bool,
    typer.Option(HELP_ALL, is_eager=True, callback=_show_all, help="Show every option and exit."),
]


def with_help_all(command: Callable[..., object]) -> Callable[..., object]:
    """`command` with the option `--help-all`, if it has options that `--help` leaves out."""
    signature = inspect.signature(command, eval_str=True)
    if not any(_is_hidden(parameter.annotation) for parameter in signature.parameters.values()):
        return command

    @functools.wraps(command)
    def run(help_all: bool = False, **arguments: object) -> None:
        command(**arguments)

    option = inspect.Parameter("help_all", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_Option)
    cast(Any, run).__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])
    return run


def _is_hidden(annotation: object) -> bool:
    return any(getattr(option, "hidden", False) for option in getattr(annotation, "__metadata__", ()))
