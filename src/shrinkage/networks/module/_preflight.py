"""Which form a kind of module is trained in: found on one real batch, before anything is trained.

Two modules take two training steps' worth of gradients and are scored, in both forms. What is compared: losses,
gradients, the buffers after both, and scores. Random numbers are replayed, so that dropout is compared too; where the
stacked form draws them otherwise, the comparison is repeated without dropout.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage._errors import RequestError, called, shown
from shrinkage.networks.module._chance import generators, seed_generators, seeded
from shrinkage.networks.module._factory import Factory, call, made
from shrinkage.networks.module._module_layout import buffers_of, layout_of, parameters_of
from shrinkage.networks.module._module_losses import ModuleLoss
from shrinkage.networks.module._module_stacks import ModuleStack, OneByOne, StackedModules
from shrinkage.networks.module._trees import mapped

__all__ = ["Verdict", "preflight", "quiet_fallback"]

KEPT = {torch.float64: 1e-10, torch.float32: 1e-5}
"""The largest difference, relative to the largest number of the tensor; half precisions get a hundredth."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The form that modules are trained in, and why. Plain data: it travels to the processes that train."""

    stacked: bool
    why: str = ""
    """Of modules that are trained one by one: because …"""
    looped: tuple[str, ...] = ()
    """Operations that torch runs one by one within the stack."""
    scoring: str = "vmap"
    """How a stack is scored: `vmap`, `vjp` or `loop`."""
    changing: tuple[str, ...] = ()
    """Buffers that training changes, and frozen tensors that differ from module to module."""
    is_random: bool = False
    """Whether forward draws random numbers."""
    own_draws: bool = False
    """Whether a stack draws other random numbers than modules one by one."""
    measured: str = ""
    """Seconds of both forms, where they were timed."""

    @property
    def words(self) -> str:
        """For people: stacked, stacked but for these operations, or one by one, because …"""
        if not self.stacked:
            return f"one by one, because {self.why}"
        if self.looped:
            return f"stacked; run one by one within the stack: {', '.join(self.looped)}"
        return "stacked"


def preflight(
    factory: Factory,
    loss: ModuleLoss,
    inputs: Any,
    targets: Any,
    *,
    device: str = "cpu",
    stacked: bool | str = "auto",
) -> Verdict:
    """Run two modules on one batch in both forms, and say which form is right.

    Args:
        factory: the user's `make_module`.
        loss: what is minimized.
        inputs, targets: one real batch on the device.
        device: where modules are trained.
        stacked: `auto`; True to refuse what can't be stacked; False to train one by one whatever is found.

    Raises:
        RequestError: the module, its outputs or the loss are unfit, or `stacked=True` and the forms differ.
    """
    first = made(factory, device, "preflight", 0)
    second = made(factory, device, "preflight", 1, like=first)
    _check_outputs(first, loss, inputs, targets)
    frozen = [_frozen(first), _frozen(second)]
    own = tuple(name for name, x in frozen[0].items() if not torch.equal(x, frozen[1][name]))
    everything = tuple(dict.fromkeys([*buffers_of(first), *own]))
    if not layout_of(first, everything).decayed():
        raise RequestError(
            f"{called('make_module')}: the module has no weight to decay: all its trained parameters are biases, "
            "gains of normalizations "
            "or single numbers. λ would have no effect."
        )
    pair = [first, second]
    plain = _Record.of(OneByOne(copy.deepcopy(pair), layout_of(first, everything), loss), inputs, targets)
    _check_finite(plain)
    before = buffers_of(first)
    changing = tuple(
        name for name in everything if name in own or not torch.equal(plain.tensors[0][name], before[name])
    )
    if stacked is False:
        return Verdict(
            stacked=False, why="stacked=False was given", changing=everything, is_random=plain.drew
        )
    with quiet_fallback():
        verdict = _compared(pair, loss, inputs, targets, plain, changing)
    if verdict.stacked:
        return verdict
    if stacked is True:
        raise RequestError(
            f"stacked=True: these modules can't be stacked, because {verdict.why}. Use stacked='auto'."
        )
    return replace(verdict, changing=everything)


