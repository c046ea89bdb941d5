"""The plan of the house: imports point down, go round in no circle, and stay out of other rooms' private things.

A room is a folder of the house itself. What its `__init__` exports is for the rooms above it; its modules, which begin
with an underscore, and names that do are its own.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import shrinkage

SRC = Path(shrinkage.__file__).parent
LINES, MODULES = 400, 14
FLOORS = (
    {"cli"},
    {"integrations"},
    {"monitoring"},
    {"notebooks"},
    {"reporting", "comparison"},
    {"estimators"},
    {"evaluation"},
    {"tables", "path"},
    {"training", "auditing"},
    {"attachment"},
    {"networks"},
    {"rules"},
    {"sweeps"},
    {"pages", "strength"},
    {"_compiled", "_paired"},
    {"_shipped"},
    {"_drawing", "_errors", "_files", "_random"},
)
"""From the top down. Rooms of one floor don't know each other."""
BASEMENT = set().union(*FLOORS[-3:])
"""Files that belong to the whole house."""


@dataclass(frozen=True)
class Import:
    """`from module import name`, or `import module` without a name."""

    file: Path
    line: int
    module: str
    name: str | None
    at_run_time: bool
    """False within `if TYPE_CHECKING`."""
    at_top: bool
    """False within a function."""

    def __str__(self) -> str:
        what = f"import {self.module}" if self.name is None else f"from {self.module} import {self.name}"
        return f"{self.file.relative_to(SRC)}:{self.line}: {what}"


@cache
def files() -> tuple[Path, ...]:
    return tuple(sorted(SRC.rglob("*.py")))


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for file in files() for found in imports_of(file))


def imports_of(file: Path) -> Iterator[Import]:
    def walk(nodes: list[ast.stmt], at_run_time: bool, at_top: bool) -> Iterator[Import]:
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shrinkage"):
                for alias in node.names:
                    yield Import(file, node.lineno, str(node.module), alias.name, at_run_time, at_top)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.startswith("shrinkage"):
                        yield Import(file, node.lineno, alias.name, None, at_run_time, at_top)
            checked = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for name in ("body", "orelse", "finalbody"):
                yield from walk(getattr(node, name, []), at_run_time and not checked, at_top and not inside)
            for handler in getattr(node, "handlers", []):
                yield from walk(handler.body, at_run_time, at_top)

    yield from walk(ast.parse(file.read_text()).body, True, True)


def target(found: Import) -> Path:
    """The file that an import reads: a module, or the `__init__` of a room."""
    base = SRC.parent.joinpath(*found.module.split("."))
    for path in (base / f"{found.name}.py", base / f"{found.name}" / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return base / "__init__.py"


def room(path: Path) -> str:
    """The first room on the way to a file; of a file that stands in the house itself, its own name."""
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def floor(name: str) -> int | None:
    return next((i for i, rooms in enumerate(FLOORS) if name in rooms), None)


def test_every_room_is_on_a_floor():
    assert {room(file) for file in files()} - {"__init__", "__main__"} <= set().union(*FLOORS)


def test_imports_point_down():
    wrong = [
        str(found)
        for found in imports()
        if room(found.file) not in ("__init__", "__main__")
        and (here := room(found.file)) != (there := room(target(found)))
        and there != "__init__"
        and not (floor(here) or 0) < (floor(there) or 0)
    ]
    assert not wrong, "\n".join(["imports that do not point down:", *wrong])


def test_private_names_stay_in_their_room():
    """What another room needs, it asks the room's `__init__` for; the wings of one room share what they have."""
    wrong = [
        str(found)
        for found in imports()
        if room(found.file) != (owner := room(target(found)))
        and owner not in BASEMENT
        and any(
            part.startswith("_") and not part.startswith("__")
            for part in [*found.module.split(".")[1:], found.name or ""]
        )
    ]
    assert not wrong, "\n".join(["private names of another room:", *wrong])


def test_files_import_each_other_in_no_circle():
    graph: dict[Path, set[Path]] = {file: set() for file in files()}
    for found in imports():
        if target(found) != found.file and found.file.name != "__init__.py":
            graph[found.file].add(target(found))
    circles = {frozenset(file.name for file in part) for part in components(graph) if len(part) > 1}
    assert not circles, f"files that import each other in a circle: {circles}"


def components(graph: dict[Path, set[Path]]) -> list[set[Path]]:
    """The strongly connected components, by what each file reaches and is reached from."""

    @cache
    def reached(file: Path) -> frozenset[Path]:
        seen, todo = set[Path](), [file]
        while todo:
            for following in graph[todo.pop()] - seen:
                seen.add(following)
                todo.append(following)
        return frozenset(seen)

    return [
        {other for other in reached(file) if file in reached(other)}
        for file in graph
        if file in reached(file) and file == min(other for other in reached(file) if file in reached(other))
    ]


def test_no_room_has_more_modules_than_one_sees_at_a_glance():
    crowded = Counter(file.parent for file in files())
    assert not {str(folder): count for folder, count in crowded.items() if count > MODULES}


def test_a_basename_is_met_once():
    names = Counter(file.name for file in files() if file.name not in ("__init__.py", "__main__.py"))
    assert not {name: count for name, count in names.items() if count > 1}


def test_files_are_short_enough_to_read():
    long = {str(file.relative_to(SRC)): len(file.read_text().splitlines()) for file in files()}
    assert not {name: lines for name, lines in long.items() if lines > LINES}


def test_no_line_is_out_of_reach():
    """A sentence in two strings whose parenthesis was lost ends after the first, and no checker says so."""
    found = []
    for file in files():
        for node in ast.walk(ast.parse(file.read_text())):
            for lines in (getattr(node, part, None) for part in ("body", "orelse", "finalbody")):
                for first, second in pairwise(lines if isinstance(lines, list) else []):
                    if isinstance(first, ast.Return | ast.Raise | ast.Continue | ast.Break):
                        found.append(f"{file.relative_to(SRC)}:{second.lineno}")
    assert not found
