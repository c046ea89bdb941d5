"""The names users rely on, and how little it costs to import them."""

import inspect
import subprocess
import sys

import pytest

import shrinkage


def ran(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", shrinkage.__all__)
def test_every_public_name_is_there_and_documented(name):
    thing = getattr(shrinkage, name)
    assert inspect.getdoc(thing)
    assert name in dir(shrinkage)


def test_the_top_level_stays_small_and_grouped():
    assert len(shrinkage.__all__) == len(set(shrinkage.__all__)) <= 45


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'l2'"):
        shrinkage.l2  # noqa: B018


def test_importing_loads_nothing_heavy():
    heavy = "torch numpy pandas sklearn skrub plotly jinja2 rich typer"
    loaded = ran(f"import sys, shrinkage; print([m for m in '{heavy}'.split() if m in sys.modules])")
    assert loaded.strip() == "[]"


@pytest.mark.parametrize("command", ["", "fit", "predict", "compare", "convert", "audit", "range", "choose"])
def test_help_loads_nothing_heavy(command):
    code = (
        f"import sys\nsys.argv = ['shrinkage', {command!r}, '--help'] if {command!r} else ['shrinkage', '--help']\n"
        "from shrinkage.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "print([m for m in 'torch numpy pandas sklearn skrub plotly jinja2'.split() if m in sys.modules])"
    )
    assert ran(code).splitlines()[-1] == "[]"


def test_convert_needs_no_torch():
    code = (
        "import sys, shrinkage as sh\n"
        "print(sh.convert(1e-4, 'torch.optim.SGD', 'keras.regularizers.L2').value, 'torch' in sys.modules)"
    )
    assert ran(code).split() == ["5e-05", "False"]
