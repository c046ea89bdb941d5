"""Which form a kind of module is trained in: found on one real batch, before anything is trained.

Two modules take two training steps' worth of gradients and are scored, in both forms. What is compared: losses,
gradients, the buffers after both, and scores. Random numbers are replayed, so that dropout is compared too: modules that
draw others in a stack than alone are trained one by one.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage._errors import RequestError, called
from shrinkage.networks.module._chance import generators, seed_generators, with_seed
from shrinkage.networks.module._copies import (
    are_far,
    are_same,
    clones,
    copy_modules,
    kept_attributes,
    versions,
)
from shrinkage.networks.module._factory import Factory, call, make_module
from shrinkage.networks.module._fallback import first_line, noted_fallback, quiet_fallback, reason_of
from shrinkage.networks.module._module_layout import buffers_of, layout_of, parameters_of
from shrinkage.networks.module._module_losses import ModuleLoss
from shrinkage.networks.module._module_stacks import ModuleStack, OneByOne, StackedModules
from shrinkage.networks.module._trees import leaves, map_tree

__all__ = ["Verdict", "preflight"]


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
    together: bool = True
    """Whether modules that see different batches may share a stack."""
    writes: bool = False
    """Whether forward or the loss writes into the batch, so that each module needs its own."""
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
    not_finite: str = "",
) -> Verdict:
    """Run two modules on one batch in both forms, and say which form is right.

    Args:
        factory: the user's `make_module`.
        loss: what is minimized.
        inputs, targets: one real batch on the device.
        device: where modules are trained.
        stacked: `auto`; True to refuse what can't be stacked; False to train one by one whatever is found.
        not_finite: where the data hold NaN or infinite numbers, for the message.

    Raises:
        RequestError: the module, its outputs or the loss are unfit, or `stacked=True` and the forms differ.
    """
    first = make_module(factory, device, "preflight", 0)
    second = make_module(factory, device, "preflight", 1, like=first)
    writes = _check_outputs(first, loss, inputs, targets)
    frozen = [_frozen_tensors(first), _frozen_tensors(second)]
    own = tuple(name for name, x in frozen[0].items() if not torch.equal(x, frozen[1][name]))
    everything = tuple(dict.fromkeys([*buffers_of(first), *own]))
    if not layout_of(first, everything).decayed():
        raise RequestError(
            f"{called('make_module')}: the module has no weight to decay: all its trained parameters are biases, "
            "gains of normalizations "
            "or single numbers. λ would have no effect."
        )
    pair, layout = [first, second], layout_of(first, everything)
    loop = OneByOne(copy_modules(pair), layout, loss, writes=writes)
    plain = _Record.of(loop, inputs, targets)
    _check_finite(plain, not_finite)
    _warn_of_kept(first, loop, inputs, targets)
    before = buffers_of(first)
    changing = tuple(
        name for name in everything if name in own or not torch.equal(plain.tensors[0][name], before[name])
    )
    if stacked is False:
        return Verdict(
            stacked=False,
            why="stacked=False was given",
            changing=everything,
            is_random=plain.drew,
            writes=writes,
        )
    with quiet_fallback():
        verdict = replace(_compare(pair, loss, inputs, targets, plain, changing), writes=writes)
    if verdict.stacked:
        return verdict
    if stacked is True:
        raise RequestError(
            f"stacked=True: these modules can't be stacked, because {verdict.why}. Use stacked='auto'."
        )
    return replace(verdict, changing=everything)


def _compare(
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
        with noted_fallback() as looped:
            stack = StackedModules(copy_modules(pair), layout, loss)
            found = _Record.of(stack, inputs, targets, scored=False)
    except Exception as error:  # a user's module may raise anything within vmap
        return replace(no, why=reason_of(error))
    differing = _difference(found, plain)
    if differing and _is_rounding(pair, layout, loss, inputs, targets):
        differing = ""
    if differing and plain.drew and _equal_without_dropout(pair, layout, loss, inputs, targets):
        differing = "a stack of them would draw other random numbers than each alone"
    if differing:
        return replace(no, why=differing)
    scoring = _scoring(pair, layout, loss, inputs, targets, looped)
    return Verdict(
        stacked=True,
        looped=tuple(dict.fromkeys(looped)),
        scoring=scoring,
        changing=changing,
        is_random=plain.drew,
        together=plain.drew or _may_differ_in_batches(pair, layout, loss, inputs, targets, scoring),
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
    def of(
        cls, stack: ModuleStack, inputs: Any, targets: Any, *, scored: bool = True, shared: bool = True
    ) -> _Record:
        losses, gradients, drew, attributes = [], [], False, [dict[str, Tensor]()]
        with with_seed("preflight"):
            for step in range(2):
                seed_generators("preflight", step)
                before = generators()
                losses.append(stack.gradient_(clones(inputs), clones(targets), None, shared=shared)[0])
                drew = drew or not are_same(before, generators())
                gradients.append({name: grad.clone() for name, grad in stack.gradients.items()})
                attributes.append(_tensor_attributes(stack))
            tensors = [{name: x.clone() for name, x in stack.tensors(k).items()} for k in range(stack.K)]
            scores = stack.scores(clones(inputs), clones(targets), shared=shared) if scored else None
        carried = [
            n for n, x in attributes[2].items() if n in attributes[1] and not are_same(x, attributes[1][n])
        ]
        return cls(losses, gradients, tensors, scores, drew, carried[0] if carried else "")


def _tensor_attributes(stack: ModuleStack) -> dict[str, Tensor]:
    """Tensors that a module holds as plain attributes, of modules in a loop."""
    if not isinstance(stack, OneByOne):
        return {}
    return {n: x for n, x in kept_attributes(stack.modules[0]).items() if isinstance(x, Tensor)}


def _difference(found: _Record, plain: _Record, slack: float = 1.0) -> str:
    """In words, where the stacked form gave another number than the loop; empty where it nowhere did."""

    def far(a: Tensor, b: Tensor, largest: float = 0.0) -> bool:
        return are_far(a, b, largest, slack)

    for a, b in zip(found.losses, plain.losses, strict=True):
        if far(a, b):
            return "its losses differ when it is stacked"
    for each, other in zip(found.gradients, plain.gradients, strict=True):
        largest = max(
            (float(grad.detach().abs().max()) for grad in other.values() if grad.numel()), default=0.0
        )
        for name, grad in each.items():
            if far(grad, other[name], largest):
                return f"the gradient of {name} differs when it is stacked"
    for each, other in zip(found.tensors, plain.tensors, strict=True):
        for name, tensor in each.items():
            if far(tensor, other[name]):
                return f"the buffer {name} differs when it is stacked"
    return ""


def _may_differ_in_batches(
    pair: list[nn.Module], layout: Any, loss: ModuleLoss, inputs: Any, targets: Any, scoring: str
) -> bool:
    """Whether modules that each see a batch of their own give in a stack what they give alone."""
    x, y = (map_tree(lambda t: torch.stack([t, t.roll(1, 0)]), tree) for tree in (inputs, targets))
    try:
        stack = StackedModules(copy_modules(pair), layout, loss, scoring)
        found = _Record.of(stack, x, y, shared=False)
    except Exception:  # a user's module may raise anything within vmap, such as for `if x.sum() > 0`
        return False
    plain = _Record.of(OneByOne(copy_modules(pair), layout, loss), x, y, shared=False)
    assert found.scores is not None
    assert plain.scores is not None
    return not _difference(found, plain, 100) and not are_far(found.scores[0], plain.scores[0], slack=100)


def _equal_without_dropout(
    pair: list[nn.Module], layout: Any, loss: ModuleLoss, inputs: Any, targets: Any
) -> bool:
    still = [_without_dropout(module) for module in copy_modules(pair)]
    plain = _Record.of(
        OneByOne(copy_modules(still), layout, loss, writes=True), inputs, targets, scored=False
    )
    found = _Record.of(StackedModules(still, layout, loss), inputs, targets, scored=False)
    return not _difference(found, plain)


def _warn_of_kept(first: nn.Module, loop: OneByOne, inputs: Any, targets: Any) -> None:
    """Warn of what forward keeps in attributes if outputs depend on it: the refitted module begins without it."""
    before, used = kept_attributes(first), loop.modules[0]
    after = kept_attributes(used)
    changed = [
        name for name, value in after.items() if name not in before or not are_same(value, before[name])
    ]
    if not changed:
        return
    fresh = copy_modules([first])[0]
    held = parameters_of(fresh) | buffers_of(fresh)
    with torch.no_grad():
        for name, tensor in loop.tensors(0).items():
            held[name].copy_(tensor)
    scores = []
    for module in (used, fresh):
        with with_seed("kept"):
            alone = OneByOne([module], loop.layout, loop.loss)
            scores.append(alone.scores(clones(inputs), clones(targets), shared=True)[0])
    if are_far(scores[0], scores[1]):
        warnings.warn(
            f"{called('make_module')}: the outputs depend on {changed[0]}, which forward changes and which is neither "
            "a parameter nor a buffer, so the refitted module starts without it. Use register_buffer for it.",
            stacklevel=4,
        )


def _scoring(
    pair: list[nn.Module],
    layout: Any,
    loss: ModuleLoss,
    inputs: Any,
    targets: Any,
    looped: list[str],
) -> str:
    """The first way of scoring a stack that gives what the modules give one by one."""
    with with_seed("preflight"):
        loop = OneByOne(copy_modules(pair), layout, loss, writes=True)
        plain = loop.scores(clones(inputs), clones(targets), shared=True)[0]
    for scoring in ("vmap", "vjp"):
        try:
            with noted_fallback() as more, with_seed("preflight"):
                stack = StackedModules(copy_modules(pair), layout, loss, scoring)
                before = {name: tensor.clone() for name, tensor in stack.tensors(0).items()}
                scores = stack.scores(clones(inputs), clones(targets), shared=True)[0]
                unchanged = all(torch.equal(before[n], t) for n, t in stack.tensors(0).items())
        except Exception:  # a user's module may raise anything within vmap
            continue
        if unchanged and not are_far(scores, plain):
            looped += more
            return scoring
    return "loop"


def _is_rounding(pair: list[nn.Module], layout: Any, loss: ModuleLoss, inputs: Any, targets: Any) -> bool:
    """Whether a difference vanishes in float64: then it was rounding of a deep float32 network, and neither is wrong."""
    if any(slot.dtype == torch.float64 for slot in layout.parameters):
        return False
    try:
        wide = [module.double() for module in copy_modules(pair)]
        layout = layout_of(wide[0], {slot.name for slot in layout.buffers})
        x, y = _widen(inputs), _widen(targets)
        plain = _Record.of(OneByOne(copy_modules(wide), layout, loss, writes=True), x, y, scored=False)
        found = _Record.of(StackedModules(wide, layout, loss), x, y, scored=False)
    except Exception:  # a module that knows only float32
        return False
    return not _difference(found, plain)


def _frozen_tensors(module: nn.Module) -> dict[str, Tensor]:
    """What isn't trained: frozen parameters and buffers."""
    return {
        name: x for name, x in (parameters_of(module) | buffers_of(module)).items() if not x.requires_grad
    }


