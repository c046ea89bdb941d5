"""The command line: parse, call, print. Each command loads what it needs when it runs, so `--help` is quick."""

from __future__ import annotations

import functools
import inspect
import io
import signal
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from shrinkage import __version__
from shrinkage.cli._exit import exit_with, usage
from shrinkage.cli._help import with_help_all
from shrinkage.cli.commands._audit import audit
from shrinkage.cli.commands._compare_command import compare
from shrinkage.cli.commands._convert_command import NumberFirst, conventions, convert
from shrinkage.cli.commands._export import export
from shrinkage.cli.commands._fit_command import fit
from shrinkage.cli.commands._predict import predict
from shrinkage.cli.commands._sweeps import choose, transfer, useful_range

__all__ = ["app", "main"]

app = typer.Typer(
    name="shrinkage",
    help="The regularization strength of neural networks: exact, visible and automatic.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_asked = {"debug": False}


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"shrinkage {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error arose.")] = False,
) -> None:
    """The regularization strength of neural networks: exact, visible and automatic."""
    _asked["debug"] = debug


def _guarded(command: Callable[..., object]) -> Callable[..., None]:
    """`command`, ending with the exit code and the sentences that `exit_with` gives its failures."""

    resumable = "resume" in inspect.signature(command).parameters

    @functools.wraps(command)
    def run(**arguments: object) -> None:
        job = functools.partial(command, **arguments)
        raise typer.Exit(exit_with(job, debug=_asked["debug"], resumable=resumable))

    return run


for command in (fit, predict, export, compare, audit, convert, conventions, useful_range, choose, transfer):
    app.command(
        "range" if command is useful_range else None,
        cls=NumberFirst if command in (convert, transfer) else None,
    )(_guarded(with_help_all(command)))


def main() -> None:
    """Entry point of the command `shrinkage`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # λ is not in every console's alphabet
    try:
        code = app(prog_name="shrinkage", standalone_mode=False)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except Exception as error:  # the form that the command line parser returns
        sys.exit(usage(error))
    sys.exit(code if isinstance(code, int) else 0)
