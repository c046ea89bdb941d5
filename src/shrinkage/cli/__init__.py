"""The command line: parse, call, print. Each command loads what it needs when it runs, so `--help` is quick."""

from __future__ import annotations

import sys

import typer

from shrinkage.cli._convert import conventions, convert
from shrinkage.cli._errors import ended
from shrinkage.cli._fit import fit
from shrinkage.cli._predict import predict

__all__ = ["app", "main"]

app = typer.Typer(
    name="shrinkage",
    help="The regularization strength of neural networks: exact, visible and automatic.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (fit, predict, convert, conventions):
    app.command()(command)


def main() -> None:
    """Entry point of the command `shrinkage`."""
    debug = "--debug" in sys.argv[1:]
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    sys.exit(ended(lambda: _called(arguments), debug=debug))


def _called(arguments: list[str]) -> None:
    # Without standalone mode the exceptions come out; usage errors are told, with code 2, by the parser itself.
    code = typer.main.get_command(app)(arguments, standalone_mode=False)
    if code:
        sys.exit(code)
