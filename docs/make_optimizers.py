"""Measure what the optimizers of torch and other packages do with `weight_decay`, and write docs/optimizers.md.

    python docs/make_optimizers.py [PACKAGE …]

Each optimizer is built on one linear layer with its own defaults, but with weight_decay=0.01 if the default is 0, and
audited in float32 and in bfloat16. A class that can't be built from its defaults is built in the first of `WAYS` in which
a copy of it takes a step. If a package can't be imported, its table on the page is kept.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

from shrinkage import RequestError, audit, conventions

PACKAGES = {
    "torch": "torch.optim",
    "transformers": "transformers.optimization",
    "timm": "timm.optim",
    "schedulefree": "schedulefree",
    "lion-pytorch": "lion_pytorch",
    "prodigyopt": "prodigyopt",
    "muon-optimizer": "muon",
    "torch-optimi": "optimi",
    "bitsandbytes": "bitsandbytes.optim",
    "pytorch_optimizer": "pytorch_optimizer",
}
NAMED = {"transformers.optimization": "transformers"}
"""Modules that conventions name by a shorter name."""
TRIED = 0.01
"""weight_decay of an optimizer whose default is 0."""
CLEAR = 1e-3
"""A shrink per step that float32 resolves well."""
HEAD = """# What optimizers do with `weight_decay`

The tables on this page are measured by `python docs/make_optimizers.py`. It builds each optimizer with its own defaults
(but weight_decay=0.01 if the default is 0) on one linear layer, and audits it; names, flags and documentation are not
trusted. Classes with identical measurements share a row.

- **decay**: how the optimizer decays the weights.
    - *L2, adaptive*: a penalty in the gradient, which the step divides by its running gradient size.
    - *L2, momentum*: a penalty in the gradient, which reaches the weights through the momentum.
    - *L2 = decay*: a penalty in the gradient that is the same as weight decay, since nothing rescales it.
    - *decay before*, *after*, *beside*: removes the same fraction of every weight before the gradient's step, after it,
      or in the same update. *Uneven*: the fraction differs between weights. *Averaged*: weight averaging spreads the
      decay over later steps.
- **× lr**: whether that fraction is proportional to the learning rate.
- **per step**: the fraction s removed per step at the default learning rate, or the λ of the penalty
  `(λ/2) Σ w²` added to a mean loss.
- **biases**: whether biases are decayed too, unless a group exempts them.
- **bfloat16**: whether the decay *arrives* in bfloat16 weights, is *lost* to rounding, or is rounded up to *more*. A dash
  marks a penalty in the gradient, which is rounded together with the gradient.
- **convert**: the convention to use in `shrinkage.convert`. *Yes* means that there is one under the class's own name (the
  module above the table, then the class). *As …* names another convention in which the measured number means the same.
