"""Changes of one expression: an operator, a comparison, a sign, a number, a returned value."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

__all__ = ["Mutant", "mutants_of", "swaps"]

SWAPS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class Mutant:
    """One change of one expression of a module."""

    module: Path
    line: int
    column: int
    words: str
    """What was there → what is there now."""
    tree: ast.Module
    """The changed module, with the positions of the unchanged one."""


def mutants_of(module: Path) -> Iterator[Mutant]:
    """Every mutant of a module; what is only a type is left alone."""
    tree = ast.parse(module.read_text(), str(module))
    ignored = {
        id(inner)
        for node in ast.walk(tree)
        for field in ("annotation", "returns")
        if isinstance(part := getattr(node, field, None), ast.AST)
        for inner in ast.walk(part)
    }
    for number, node in enumerate(ast.walk(tree)):
        for twin in () if id(node) in ignored else _twins(node):
            changed = copy.deepcopy(tree)
            target = list(ast.walk(changed))[number]
            words = f"{ast.unparse(node)} → {ast.unparse(twin)}"
            line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
            _Swap(target, twin).visit(changed)
            yield Mutant(module, line, column, words, changed)


def swaps(old: CodeType, new: CodeType) -> list[tuple[CodeType, CodeType]] | None:
    """The functions of a compiled module that a mutant changes, each with what it becomes.

    None if something runs on import that the mutant changes, so that functions alone are not all of it.
    """
    if old == new:
        return []
    is_function = old.co_flags & 0x1  # CO_OPTIMIZED: bodies of modules and classes are not
    if is_function and len(_nested(old)) != len(_nested(new)):
        return [(old, new)] if old.co_freevars == new.co_freevars else None
    found = [swaps(*pair) for pair in zip(_nested(old), _nested(new), strict=True)]
    if None in found:
        return None
    pairs = [pair for part in found if part is not None for pair in part]
    if is_function:
        return [*pairs, (old, new)] if old.co_freevars == new.co_freevars else None
    return pairs if _own(old) == _own(new) else None


def _twins(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPS:
        twin = copy.deepcopy(node)
        twin.op = SWAPS[type(node.op)]()
        yield twin
    if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        twin = copy.deepcopy(node)
        twin.ops[0] = SWAPS[type(node.ops[0])]()
        yield twin
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield copy.deepcopy(node.operand)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(not node.value if isinstance(node.value, bool) else node.value + 1)
    if isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        yield ast.Return(ast.Constant(None))


class _Swap(ast.NodeTransformer):
    def __init__(self, target: ast.AST, twin: ast.AST) -> None:
        self.target, self.twin = target, twin

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self.target:
            return ast.fix_missing_locations(ast.copy_location(self.twin, node))
        return self.generic_visit(node)


def _nested(code: CodeType) -> list[CodeType]:
    return [const for const in code.co_consts if isinstance(const, CodeType)]


def _own(code: CodeType) -> tuple[object, ...]:
    constants = [repr(const) for const in code.co_consts if not isinstance(const, CodeType)]
    return (code.co_code, constants, code.co_names)
