"""Messages about an argument name it as its user knows it."""

from __future__ import annotations

import pytest

import shrinkage as sh
from shrinkage import RequestError
from shrinkage._errors import called, check_choice, shown, vocabulary
from shrinkage.cli.options._values import options_named

Y = [float(i) for i in range(12)]
X = [[y] for y in Y]


@pytest.mark.parametrize(
    "given, text",
    [
        ({}, "lr=…"),
        ({"value": 0.1}, "lr=0.1"),
        ({"of": "convert"}, "convert(lr=…)"),
        ({"value": "a b", "of": "convert"}, "convert(lr='a b')"),
    ],
)
def test_errors_use_the_librarys_names(given, text):
    assert called("lr", **given) == text


@pytest.mark.parametrize(
    "given, text",
    [
        ({}, "--rate"),
        ({"value": 0.1}, "--rate 0.1"),
        ({"value": "word"}, "--rate word"),
        ({"value": "a b"}, "--rate 'a b'"),
        ({"value": True}, "--rate"),
        ({"of": "convert"}, "--rate"),
    ],
)
def test_errors_use_the_command_lines_names(given, text):
    with vocabulary({"lr": "--rate"}):
        assert called("lr", **given) == text
    assert called("lr") == "lr=…"


def test_names_are_translated_from_the_inside_out():
    with vocabulary({"solver": "--solver", "optimizer": "never"}), vocabulary({"optimizer": "solver"}):
        assert called("optimizer") == "--solver"
        with pytest.raises(RequestError, match=r"^--solver: must be one of adam, sgd, got 'lbfgs'"):
            check_choice("optimizer", "lbfgs", ("adam", "sgd"))


@pytest.mark.parametrize(
    "given, library, typed",
    [
        ({"solver": "lbfgs"}, "solver=…: must be one of", "--solver: must be one of"),
        ({"learning_rate": "step"}, "learning_rate=…: must be one of constant", "--schedule: must be one of"),
        (
            {"learning_rate_init": -1.0},
            "learning_rate_init=…: must be auto, or > 0",
            "--lr: must be auto, or > 0",
        ),
        ({"max_epochs": 0}, "max_epochs=…: must be a whole", "--epochs: must be a whole"),
        ({"device": "mars"}, "device='mars': torch can't use it", "--device mars: torch can't use it"),
    ],
)
def test_one_knob_is_named_as_its_caller_names_it(given, library, typed):
    model = sh.MLPRegressorCV((2,), **given)
    with pytest.raises(RequestError) as error:
        model.fit(X, Y)
    assert str(error.value).startswith(library)
    with options_named(), pytest.raises(RequestError) as error:
        model.fit(X, Y)
    assert str(error.value).startswith(typed)


def test_what_stands_in_the_data_is_no_name():
    """A value that reads like an argument is left as it is."""
    with options_named(), pytest.raises(RequestError, match="got 'rows=5'"):
        check_choice("task", "rows=5", ("auto",))


def test_a_strength_that_a_path_does_not_use_is_reported():
    with pytest.warns(
        UserWarning, match=r"rule=L2\(0.01\): this strength is not used, because λ comes from the path"
    ):
        sh.MLPRegressorCV((2,), rule=sh.L2(0.01), lambdas=[0, 0.1], max_epochs=2, cv=2, max_extensions=0).fit(
            X, Y
        )


@pytest.mark.parametrize(
    "text, quoted",
    [
        ("\\N", r"'\N'"),
        ("C:\\x", r"'C:\x'"),
        ("it's \\", '"it\'s \\"'),
        ("a\n", r"'a\n'"),
        ("\\ \x1b", r"'\\ \x1b'"),
    ],
)
def test_what_was_typed_is_quoted_as_typed(text, quoted):
    assert shown(text) == quoted
