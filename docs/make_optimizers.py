"""Measures what the optimizers of torch and of five packages do with `weight_decay`, and writes docs/optimizers.md.

    python docs/make_optimizers.py [PACKAGE …]

Each optimizer is built with its own defaults, and with weight_decay=0.01 where its default is 0, on one linear layer, and
audited in float32 and in bfloat16. What can't be built or take a step so is listed with the reason.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from shrinkage import audit, conventions

PACKAGES = {
    "torch": "torch.optim",
    "transformers": "transformers",
    "timm": "timm.optim",
    "schedulefree": "schedulefree",
    "bitsandbytes": "bitsandbytes.optim",
    "pytorch_optimizer": "pytorch_optimizer",
}
TRIED = 0.01
"""weight_decay of an optimizer whose default is 0."""
HEAD = """# What optimizers do with `weight_decay`

This page is measured: `python docs/make_optimizers.py`. Each optimizer is built with its own defaults on one linear layer
(with weight_decay=0.01 where its default is 0) and audited: names, flags and documentation are not trusted.

- **decay**: how it arrives. *In the gradient*: an L2 penalty, which an adaptive step divides by its running gradient
  size. *Beside the gradient*: the same fraction of every weight.
- **× lr**: how the fraction follows the learning rate.
- **per step**: the fraction removed per step at the default learning rate, or the λ of the penalty.
- **biases**: whether they are decayed with the rest when the groups say nothing else.
- **bfloat16**: whether that decay arrives in bfloat16 weights, or is lost to rounding; a dash for a penalty in the
  gradient, which is rounded together with the gradient.
- **convert**: the name that `shrinkage.convert` and `shrinkage conventions` know its number by.
"""
COLUMNS = (
    "optimizer",
    "default lr",
    "default weight_decay",
    "decay",
    "× lr",
    "per step",
    "biases",
    "bfloat16",
    "convert",
)
CLOCKS = {
    "lr": "lr",
    "constant": "no",
    "lr squared": "lr²",
    "schedule": "lr/lr_max",
    "corrected": "lr²/lr_max",
}


@dataclass(frozen=True)
class Measured:
    """One row of the table."""

    cells: tuple[str, ...]


def optimizers(module: Any) -> Iterator[tuple[str, type[torch.optim.Optimizer]]]:
    """The optimizer classes that a module exports, by name."""
    for name in sorted(vars(module), key=str.lower):
        kind = getattr(module, name, None) if not name.startswith("_") else None
        if (
            inspect.isclass(kind)
            and issubclass(kind, torch.optim.Optimizer)
            and kind is not torch.optim.Optimizer
        ):
            yield name, kind


def built(kind: Any, dtype: torch.dtype) -> tuple[nn.Module, Any, float | None]:
    """A layer, its optimizer, and the default weight_decay; None where it has no such option."""
    torch.manual_seed(0)
    model = nn.Linear(32, 16).to(dtype)
    options = inspect.signature(kind.__init__).parameters
    needed = {"lr": 1e-3} if "lr" in options and options["lr"].default is inspect.Parameter.empty else {}
    optimizer = kind(model.parameters(), **needed)
    key = "weight_decay" if "weight_decay" in options else None
    default = float(optimizer.param_groups[0].get("weight_decay", 0.0) or 0.0) if key else None
    if key and not default:
        optimizer = kind(model.parameters(), **needed, weight_decay=TRIED)
    return model, optimizer, default


def row(path: str, kind: Any, names: dict[str, str]) -> tuple[str, ...]:
    """What is measured of one class."""
    model, optimizer, default = built(kind, torch.float32)
    group = optimizer.param_groups[0]
    lr = group.get("lr")
    if default is None:
        return (f"`{path}`", _number(lr), "–", "has no weight_decay", "", "", "", "", "")
    found = audit(optimizer, model)
    of = {name: g for g in found.groups for name in g.parameters}
    weight, bias = of["weight"], of["bias"]
    size = (
        f"s = {weight.shrink:.3g}"
        if weight.lam is None and weight.shrink is not None
        else f"λ = {_number(weight.lam)}"
    )
    if weight.rule.startswith("decay") and weight.shrink is not None:
        size = f"s = {weight.shrink:.3g}"
    at = "" if default else f" (at {TRIED})"
    rule, _, clock = weight.rule.partition(", × ")
    clock = "× " + clock if clock else "no" if "whatever the lr" in weight.rule else "–"
    rule = rule.replace(", whatever the lr", "")
    decayed = "yes" if bias.rule != "no decay" else "no"
    rounding = _in_bfloat16(kind) if weight.rule.startswith("decay") else "–"
    if weight.rule == "no decay":
        size = clock = "–"
    return (
        f"`{path}`", _number(lr), f"{default:g}", rule, clock, size + at, decayed, rounding,
        names.get(path, "–"),
    )  # fmt: skip


def _in_bfloat16(kind: Any) -> str:
    try:
        model, optimizer, _ = built(kind, torch.bfloat16)
        codes = {f.code for f in audit(optimizer, model).findings}
    except Exception:  # an optimizer may refuse the format
        return "–"
    return "lost" if "rounded-away" in codes else "more" if "rounded-up" in codes else "arrives"


def _number(value: Any) -> str:
    return (
        f"{float(value):g}"
        if isinstance(value, int | float | torch.Tensor)
        else "–"
        if value is None
        else str(value)
    )


def known() -> dict[str, str]:
    """The names that `convert` knows, by themselves and with `torch.optim` left in."""
    return {c.name: f"`{c.name}`" for c in conventions()}


def section(package: str, module_name: str, names: dict[str, str]) -> str:
    """The table of one package."""
    module = importlib.import_module(module_name)
    rows, left_out, seen = [], [], set()
    for name, kind in optimizers(module):
        if kind in seen:
            continue
        seen.add(kind)
        path = f"{module_name}.{name}"
        try:
            cells = row(path, kind, names)
        except Exception as error:  # what a third party's class raises when it is built so
            left_out.append(f"`{name}` ({type(error).__name__}: {_first_line(error)})")
            continue
        rows.append(cells)
        print("  ".join(cells), file=sys.stderr, flush=True)
    lines = [
        f"## {package} {_version(package)}",
        "",
        _line(COLUMNS),
        _line(["---"] * len(COLUMNS)),
        *map(_line, rows),
    ]
    if left_out:
        lines += [
            "",
            f"Not measured, as they can't be built or take a step by themselves: {'; '.join(left_out)}.",
        ]
    return "\n".join(lines) + "\n"


def _version(package: str) -> str:
    try:
        return version(package.replace("_", "-")).partition("+")[0]
    except PackageNotFoundError:
        return ""


def _first_line(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else "no message"
    return text[:90].replace("|", "/")


def _line(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    path, names = Path(__file__).parent / "optimizers.md", known()
    for package in sys.argv[1:] or list(PACKAGES):
        try:
            made = section(package, PACKAGES[package], names)
        except ImportError as error:
            print(f"{package} can't be imported ({error}): its table stays as it is.", file=sys.stderr)
            continue
        parts = {**_parts(path), package: made}
        ordered = [parts[name] for name in PACKAGES if name in parts]
        path.write_text("\n".join([HEAD, *ordered]), encoding="utf-8")


def _parts(path: Path) -> dict[str, str]:
    """The tables that are there, by package."""
    if not path.is_file():
        return {}
    sections = path.read_text(encoding="utf-8").split("\n## ")[1:]
    return {text.split()[0]: f"## {text.rstrip()}\n" for text in sections}


if __name__ == "__main__":
    main()
