"""Checkpoints: a model and an optimizer built again from what was saved, without running code from the file."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from shrinkage._errors import RequestError, called, shown
from shrinkage.auditing._audit_optimizer import facts_of
from shrinkage.auditing._facts import Facts, weights_of
from shrinkage.auditing._judging import Audit, audit_of
from shrinkage.auditing._request import Request, counted
from shrinkage.auditing._unchecked import Need, lacking
from shrinkage.auditing.findings._group_options import FOREIGN, meant_by
from shrinkage.auditing.subjects._patterns import weight_pattern
from shrinkage.auditing.subjects._stored import rebuilt

__all__ = ["audit_checkpoint"]

_SAVED_BY_TORCH = (b"PK\x03\x04", b"\x80")
"""How its files begin: archives, and before torch 1.6 pickles."""
_BUFFERS = re.compile(r"(^|\.)(running_mean|running_var|num_batches_tracked)$")
_LIVE: dict[Need, str] = {
    **lacking(
        "a file does not contain the live model, its flags and hooks, or the arguments that built them",
        "live",
        "model",
        "built",
    ),
    **lacking(
        "a file does not contain a scheduler, loss or batch: audit the live optimizer",
        "scheduler",
        "loss",
        "inputs",
    ),
}
"""What no file contains."""
_NAMELESS = (
    "{} unnamed in the file: save the model's state_dict() with the optimizer's, or build the optimizer "
    "from model.named_parameters()"
)
_VALUELESS = "{} without values in the file: measured on weights of typical size"
_FORMATLESS = "no tensor in the file shows the number format of {} parameters, assumed to be float32"
_RULE = " (in addition to a rule of shrinkage.attach, which only the live optimizer applies)"
_KINDS = (
    "SGD", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "ASGD", "Adafactor", "Muon", "Rprop",
)  # fmt: skip


def audit_checkpoint(path: str | Path, *, optimizer: str | None = None, **counts: Any) -> Audit:
    """Audit a file: weights if it is `.safetensors`, otherwise a torch checkpoint with the optimizer's state.

    Args:
        path: the file. A pickle is read with `weights_only=True`: tensors and plain values, no code. Names come from
            the groups (`Optimizer(model.named_parameters())` keeps them), or from the shapes of the moments if only one
            group has that shape; otherwise a parameter is named by its group and number, without a role.
        optimizer: dotted name of the optimizer's class, such as `torch.optim.AdamW`; a checkpoint does not contain it.
            None: recognized from its options, among the classes of torch.optim.
        counts: `rows`, `batch_size` and `steps`, as in `audit`.

    Returns:
        The audit; `unchecked` lists what the file does not contain. For an optimizer's state alone, the options and the
        moments are audited, on weights of typical size; for weights without an optimizer, only the weights themselves.

    Raises:
        RequestError: the file cannot be read without running code, or its optimizer is not recognized.
    """
    content = _content(Path(path))
    weights = _weights(content)
    state = next(_optimizer_states(content), None)
    if state is None:
        if not weights:
            raise RequestError(f"{path}: contains neither weights nor an optimizer's state_dict().")
        if optimizer is not None:
            raise RequestError(
                f"{path}: contains only weights, so {optimizer} can't be audited from it: save "
                "optimizer.state_dict() too, or leave out --optimizer to audit the weights."
            )
        return _of_weights(weights, Path(path).name)
    state, has_rule = _without_rule(state)
    held = _parameters(state, weights)
    live = _build_optimizer(path, _kind(str(path), state, optimizer), state, held)
    named = {p.name: p.parameter for p in held.values() if p.name is not None}
    lacks, in_part = _lacks(list(held.values()))
    request = Request(
        **counted(**counts),
        lacks={**_LIVE, **lacks},
        lacks_part=in_part,
        roles=_roles(list(held.values())),
        shapeless={id(p.parameter) for p in held.values() if not p.has_shape},
    )
    found = audit_of(facts_of(live, rebuilt(named) if named else None, request))
    return replace(found, optimizer=f"{found.optimizer}{_RULE}") if has_rule else found


def _of_weights(weights: dict[str, Tensor], name: str) -> Audit:
    """The audit of weights alone."""
    why = "the file does not contain an optimizer: save optimizer.state_dict() too"
    facts = Facts(
        optimizer=f"no optimizer in {name}",
        parameters=weights_of(rebuilt(weights)),
        lacks=lacking(why, "optimizer"),
    )
    return replace(audit_of(facts), groups=[])


def _build_optimizer(path: str | Path, kind: Any, state: dict[str, Any], held: Mapping[int, _Held]) -> Any:
    """The optimizer that the file's state belongs to."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # parameters listed twice are a finding
            live = kind(_groups(state, held))
        live.load_state_dict(state)
    except (ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        class_name = getattr(kind, "__name__", str(kind))
        raise RequestError(f"{path}: its optimizer's state does not fit {class_name}: {error}.") from error
    return live


def _lacks(held: Sequence[_Held]) -> tuple[dict[Need, str], dict[Need, str]]:
    """What the file tells of no parameter, and what of some alone."""
    lacks: dict[Need, str] = {}
    in_part: dict[Need, str] = {}

    def report(has: Sequence[bool], words: str, *needs: Need) -> None:
        missing = len(has) - sum(has)
        where = in_part if any(has) else lacks
        if missing:
            share = f"all {missing}" if missing == len(has) else f"{missing} of {len(has)}"
            where.update(lacking(words.format(f"{share} parameters are"), *needs))

    report([p.name is not None for p in held], _NAMELESS, "roles", "matrices")
    report([p.has_values for p in held], _VALUELESS, "values")
    if not all(p.has_shape for p in held):
        in_part["format"] = _FORMATLESS.format(sum(not p.has_shape for p in held))
    tells_axes = bool(_roles(held))
    report([p.name is not None or (tells_axes and p.has_shape) for p in held], _NAMELESS, "biases")
    return lacks, in_part


def _roles(held: Sequence[_Held]) -> dict[int, str]:
    """Of parameters without a name, by their id: those with one axis shift or scale, where others mix features.

    Where all have one axis, they may be cut from whole layers (FSDP's flat parameters): then there is no finding.
    """
    if not any(p.has_shape and p.parameter.dim() > 1 for p in held):
        return {}
    return {id(p.parameter): "bias" for p in held if p.name is None and p.has_shape and p.parameter.dim() < 2}


def _content(path: Path) -> Any:
    if not path.is_file():
        raise RequestError(f"{path}: there is no such file.")
    if path.suffix == ".safetensors":
        try:
            return safetensors.torch.load_file(path)
        except Exception as error:  # errors of the reader
            raise RequestError(f"{path}: is not a readable safetensors file ({error}).") from error
    with path.open("rb") as file:
        if not file.read(4).startswith(_SAVED_BY_TORCH):
            raise RequestError(
                f"{path}: is not a checkpoint: torch.save writes a different format, and safetensors files "
                "end in .safetensors. Give the file with the state, or FILE.py:FUNCTION."
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warns of the pickle protocol, not of its content
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"the code of {wanted[1]}" if wanted else "code"
        raise RequestError(
            f"{path}: loading it would run {what}, so it is refused. Save model.state_dict() and "
            "optimizer.state_dict() instead, which contain only tensors and plain values."
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:  # a truncated file
        raise RequestError(f"{path}: is not a torch checkpoint ({shown(error)}).") from error


def _optimizer_states(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, Mapping):
        if {"state", "param_groups"} <= content.keys():
            yield dict(content)
        else:
            for value in content.values():
                yield from _optimizer_states(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _optimizer_states(value)


def _weights(content: Any) -> dict[str, Tensor]:
    """The largest mapping of names to tensors that is no optimizer's."""
    found = list(_named_tensors(content))
    chosen = max(found, key=len, default={})
    return {name: t for name, t in chosen.items() if t.is_floating_point() and not _BUFFERS.search(name)}


def _named_tensors(content: Any) -> Iterator[dict[str, Tensor]]:
    if not isinstance(content, Mapping) or {"state", "param_groups"} <= content.keys():
        return
    own = {
        name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)
    }
    if own:
        yield own
    for value in content.values():
        yield from _named_tensors(value)


@dataclass(frozen=True, kw_only=True)
class _Held:
    """What the file tells of one parameter of its optimizer."""

    name: str | None
    parameter: nn.Parameter
    has_values: bool
    has_shape: bool


def _parameters(state: dict[str, Any], weights: dict[str, Tensor]) -> dict[int, _Held]:
    """The parameter behind each number of the state: by its saved name, else by order or by shape.

    What no weights tell has the shape of its moments, and what no moments tell a shape of its own: its group's treatment
    can be measured on any.
    """
    groups = state["param_groups"]
    numbers = [number for group in groups for number in group["params"]]
    names = [name for group in groups for name in group.get("param_names", ())]
    moments = {number: _moment(state["state"].get(number)) for number in numbers}
    if len(names) == len(numbers):
        named = dict(zip(numbers, names, strict=True))
    elif len(groups) == 1 and len(weights) == len(numbers):
        named = dict(zip(numbers, weights, strict=True))
    else:
        named = _named_by_shape(groups, moments, weights)
    parameters: dict[int, _Held] = {}
    for number in numbers:
        name, moment = named.get(number), moments[number]
        values = weights.get(name) if name is not None else None
        has_shape = values is not None or moment is not None
        parameters[number] = _Held(
            name=name if has_shape else None,
            parameter=nn.Parameter(_stand_in(moment) if values is None else values),
            has_values=values is not None,
            has_shape=has_shape,
        )
    return parameters


def _stand_in(moment: Tensor | None) -> Tensor:
    """Weights of usual size, in the shape and format of a moment; one row of them, so that it takes no memory."""
    shape = torch.Size((16, 16)) if moment is None else moment.shape
    is_plain = moment is not None and moment.is_floating_point()
    row = weight_pattern(shape[-1] if shape else 1, 0.05)
    return row.to(moment.dtype if moment is not None and is_plain else torch.float32).expand(shape)


def _named_by_shape(
    groups: Sequence[Mapping[str, Any]], moments: Mapping[int, Tensor | None], weights: Mapping[str, Tensor]
) -> dict[int, str]:
    """Names of the numbers whose shape only one group has, in the order of the model, as `model.parameters()` gives it.

    A shape that several groups have, or that more weights have than moments, is left without names.
    """
    own: dict[tuple[int, Any], str] = {}
    for name, value in weights.items():
        own.setdefault(
            (value.data_ptr(), value.shape), name
        )  # tied weights are saved under each of their names
    by_shape: dict[Any, list[str]] = {}
    for (_, shape), name in own.items():
        by_shape.setdefault(shape, []).append(name)
    held: dict[Any, list[tuple[int, int]]] = {}
    for g, group in enumerate(groups):
        for number in group["params"]:
            if (moment := moments[number]) is not None:
                held.setdefault(moment.shape, []).append((g, number))
    return {
        number: name
        for shape, places in held.items()
        if len({g for g, _ in places}) == 1 and len(places) == len(by_shape.get(shape, ()))
        for (_, number), name in zip(places, by_shape[shape], strict=True)
    }


def _without_rule(state: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The optimizer's own part of a state that a rule of shrinkage.attach was saved with, and whether one was."""
    own = {
        number: {k: v for k, v in entry.items() if not str(k).startswith("shrinkage.")}
        if isinstance(entry, Mapping)
        else entry
        for number, entry in state["state"].items()
    }
    return {**state, "state": own}, "shrinkage" in state


def _moment(entry: Any) -> Tensor | None:
    tensors = (
        [t for t in entry.values() if isinstance(t, Tensor) and t.dim()] if isinstance(entry, Mapping) else []
    )
    return max(tensors, key=Tensor.numel) if tensors else None


def _groups(state: dict[str, Any], held: Mapping[int, _Held]) -> list[dict[str, Any]]:
    return [
        {"params": [held[number].parameter for number in group["params"]]}
        | {key: value for key, value in group.items() if key not in ("params", "param_names")}
        for group in state["param_groups"]
    ]


def _kind(path: str, state: dict[str, Any], name: str | None) -> Any:
    if name is not None:
        module, _, cls = name.rpartition(".")
        try:
            return getattr(import_module(module or "torch.optim"), cls)
        except (ImportError, AttributeError) as error:
            raise RequestError(f"{called('optimizer', name)}: cannot be imported ({error}).") from error
    options = state["param_groups"][0].keys() - FOREIGN
    fitting = _fitting(options)
    if fitting == ["AdamW"] and state["param_groups"][0].get("decoupled_weight_decay") is False:
        return torch.optim.Adam
    if len(fitting) != 1:
        raise RequestError(
            f"{path}: its optimizer can't be recognized from its options ({', '.join(sorted(options))}). "
            "Name its class, such as --optimizer torch.optim.AdamW."
        )
    return getattr(torch.optim, fitting[0])


def _fitting(options: Set[str]) -> list[str]:
    """The classes with these options; else those with most of them, where the others look misspelt."""
    kinds = {kind: _defaults(kind).keys() for kind in _KINDS}
    exact = [kind for kind, own in kinds.items() if own == options]
    near = {
        kind: len(own)
        for kind, own in kinds.items()
        if own < options and all(meant_by(key, own) for key in options - own)
    }
    return exact or [kind for kind, size in near.items() if size == max(near.values())]


def _defaults(kind: str) -> dict[str, Any]:
    return getattr(torch.optim, kind)([nn.Parameter(torch.zeros(2, 2))]).defaults