def _widen(tree: Any) -> Any:
    return map_tree(lambda x: x.double() if isinstance(x, Tensor) and x.is_floating_point() else x, tree)


def _check_outputs(module: nn.Module, loss: ModuleLoss, inputs: Any, targets: Any) -> bool:
    """Run a copy once, as a plain loop would, hold its outputs against the loss, and say if the batch was written to."""
    (once,) = copy_modules([module])
    inputs, targets = clones(inputs), clones(targets)
    before = versions((inputs, targets))
    with with_seed("preflight"):
        try:
            z = call(once, inputs)
        except Exception as error:
            raise RequestError(
                f"{called('make_module')}: the module can't run on a batch of X: {first_line(error)}. "
                + _remedy(error, inputs)
            ) from error
        losses = loss.try_batch(z, targets)
    written = versions((inputs, targets)) != before
    if not losses.requires_grad:
        raise RequestError(
            f"{called('make_module')}: the loss doesn't depend on any trained parameter, so nothing can be "
            "learned. Check requires_grad and "
            "no_grad in forward."
        )
    return written


def _remedy(error: Exception, inputs: Any) -> str:
    whole = {str(x.dtype).removeprefix("torch.") for x in leaves(inputs) if not x.is_floating_point()}
    if whole and re.search(r"dtype|type (Byte|Long|Int|Bool|Float)|not implemented for", str(error)):
        return (
            f"X holds {', '.join(sorted(whole))}: if these are measurements, give X as floats; if they are numbers of "
            "words or classes, begin the module with nn.Embedding."
        )
    return "X is passed to forward as it is, a tuple as its arguments, a dict as its keywords."


def _check_finite(plain: _Record, where: str) -> None:
    if not all(bool(torch.isfinite(each).all()) for each in plain.losses):
        advice = f"{where}." if where else "Look for such values in X and y, or lower the initial weights."
        raise RequestError(
            f"{called('make_module')}: the loss of an untrained module is NaN or infinite on the first batch. {advice}"
        )


def _without_dropout(module: nn.Module) -> nn.Module:
    for part in module.modules():
        if "Dropout" in type(part).__name__:
            part.training = False
        if isinstance(part, nn.RNNBase | nn.MultiheadAttention):
            part.dropout = 0.0
    return module
