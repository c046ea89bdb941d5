"""The compiled engine's structs and enums are those of Python, field by field: all are 8 bytes, so order is offset."""

import ctypes
import re

import pytest

from shrinkage.networks import ACTIVATIONS, LOSSES
from shrinkage.training.engine import _engine_library as library

FOLDER = library.SOURCE.parent
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.[ch]")))
STRUCTS = {
    "Rows": library.RowsOfC,
    "Job": library.Job,
    "Evaluation": library.Evaluation,
    "Flight": library.Flight,
    "Training": library.Training,
}


def fields_in_c(struct: str) -> list[str]:
    """The names of a struct's fields in their order."""
    found = re.search(r"typedef struct \{((?:(?!typedef).)*?)\} NAME\(" + struct + r"\);", SOURCES, re.DOTALL)
    assert found is not None
    text = re.sub(r"/\*.*?\*/", "", found[1], flags=re.DOTALL)
    return [
        re.findall(r"\w+", declared)[-1]
        for line in text.split(";")
        if line.strip()
        for declared in line.split(",")
    ]


@pytest.mark.parametrize("struct", STRUCTS)
def test_a_struct_has_the_same_fields_in_the_same_places(struct):
    fields = [field[0] for field in STRUCTS[struct]._fields_]
    assert fields == fields_in_c(struct)
    offsets = [getattr(STRUCTS[struct], name).offset for name in fields]
    sizes = [ctypes.sizeof(field[1]) for field in STRUCTS[struct]._fields_]
    assert all(size % 8 == 0 for size in sizes)
    assert offsets == [sum(sizes[:i]) for i in range(len(sizes))]


def test_the_enums_are_those_of_python():
    built = library.engine()
    assert built is not None
    assert library._enums_of(built) == [
        tuple(ACTIVATIONS),
        tuple(LOSSES),
        ("sgd", "momentum", "nesterov", "adam"),
        ("l2", "l1"),
    ]


def test_a_library_with_other_enums_is_not_used(monkeypatch):
    monkeypatch.setattr(library, "LOSSES", (*LOSSES, "another"))
    with pytest.raises(AssertionError, match="enums differ"):
        library._engine.__wrapped__("auto")