"""
COLUMNS = ("optimizer", "lr", "weight_decay", "decay", "× lr", "per step", "biases", "bfloat16", "convert")
CLOCKS = {"× lr": "yes", "× lr²": "lr²", "× lr/lr_max": "lr/lr_max", "× lr²/lr_max": "lr²/lr_max"}
RULES = {
    "L2 in the gradient, normalized by the adaptive step": "L2, adaptive",
    "L2 in the gradient, through momentum": "L2, momentum",
    "L2, here the same as weight decay": "L2 = decay",
    "decay before the step": "decay before",
    "decay after the step": "decay after",
    "decay beside the gradient": "decay beside",
}


@dataclass(frozen=True)
class Built:
    """A layer and an optimizer of it."""

    model: nn.Module
    optimizer: Any
    default: float | None
    """The default weight_decay; None where there is no such option."""
    note: str
    """How it had to be built."""


Build = Callable[[Any, nn.Module, dict[str, Any]], Any]


def as_usual(kind: Any, model: nn.Module, options: dict[str, Any]) -> Any:
    return kind([*model.parameters()], **options)


def with_momentum(kind: Any, model: nn.Module, options: dict[str, Any]) -> Any:
    return kind(model.parameters(), momentum=0.9, **options)


def in_two_groups(kind: Any, model: nn.Module, options: dict[str, Any]) -> Any:
    """Muon for the matrix, its auxiliary Adam for the bias."""
    return kind([{"params": [p], "use_muon": p.ndim == 2} for p in model.parameters()], **options)


def of_the_model(kind: Any, model: nn.Module, options: dict[str, Any]) -> Any:
    return kind(model, **options)


def with_a_length(kind: Any, model: nn.Module, options: dict[str, Any]) -> Any:
    length = next(name for name in ("num_iterations", "num_data") if _has(kind, name))
    return kind(model.parameters(), **{length: 1000}, **options)


def around_a_class(kind: Any, model: nn.Module, options: dict[str, Any]) -> Any:
    beside = {"model": model} if _has(kind, "model") else {}
    return kind(
        params=[*model.parameters()], base_optimizer=torch.optim.SGD, lr=0.1, weight_decay=TRIED, **beside
    )


def around_an_optimizer(kind: Any, model: nn.Module, options: dict[str, Any]) -> Any:
    return kind(torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=TRIED))


WAYS: Sequence[tuple[Build, bool, str]] = (
    (as_usual, True, ""),
    (with_momentum, True, "momentum=0.9"),
    (as_usual, False, "matrices only"),
    (in_two_groups, True, "use_muon"),
    (of_the_model, True, "built from the model"),
    (with_a_length, True, "for 1,000 steps"),
    (around_an_optimizer, True, "around SGD, lr=0.1"),
    (around_a_class, True, "around SGD, lr=0.1"),
)
"""How to build the optimizer, whether the layer has a bias, and the note in the table."""


def optimizers(module: Any) -> Iterator[tuple[str, Any]]:
    """The optimizer classes that a module exports, by name."""
    seen = {torch.optim.Optimizer}
    for name in sorted(vars(module), key=str.casefold):
        kind = getattr(module, name, None) if not name.startswith("_") else None
        if inspect.isclass(kind) and issubclass(kind, torch.optim.Optimizer) and kind not in seen:
            seen.add(kind)
            yield name, kind


def built(
    kind: Any, dtype: torch.dtype, way: tuple[Build, bool, str], strength: float | None = None
) -> Built:
    """The optimizer of a layer, built in this way.

    Args:
        kind: the class.
        dtype: of the weights.
        way: one of `WAYS`.
        strength: its weight_decay; None for its default, or `TRIED` where that is 0.
    """
    make, with_bias, note = way
    torch.manual_seed(0)
    model = nn.Linear(32, 16, bias=with_bias).to(dtype)
    options = {"lr": 1e-3} if _has(kind, "lr", required=True) else {}
    optimizer = make(kind, model, options)
    group = optimizer.param_groups[0]
    default = float(group["weight_decay"] or 0.0) if group.get("weight_decay") is not None else None
    if _has(kind, "weight_decay") and make not in (around_a_class, around_an_optimizer):
        default = default or 0.0
        wanted = strength if strength is not None else default or TRIED
        if wanted != default:
            optimizer = make(kind, model, {**options, "weight_decay": wanted})
    for group in optimizer.param_groups:
        if group.get("weight_decay") == 0:  # set by the class for each group, as in Muon's
            group["weight_decay"] = strength or TRIED
    return Built(model, optimizer, default, note)


def row(name: str, kind: Any, known: dict[str, str], module: str) -> tuple[str, ...]:
    """The row of one class, built in the first way that works.

    Raises:
        Exception: no way works: the error of the first way that could build it, or else of the first way.
    """
    raised: list[Exception] = []
    for way in WAYS:
        try:
            return _measured(name, kind, way, known, module)
        except Exception as error:  # what a third party's class raises when it is built so
            raised.append(error)
    raise next((error for error in raised if isinstance(error, RequestError)), raised[0])


def _measured(
    name: str, kind: Any, way: tuple[Build, bool, str], known: dict[str, str], module: str
) -> tuple[str, ...]:
    made = built(kind, torch.float32, way)
    of = _readings(made)
    weight = of["weight"]
    if made.default is None:
        return (f"`{name}`", _number(made.optimizer.param_groups[0].get("lr")), "has none", *["–"] * 6)
    lr, default = made.optimizer.param_groups[0].get("lr"), made.default
    at = made.optimizer.param_groups[0].get("weight_decay") or default
    rule, clock = _in_words(weight.rule)
    if "uneven" in rule and isinstance(lr, int | float) and 0 < lr * at < CLEAR:
        strong = _readings(built(kind, torch.float32, way, strength=CLEAR / lr))["weight"]
        if "uneven" not in strong.rule:  # float32 arithmetic hides small shrinks, whatever the weights' dtype
            (rule, clock), at, weight = _in_words(strong.rule), CLEAR / lr, strong
    tried = "" if at == default else f" (at {at:.3g})"
    if weight.rule == "no decay" or (
        weight.shrink is not None and abs(weight.shrink) < 1e-4 * at * (lr or 1.0)
    ):
        size = clock = "–"
    elif weight.rule.startswith("decay") and weight.shrink is not None:
        size = f"s = {weight.shrink:.3g}{tried}"
    else:
        size = f"λ = {_number(weight.lam)}{tried}"
    biases = ("yes" if of["bias"].rule != "no decay" else "no") if "bias" in of else "–"
    is_read = weight.rule.startswith("decay") and size != "–" and at in (made.default, TRIED)
    rounding = _in_bfloat16(kind, way) if is_read else "–"
    named = f"`{name}`" + (f" ({made.note})" if made.note else "")
    convert = "yes" if f"{module}.{name}" in known else _alike(rule, clock, weight, lr, at)
    return (named, _number(lr), f"{default:g}", rule, clock, size, biases, rounding, convert)


def _readings(made: Built) -> dict[str, Any]:
    return {name: g for g in audit(made.optimizer, made.model).groups for name in g.parameters}


def _in_words(rule: str) -> tuple[str, str]:
    """The table's words for the rule and for its clock."""
    for long, short in RULES.items():
        rule = rule.replace(long, short)
    if rule.startswith("L2, "):
        return rule, "–"
    kind, *rest = rule.split(", ")
    clock = "–"
    for part in tuple(rest):
        if part.startswith("× "):
            clock = CLOCKS.get(part, part)
        elif part == "whatever the lr":
            clock = "no"
        else:
            continue
        rest.remove(part)
    words = ", ".join([kind, *("averaged" if part.startswith("spread") else part for part in rest)])
    return words, "–" if kind.startswith("L2") else clock