def _compared(
    pair: list[nn.Module],
    loss: ModuleLoss,
    inputs: Any,
    targets: Any,
    plain: _Record,
    changing: tuple[str, ...],
) -> Verdict:
    """Stack the pair and hold it against what the loop gave."""
    layout = layout_of(pair[0], changing)
    no = Verdict(stacked=False, is_random=plain.drew)
    if plain.carries:
        return replace(
            no, why=f"it carries a tensor from batch to batch in {plain.carries}, which is not a buffer"
        )
    try:
        with _noted_fallback() as looped:
            stack = StackedModules(copy.deepcopy(pair), layout, loss)
            found = _Record.of(stack, inputs, targets, scored=False)
    except Exception as error:  # a user's module may raise anything within vmap
        return replace(no, why=_reason(error))
    differing, own_draws = _difference(found, plain, loss), False
    if differing and plain.drew:
        still = [_without_dropout(module) for module in copy.deepcopy(pair)]
        again = _Record.of(OneByOne(copy.deepcopy(still), layout, loss), inputs, targets, scored=False)
        other = _Record.of(StackedModules(copy.deepcopy(still), layout, loss), inputs, targets, scored=False)
        differing, own_draws = _difference(other, again, loss), True
    if differing and _is_rounding(pair, layout, loss, inputs, targets):
        differing = ""
    if differing:
        return replace(no, why=differing)
    scoring = _scoring(pair, layout, loss, inputs, targets, looped)
    return Verdict(
        stacked=True,
        looped=tuple(dict.fromkeys(looped)),
        scoring=scoring,
        changing=changing,
        is_random=plain.drew,
        own_draws=own_draws,
    )


@dataclass(frozen=True)
class _Record:
    """What a form gave: two gradients and the scores."""

    losses: list[Tensor]
    gradients: list[dict[str, Tensor]]
    tensors: list[dict[str, Tensor]]
    """Of each module afterwards: its changing buffers among them."""
    scores: tuple[Tensor, Tensor] | None
    drew: bool
    carries: str
    """The attribute in which it carries a tensor from batch to batch, beside its buffers; empty for none."""

    @classmethod
    def of(cls, stack: ModuleStack, inputs: Any, targets: Any, *, scored: bool = True) -> _Record:
        losses, gradients, drew, attributes = [], [], False, [dict[str, Tensor]()]
        with seeded("preflight"):
            for step in range(2):
                seed_generators("preflight", step)
                before = generators()
                losses.append(stack.gradient_(inputs, targets, None, shared=True)[0])
                drew = drew or not _same(before, generators())
                gradients.append({name: grad.clone() for name, grad in stack.gradients.items()})
                attributes.append(_tensor_attributes(stack))
            tensors = [{name: x.clone() for name, x in stack.tensors(k).items()} for k in range(stack.K)]
            scores = stack.scores(inputs, targets, shared=True) if scored else None
        carried = [
            n for n, x in attributes[2].items() if n in attributes[1] and not _same(x, attributes[1][n])
        ]
        return cls(losses, gradients, tensors, scores, drew, carried[0] if carried else "")


def _tensor_attributes(stack: ModuleStack) -> dict[str, Tensor]:
    """Tensors that a module holds as plain attributes, of modules in a loop."""
    if not isinstance(stack, OneByOne):
        return {}
    return {
        f"{prefix}.{key}".lstrip("."): value.detach().clone()
        for prefix, part in stack.modules[0].named_modules()
        for key, value in vars(part).items()
        if isinstance(value, Tensor)
    }


def _difference(found: _Record, plain: _Record, loss: ModuleLoss) -> str:
    """In words, where the stacked form gave another number than the loop; empty where it nowhere did."""
    for a, b in zip(found.losses, plain.losses, strict=True):
        if _far(a, b):
            return "its losses differ when it is stacked"
    for each, other in zip(found.gradients, plain.gradients, strict=True):
        largest = max(
            (float(grad.detach().abs().max()) for grad in other.values() if grad.numel()), default=0.0
        )
        for name, grad in each.items():
            if _far(grad, other[name], largest):
                return f"the gradient of {name} differs when it is stacked"
    for each, other in zip(found.tensors, plain.tensors, strict=True):
        for name, tensor in each.items():
            if _far(tensor, other[name]):
                return f"the buffer {name} differs when it is stacked"
    return ""


def _scoring(
    pair: list[nn.Module],
    layout: Any,
    loss: ModuleLoss,
    inputs: Any,
    targets: Any,
    looped: list[str],
) -> str:
    """The first way of scoring a stack that gives what the modules give one by one."""
    with seeded("preflight"):
        plain = OneByOne(copy.deepcopy(pair), layout, loss).scores(inputs, targets, shared=True)[0]
    for scoring in ("vmap", "vjp"):
        try:
            with _noted_fallback() as more, seeded("preflight"):
                stack = StackedModules(copy.deepcopy(pair), layout, loss, scoring)
                before = {name: tensor.clone() for name, tensor in stack.tensors(0).items()}
                scores = stack.scores(inputs, targets, shared=True)[0]
                unchanged = all(torch.equal(before[n], t) for n, t in stack.tensors(0).items())
        except Exception:  # a user's module may raise anything within vmap
            continue
        if unchanged and not _far(scores, plain):
            looped += more
            return scoring
    return "loop"


