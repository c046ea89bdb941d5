"""`shrinkage audit`: what a training script's optimizer, or a checkpoint's, really does to the weights."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shrinkage.cli.options._values import options_named

if TYPE_CHECKING:
    from shrinkage.auditing import Audit, RunAudit

__all__ = ["audit"]

_PAGE = "audit-run.html"
"""Where the page of a run is written by default."""
_STEPS = 200
"""Steps of a run that is audited by default."""
_OF_AUDIT_ALONE = ("loss", "inputs")
_RUN = "The run"
_OUTPUT = "The output"


def audit(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE.py:FUNCTION | CHECKPOINT",
            help="FUNCTION returns (model, optimizer), or a dict with the arguments of audit(). With 'batches' in it (an "
            "iterable of losses, or of inputs and loss) the run itself is audited.",
        ),
    ] = None,
    rows: Annotated[int | None, typer.Option(help="Number of training rows.", rich_help_panel=_RUN)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows per step.", rich_help_panel=_RUN)] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Remaining steps; with 'batches', steps to take.", rich_help_panel=_RUN),
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            help="Optimizer class of a checkpoint, such as torch.optim.AdamW.", rich_help_panel=_RUN
        ),
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            help="Exit with 1 on findings of this severity or worse (warning or error), and with 2 if no "
            "decay can be measured."
        ),
    ] = None,
    explain: Annotated[
        str | None, typer.Option(metavar="CODE", help="Explain a finding, such as adam-l2, and exit.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=_OUTPUT)] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page.", rich_help_panel=_OUTPUT)] = None,
) -> None:
    """Measure what an optimizer does to each weight, and flag what is probably unintended."""
    if explain is not None:
        typer.echo(_explain(explain))
        return
    counts = {"rows": rows, "batch_size": batch_size, "steps": steps}
    _check(fail_on)
    target = _required_target(target)
    shown, found = _run_audit(
        target, {key: value for key, value in counts.items() if value is not None}, optimizer
    )
    if html is None and shown is not found:
        html = Path(_PAGE)
    if html is not None:
        shown.to_html(html)
    if as_json:
        typer.echo(json.dumps(shown.to_dict(), ensure_ascii=False, indent=2))
    else:
        from rich.console import Console

        Console().print(shown)
        if shown is not found:
            typer.echo(f"written to {html}")
    if fail_on is not None:
        _leave(found, fail_on, target)


def _required_target(target: str | None) -> str:
    from shrinkage._errors import RequestError

    if target is None:
        raise RequestError(
            "audit: give FILE.py:FUNCTION, whose function returns (model, optimizer), or a checkpoint."
        )
    return target


def _leave(found: Audit, fail_on: Any, target: str) -> None:
    """With 1 where the findings are grave; not with 0 where there was nothing to measure."""
    from shrinkage._errors import RequestError

    if found.fails(fail_on):
        raise SystemExit(1)
    if not found.groups:
        raise RequestError(
            f"--fail-on {fail_on}: {target} contains only weights, so no decay was measured and passing "
            "would mean nothing. Save optimizer.state_dict() with them, or leave out --fail-on."
        )


def _explain(code: str) -> str:
    from shrinkage._errors import RequestError
    from shrinkage.auditing import explain

    try:
        return explain(code)
    except RequestError as error:
        raise RequestError(f"--explain: {error}") from error


def _check(fail_on: str | None) -> None:
    from shrinkage._errors import RequestError, shown

    if fail_on not in (None, "warning", "error", "note"):
        raise RequestError(f"--fail-on: must be warning or error (or note), got {shown(fail_on)}.")


def _run_audit(target: str, counts: dict[str, Any], optimizer: str | None) -> tuple[Audit | RunAudit, Audit]:
    """What is shown, and the audit in it."""
    from shrinkage._errors import RequestError
    from shrinkage.auditing import audit as audit_
    from shrinkage.auditing import audit_checkpoint, audit_run

    path, colon, function = target.rpartition(":")
    if target.endswith(".py"):
        raise RequestError(
            f"{target}: which function? Name the one that returns (model, optimizer), such as {target}:build."
        )
    if not colon or not path.endswith(".py"):
        with options_named(optimizer="--optimizer", steps="--steps"):
            found = audit_checkpoint(target, optimizer=optimizer, **counts)
            return found, found
    built = _call_function(Path(path), function)
    loss = built.get("loss")
    if loss is not None and _arguments_needed(loss):  # a function of outputs and targets is for batches alone
        of_audit = {name: value for name, value in built.items() if name != "loss"}
        with_run = {name: value for name, value in built.items() if name != "inputs"}
    else:
        of_audit = built
        with_run = {name: value for name, value in built.items() if name not in _OF_AUDIT_ALONE}
    with options_named(**{name: f"--{name.replace('_', '-')}" for name in counts}):
        if "batches" in built:
            run = audit_run(**{"steps": _STEPS, **with_run, **counts})
            return run, run.audit
        found = audit_(**{**of_audit, **counts})
        return found, found


def _call_function(path: Path, name: str) -> dict[str, Any]:
    """What the script's function returns, as keywords of `audit`."""
    from shrinkage._errors import JobError, RequestError, shown

    build = getattr(_script(path), name, None)
    if not callable(build):
        raise RequestError(f"{path}: has no function {shown(name)}. It must return (model, optimizer).")
    try:
        built = build()
    except Exception as error:  # a training script may raise anything
        raise JobError(f"{path}:{name}() raised {type(error).__name__}: {error}") from error
    if isinstance(built, tuple) and (sorted_out := _by_kind(built)) is not None:
        return sorted_out
    if isinstance(built, dict) and "optimizer" in built:
        return built
    raise RequestError(
        f"{path}:{name}() must return (model, optimizer), also with a scheduler, batches and a loss function, in any "
        f"order; or a dict with 'model', 'optimizer' and other keywords of audit(), got {shown(built, 60)}."
    )