def _alike(rule: str, clock: str, weight: Any, lr: Any, at: float) -> str:
    """The entry of `torch.optim` whose number means the same as the measured one."""

    def near(measured: float | None, wanted: float) -> bool:
        return measured is not None and abs(measured / wanted - 1) < 0.02 if wanted else False

    if rule.startswith("L2") and near(weight.lam, at):
        return "as `torch.optim.Adam`" if rule == "L2, adaptive" else "as `torch.optim.SGD`"
    is_even = rule in ("decay before", "decay after", "decay beside")
    if is_even and clock == "yes" and isinstance(lr, int | float) and near(weight.shrink, lr * at):
        return "as `torch.optim.AdamW`"
    return "as `shrink`" if is_even and clock == "no" and near(weight.shrink, at) else "–"


def _in_bfloat16(kind: Any, way: tuple[Build, bool, str]) -> str:
    try:
        made = built(kind, torch.bfloat16, way)
        found = audit(made.optimizer, made.model)
    except Exception:  # an optimizer may refuse the format
        return "–"
    codes = {f.code for f in found.findings}
    if "d" in made.optimizer.param_groups[0]:
        return "–"  # its own step size is still tiny, so it says nothing about the rounding of later steps
    return "lost" if "rounded-away" in codes else "more" if "rounded-up" in codes else "arrives"


def _has(kind: Any, option: str, *, required: bool = False) -> bool:
    options = inspect.signature(kind.__init__).parameters
    if not required or option not in options:
        return option in options
    default = options[option].default
    return default is inspect.Parameter.empty or not isinstance(
        default, int | float | torch.Tensor | type(None)
    )


def _number(value: Any) -> str:
    if isinstance(value, int | float | torch.Tensor):
        return f"{float(value):.4g}"
    return "–" if value is None else str(value)


def section(package: str, module_name: str) -> str:
    """The table of one package."""
    module, named = importlib.import_module(module_name), NAMED.get(module_name, module_name)
    known = {c.name: "" for c in conventions()}
    rows, left_out = [], []
    for name, kind in optimizers(module):
        try:
            rows.append(row(name, kind, known, named))
        except Exception as error:  # however it is built
            left_out.append(f"`{name}` ({_first_line(error)})")
            print(left_out[-1], file=sys.stderr, flush=True)
        else:
            print("  ".join(rows[-1]), file=sys.stderr, flush=True)
    lines = [f"## {package} {_version(package)}", "", f"Module: `{named}`.", ""]
    lines += [_line(COLUMNS), _line(["---"] * len(COLUMNS)), *map(_line, _merged(rows))]
    if left_out:
        lines += [
            "",
            "Not measured, because a copy could not take a step (the error is in parentheses):",
            "",
            *(f"- {one}" for one in left_out),
        ]
    return "\n".join(lines) + "\n"


def _merged(rows: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Rows that differ only in names with a common stem, merged into one; sorted by the first name."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, *cells in rows:
        stem = name.strip("`").removeprefix("Paged").partition("`")[0]
        for suffix in ("8bit", "32bit", "Closure", "Reference"):
            stem = stem.removesuffix(suffix)
        alike.setdefault((stem, *cells), []).append(name)
    return [(", ".join(names), *cells) for (_, *cells), names in alike.items()]


def _version(package: str) -> str:
    try:
        return version(package.replace("_", "-")).partition("+")[0]
    except PackageNotFoundError:
        return ""


def _first_line(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, RequestError) and error.__cause__ else error
    text = str(cause).splitlines()[0] if str(cause) else "no message"
    return f"{type(cause).__name__}: {text[:110] + '…' if len(text) > 110 else text}".replace("|", "/")


def _line(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    path = Path(__file__).parent / "optimizers.md"
    for package in sys.argv[1:] or list(PACKAGES):
        try:
            made = section(package, PACKAGES[package])
        except ImportError as error:
            print(f"{package} can't be imported ({error}): its table stays as it is.", file=sys.stderr)
            continue
        parts = {**_parts(path), package: made}
        ordered = [parts[name] for name in PACKAGES if name in parts]
        path.write_text("\n".join([HEAD, *ordered]), encoding="utf-8")
    distributed.destroy_process_group()


def _parts(path: Path) -> dict[str, str]:
    """The tables that are there, by package."""
    if not path.is_file():
        return {}
    sections = path.read_text(encoding="utf-8").split("\n## ")[1:]
    return {text.split()[0]: f"## {text.rstrip()}\n" for text in sections}


if __name__ == "__main__":
    main()
