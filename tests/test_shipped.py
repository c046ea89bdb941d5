"""Libraries that a wheel ships: which one a processor gets, and that no compiler is needed for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from shrinkage import _compiled, _shipped
from shrinkage._errors import JobError

V2 = "sse4_1 sse4_2 ssse3 popcnt cx16 lahf_lm"
V3 = f"{V2} avx avx2 bmi1 bmi2 f16c fma movbe abm"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"
SEVEN = '__attribute__((visibility("default"))) int seven(void) { return 7; }'


@pytest.mark.parametrize(
    "flags, widest",
    [
        ("", None),
        (V2.replace("popcnt", ""), None),
        (V2, "x86-64-v2"),
        (V3.replace("movbe", ""), "x86-64-v2"),
        (V3, "x86-64-v3"),
        (f"{V3} avx512f", "x86-64-v3"),
        (f"{V4} avx512_vnni", "x86-64-v4"),
        (V4.replace("avx2", ""), "x86-64-v2"),
    ],
)
def test_a_level_needs_every_instruction_of_it_and_of_those_below(flags, widest):
    assert next(iter(_shipped.levels_of(set(flags.split()))), None) == widest


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A source, and its library as a wheel would ship it, for any machine."""
    source = tmp_path / "source" / "seven.c"
    source.parent.mkdir()
    source.write_text(SEVEN)
    folder = tmp_path / "libraries"
    folder.mkdir()
    monkeypatch.setattr(_shipped, "FOLDER", folder)
    monkeypatch.setattr(_shipped, "_runnable", lambda: ("x86-64-v3", "x86-64-v2"))
    monkeypatch.setenv("SHRINKAGE_CACHE", str(tmp_path / "cache"))
    built = folder / _shipped.built_name(source, "x86-64-v2")
    subprocess.run(["cc", "-shared", "-fPIC", str(source), "-o", str(built)], check=True)
    return source


def test_a_shipped_library_needs_no_compiler(shipped, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SHRINKAGE_ENGINE", "auto")
    built = _compiled.library(shipped)
    assert built is not None
    assert built.seven() == 7
    assert "x86-64-v2" in Path(built._name).name  # the widest of those that are there


def test_native_is_built_even_where_one_is_shipped(shipped, monkeypatch, tmp_path):
    monkeypatch.setenv("SHRINKAGE_ENGINE", "native")
    built = _compiled.library(shipped)
    assert built is not None
    assert Path(built._name).parent == tmp_path / "cache"


def test_a_variant_can_be_forced_and_a_missing_one_is_refused(shipped, monkeypatch):
    monkeypatch.setenv("SHRINKAGE_ENGINE", "x86-64-v2")
    assert _compiled.library(shipped) is not None
    monkeypatch.setenv("SHRINKAGE_ENGINE", "x86-64-v4")
    with pytest.raises(
        JobError, match=r"SHRINKAGE_ENGINE=x86-64-v4: this installation has no such build of seven\.c"
    ):
        _compiled.library(shipped)


def test_another_source_is_another_library(shipped):
    shipped.write_text(SEVEN.replace("7;", "8;"))
    assert _shipped.shipped_library(shipped) is None


def test_a_library_of_another_system_is_passed_over(shipped):
    (path,) = _shipped.FOLDER.iterdir()
    path.write_bytes(b"\x7fELF of another machine")
    assert _shipped.shipped_library(shipped) is None


def test_the_variants_are_chosen_without_heavy_imports():
    code = "import sys, shrinkage._shipped; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
