"""The two commands, run as a terminal would."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from shrinkage._errors import RequestError
from shrinkage.cli.commands import _convert_command

app = typer.Typer()
app.command(cls=_convert_command.NumberFirst)(_convert_command.convert)
app.command()(_convert_command.conventions)


def answer(line: str) -> str:
    result = CliRunner().invoke(app, line.split())
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_conversion_says_the_number_first_then_how_exact_it_is_then_why():
    out = answer("convert 1e-4 --from torch.optim.SGD --to keras.regularizers.L2")
    assert out.splitlines()[0] == "5e-05  (keras.regularizers.L2, exact)"
    assert "same objective" in out


def test_json_has_the_same_in_fields():
    out = json.loads(answer("convert 1e-4 --from torch.optim.SGD --to shrink --lr 0.1 --momentum 0.9 --json"))
    assert out["value"] == pytest.approx(1e-4)
    assert out["exact"] is False
    assert set(out) == {"value", "exact", "note", "source", "target", "given", "lam"}


def test_json_stays_json_where_the_number_is_infinite():
    out = json.loads(answer("convert 0 --from lam --to liblinear --rows 10 --json"))
    assert out["value"] == "inf"


def test_a_changed_run_gives_the_number_to_type():
    run = "--lr 1e-3 --rows 50000 --batch-size 128 --new-batch-size 256"
    assert answer(f"convert 0.1 --from torch.optim.AdamW {run}").startswith("0.2  (torch.optim.AdamW, exact)")
    both = answer(f"convert 0.1 --from torch.optim.AdamW --to composer.optim.DecoupledAdamW {run}")
    assert "0.0002  (composer.optim.DecoupledAdamW, exact)" in both


def test_a_list_of_rates_is_a_schedule():
    line = "convert 0.1 --from timm.optim.AdamWLegacy --to timm.optim.AdamWLegacy:corrected_weight_decay=True"
    assert answer(f"{line} --schedule 1e-3,1e-3,5e-4").startswith("0.111111 ")


@pytest.mark.parametrize(
    "line, message",
    [
        ("convert 1 --from torch.optim.SGD", "nothing to do. Give --to"),
        (
            "convert 1 --from torch.optim.SGD --to shrink",
            r"^convert: .* needs --lr \(the learning rate, at its peak",
        ),
        (
            "convert -1 --from torch.optim.SGD --to keras.regularizers.L2",
            r"^VALUE: must be a number >= 0 and finite, got -1\.0\.$",
        ),
        (
            "convert --from lam -1e-4 --to shrink --lr 1",
            r"^VALUE: must be a number >= 0 and finite, got -0\.0001\.$",
        ),
        ("convert 1 --from lam --to shrink --lr -1", r"^--lr: must be a number > 0 and finite, got -1\.0\.$"),
        ("convert -1 --from lam --to shrink --lr -1", r"^(VALUE|--lr): must be a number"),
        ("convert 1 --from lam --to shrink --batch-size 0", "^--batch-size: must be a number >= 1"),
        ("convert 1 --from lam --to shrink --nesterov", "^--nesterov: needs momentum"),
        ("convert 1 --from lam --new-rows 0", "^--new-rows: must be a number > 0"),
        ("convert 1 --from lam --new-rows 9 --keep it", '^--keep: must be "timescale"'),
        ("convert 1 --from lam --new-lr 9", r"^convert: .* needs --lr \(.*, --rows \(.*, --batch-size \("),
        ("convert 1 --from torch.optim.Adam --to torch.optim.AdamW", "With --approximate you get"),
        ("convert 1 --from sgd --to shrink", "^convert: there is no convention named"),
        ("convert 1 --from torch.optim.Adam --to torch.optim.AdamW", "--approximate"),
        ("convert 1 --from lam --to shrink --lr 1 --loss hinge", "got 'hinge'"),
    ],
)
def test_a_wrong_request_is_a_request_error(line, message):
    with pytest.raises(RequestError, match=message):
        answer(line)


def test_the_table_is_listed_whole_or_in_part():
    assert "torch.optim.AdamW" in answer("conventions")
    assert len(answer("conventions Ridge").splitlines()) == 2 + 2
    assert json.loads(answer("conventions optax.lamb --json"))[0]["kind"] == "no scalar"


def test_a_part_without_a_name_is_reported():
    with pytest.raises(RequestError, match="conventions: no name contains 'zzz'"):
        answer("conventions zzz")


@pytest.mark.parametrize("change", ["new-batch-size", "new-rows", "new-lr", "new-epochs"])
def test_every_change_explains_itself(change):
    (line,) = [line for line in answer("convert --help").splitlines() if f"--{change} " in line]
    assert line.strip("│ ").split(">")[1].strip().startswith("New ")