def _is_rounding(pair: list[nn.Module], layout: Any, loss: ModuleLoss, inputs: Any, targets: Any) -> bool:
    """Whether a difference vanishes in float64: then it was rounding of a deep float32 network, and neither is wrong."""
    if any(slot.dtype == torch.float64 for slot in layout.parameters):
        return False
    try:
        wide = [_without_dropout(module).double() for module in copy.deepcopy(pair)]
        layout = layout_of(wide[0], {slot.name for slot in layout.buffers})
        x, y = _widened(inputs), _widened(targets)
        plain = _Record.of(OneByOne(copy.deepcopy(wide), layout, loss), x, y, scored=False)
        found = _Record.of(StackedModules(wide, layout, loss), x, y, scored=False)
    except Exception:  # a module that knows only float32
        return False
    return not _difference(found, plain, loss)


def _frozen(module: nn.Module) -> dict[str, Tensor]:
    """What isn't trained: frozen parameters and buffers."""
    return {
        name: x for name, x in (parameters_of(module) | buffers_of(module)).items() if not x.requires_grad
    }


def _widened(tree: Any) -> Any:
    return mapped(lambda x: x.double() if isinstance(x, Tensor) and x.is_floating_point() else x, tree)


def _check_outputs(module: nn.Module, loss: ModuleLoss, inputs: Any, targets: Any) -> None:
    """Run a copy once, as a plain loop would, and hold its outputs against the loss."""
    once = copy.deepcopy(module)
    with seeded("preflight"):
        try:
            z = call(once, inputs)
        except Exception as error:
            raise RequestError(
                f"{called('make_module')}: the module can't run on a batch of X: {_first_line(error)}. X is "
                "passed to forward as it is, a "
                "tuple as its arguments, a dict as its keywords."
            ) from error
        loss.check(z, targets)
        losses = loss.of_rows(z, targets)
    if not losses.requires_grad:
        raise RequestError(
            f"{called('make_module')}: the loss doesn't depend on any trained parameter, so nothing can be "
            "learned. Check requires_grad and "
            "no_grad in forward."
        )


def _check_finite(plain: _Record) -> None:
    if not all(bool(torch.isfinite(each).all()) for each in plain.losses):
        raise RequestError(
            f"{called('make_module')}: the loss of an untrained module is NaN or infinite on the first batch. "
            "Look for such values in X and "
            "y, or lower the initial weights."
        )


def _far(a: Tensor, b: Tensor, largest: float = 0.0) -> bool:
    """Whether two tensors differ by more than rounding, relative to the largest number."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return True
    if not (a.is_floating_point() or a.is_complex()):
        return not torch.equal(a, b)
    if not a.numel():
        return False
    a, b = a.detach(), b.detach()
    scale = max(float(b.abs().max()), largest)
    return not float((a - b).abs().max()) <= KEPT.get(a.dtype, 1e-2) * scale + 1e-300


def _same(a: Any, b: Any) -> bool:
    """Whether the states of all generators are equal."""
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool((a == b) if not hasattr(a, "all") else (a == b).all())


def _without_dropout(module: nn.Module) -> nn.Module:
    for part in module.modules():
        if "Dropout" in type(part).__name__:
            part.training = False
        if isinstance(part, nn.RNNBase | nn.MultiheadAttention):
            part.dropout = 0.0
    return module


_FALLBACK = re.compile(r"batching rule for (\S+?)\.? |implemented the batching rule for (\S+?)[.,]")


@contextmanager
def _noted_fallback() -> Iterator[list[str]]:
    """Within it torch's warnings of operations that it runs one by one are taken down, by the operation's name."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield found
    for warning in caught:
        match = _FALLBACK.search(str(warning.message))
        if match:
            found.append((match[1] or match[2]).removeprefix("aten::"))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


@contextmanager
def quiet_fallback() -> Iterator[None]:
    """Within it torch's warnings of those operations are not repeated: the verdict has named them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*batching rule.*")
        yield


_KNOWN: Sequence[tuple[str, str]] = (
    (
        r"\.item\(\)|_local_scalar_dense",
        "it reads a number from a tensor, as `.item()` and `if tensor > 0` do",
    ),
    (r"boolean mask|nonzero|dynamic shape", "the shape of a tensor depends on the values of another"),
    (r"setup_context", "one of its `torch.autograd.Function`s has no `setup_context`"),
    (r"saved tensor hooks", "it uses activation checkpointing, which runs forward again"),
    (r"Sparse", "its gradients are sparse"),
    (
        r"broadcast shape|inplace arithmetic|in-place",
        "it writes into a tensor that does not depend on its weights",
    ),
    (
        r"batching rule not implemented for (\S+?)[;. ]|not yet support (\S+?)[;. ]",
        "torch.vmap has no rule for {}",
    ),
)


def _reason(error: Exception) -> str:
    text = str(error)
    for pattern, words in _KNOWN:
        if match := re.search(pattern, text, re.IGNORECASE):
            return words.format(*(group for group in match.groups() if group))
    return f"torch.vmap can't run it: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return shown(lines[0].rstrip(".") if lines else type(error).__name__).strip("'\"")
