"""Help fits on two screens, `--help-all` shows every option, and a refusal names the longer one."""

import re

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from shrinkage.cli import app

COMMANDS = dict(vars(get_command(app))["commands"])
LONG = {"fit", "compare", "convert", "range", "choose"} & set(COMMANDS)
"""Commands with more options than `--help` shows."""
SCREENS = 2 * 24


def run(*arguments: str, columns: int = 80) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": str(columns), "TERM": "dumb"})


def options_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text))


def options_of(name: str) -> set[str]:
    return {option for parameter in COMMANDS[name].params for option in parameter.opts if option[:2] == "--"}


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_on_two_screens(name: str, columns: int):
    shown = run(name, "--help", columns=columns)
    assert shown.exit_code == 0
    assert len(shown.output.strip().splitlines()) <= SCREENS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_help_or_in_help_all(name: str):
    flag = "--help-all" if name in LONG else "--help"
    assert options_of(name) <= options_in(run(name, flag, columns=100).output)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_all_is_there_where_help_leaves_options_out(name: str):
    left_out = options_of(name) - options_in(run(name, "--help", columns=100).output)
    assert bool(left_out) == (name in LONG) == ("--help-all" in options_of(name))


def test_help_is_short_again_after_help_all():
    before = run("fit", "--help").output
    assert "--thousands" not in before
    assert "--thousands" in run("fit", "--help-all").output
    assert run("fit", "--help").output == before


def test_an_option_left_out_of_the_help_still_works():
    done = run("convert", "1e-4", "--from", "torch.optim.SGD", "--to", "lam", "--dampening", "0.5")
    assert done.exit_code == 0