def _by_kind(built: tuple[Any, ...]) -> dict[str, Any] | None:
    """Sort the parts of a tuple into model, optimizer, scheduler, batches and loss; None if that is not clear."""
    from torch import nn
    from torch.optim import Optimizer

    def is_optimizer(part: Any) -> bool:
        if isinstance(part, list | tuple):
            return bool(part) and all(is_optimizer(each) for each in part)
        inside = getattr(part, "optimizer", None)
        return isinstance(part, Optimizer) or (
            isinstance(inside, Optimizer) and hasattr(part, "param_groups")
        )

    found: dict[str, Any] = {}
    for part in built:
        if is_optimizer(part):
            kind = "optimizer"
        elif isinstance(part, nn.Module):
            has_parameters = next(part.parameters(), None) is not None
            kind = "model" if has_parameters and "model" not in found else "loss"
        elif hasattr(part, "step") and hasattr(part, "optimizer"):
            kind = "scheduler"
        elif hasattr(part, "__iter__") or inspect.isgeneratorfunction(part):
            kind = "batches"
        elif callable(part):
            kind = "scheduler" if _arguments_needed(part) == 1 else "loss"
        else:
            return None
        if kind in found:
            return None
        found[kind] = part
    return found if {"model", "optimizer"} <= found.keys() else None


def _arguments_needed(function: Any) -> int:
    """The number of arguments that a function needs."""
    parameters = inspect.signature(function.forward if hasattr(function, "forward") else function).parameters
    return sum(p.default is p.empty and p.kind is not p.VAR_KEYWORD for p in parameters.values())


def _script(path: Path) -> Any:
    """The script as a module; its own folder is searched for what it imports, as when it is run."""
    import importlib.util
    import sys

    from shrinkage._errors import JobError, RequestError

    if not path.is_file():
        raise RequestError(f"{path}: there is no such file.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a training script may raise anything
        raise JobError(f"{path}: importing it raised {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    return module
