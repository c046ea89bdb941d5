"""Steps of K modules: one call for all of them where the optimizer looks at each number alone, else module by module.

`adam`, `sgd` and their like know nothing but single numbers, so K modules in one flat buffer are one parameter to them.
An optimizer of the user's own is looked at: torch's element-wise ones step all modules at once too; any other (Muon,
LAMB, Adafactor, …) is built once per module and gets its rule by `attach`.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from shrinkage._errors import RequestError, shown
from shrinkage.attachment import attach
from shrinkage.networks.module import ModuleStack, OneByOne, bind_gradients, first_line, parameters_of
from shrinkage.rules import Reading, Rule
from shrinkage.training.backprop._optimizers import SGD, Adam
from shrinkage.training.modules._module_pull import ModulePull

__all__ = ["ELEMENTWISE", "NAMED", "Lion", "MakeOptimizer", "Update", "own_learning_rate", "update_of"]

MakeOptimizer = Callable[[Any], Optimizer]


class Lion(Optimizer):
    """`u ← sign(β₁m + (1 − β₁)g)`, `w ← w − η u`, `m ← β₂m + (1 − β₂)g`.

    Reference: Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2.
    """

    def __init__(
        self, params: Iterable[Tensor], lr: float = 1e-4, betas: tuple[float, float] = (0.9, 0.99)
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] takes no closure
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                p.add_(torch.lerp(p.grad, m, b1).sign_(), alpha=-group["lr"])
                m.lerp_(p.grad, 1 - b2)


NAMED: dict[str, Callable[..., Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "lion": Lion,
}
"""By the names that `optimizer=` takes. The decay is the rule's, so AdamW is Adam here."""
ELEMENTWISE: tuple[type[Optimizer], ...] = (
    torch.optim.SGD,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.RMSprop,
    torch.optim.Adagrad,
    torch.optim.Adadelta,
    torch.optim.Adamax,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.Rprop,
    Lion,
)
"""Optimizers, and no subclasses of theirs, of which a number's step depends on that number's gradients alone."""


class Update(ABC):
    """Moves K modules from their gradients, under a rule."""

    @abstractmethod
    def step(self, now: Reading) -> None:
        """One step at the learning rate that `now` reads."""

    @abstractmethod
    def penalty(self) -> Tensor:
        """(K,) the rule's penalty; NaN for a rule that has none."""


class FlatUpdate(Update):
    """All modules in one call: the flat buffers are the optimizer's parameters."""

    def __init__(self, make: str | MakeOptimizer, rate: float, stack: ModuleStack, pull: ModulePull) -> None:
        self.pull = pull
        self._moves: list[Callable[[float], object]] = []
        for dtype, flat in stack.flats.items():
            grad = stack.flat_grads[dtype]
            if make in ("adam", "adamw", "sgd") and dtype in (torch.float32, torch.float64):
                own = (
                    SGD(flat.view(-1), grad.view(-1)) if make == "sgd" else Adam(flat.view(-1), grad.view(-1))
                )
                self._moves.append(own.step)
                continue
            parameter = nn.Parameter(flat)
            parameter.grad = grad
            optimizer = NAMED[make]([parameter], lr=rate) if isinstance(make, str) else make([parameter])
            self._moves.append(_Mover(optimizer))

    def step(self, now: Reading) -> None:
        self.pull.add_gradient(now)
        self.pull.before_step()
        for move in self._moves:
            move(float(now.lr))
        self.pull.after_step()

    def penalty(self) -> Tensor:
        return self.pull.penalty()


class MemberUpdate(Update):
    """One optimizer per module, with the rule attached at the module's own strength.

    Args:
        make: the user's function of parameters.
        rules: (K,) the rule at each module's strength.
        rate: the largest learning rate.
        stack: the modules.
        pull: for the penalty alone.
        decay_biases: pull the biases too.
    """

    def __init__(
        self,
        make: MakeOptimizer,
        rules: Sequence[Rule],
        rate: float,
        stack: ModuleStack,
        pull: ModulePull,
        template: nn.Module,
        *,
        decay_biases: bool,
    ) -> None:
        self.pull = pull
        exempt = ("norm", "token") if decay_biases else ("bias", "norm")
        self._movers: list[_Mover] = []
        self._grads: list[tuple[Tensor, Tensor]] = []
        for k, rule in enumerate(rules):
            if isinstance(stack, OneByOne):
                model, parameters = stack.modules[k], None
                trained = [p for p in model.parameters() if p.requires_grad]
            else:
                model, parameters = template, _as_parameters(stack, k)
                trained = list(parameters.values())
                self._grads += [(p, stack.gradients[name][k]) for name, p in parameters.items()]
            optimizer = make(trained)
            with warnings.catch_warnings():
                warnings.filterwarnings(
                    "ignore", message="attach"
                )  # a path tries strengths that are too strong
                attach(
                    optimizer,
                    rule,
                    model=model,
                    parameters=parameters,
                    exempt=exempt,
                    lr_max=rate,
                    lower=False,
                )
            self._movers.append(_Mover(optimizer))

    def step(self, now: Reading) -> None:
        bind_gradients(self._grads)
        for mover in self._movers:
            mover(float(now.lr))

    def penalty(self) -> Tensor:
        return self.pull.penalty()


class _Mover:
    """A torch optimizer as a function of the learning rate."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self._own = [float(group["lr"]) for group in optimizer.param_groups]
        self._largest = max(self._own)

    def __call__(self, lr: float) -> None:
        for group, own in zip(self.optimizer.param_groups, self._own, strict=True):
            group["lr"] = lr * own / self._largest if self._largest else 0.0
        self.optimizer.step()


def update_of(
    optimizer: str | MakeOptimizer,
    rule: Rule,
    strengths: Tensor,
    rate: float,
    stack: ModuleStack,
    template: nn.Module,
    *,
    decay_biases: bool,
) -> Update:
    """How a stack is stepped.

    Args:
        optimizer: a name, or a function of parameters that makes a torch optimizer.
        rule: of any strength.
        strengths: (K,) the λs, float64.
        rate: the learning rate at which fractions per step equal λ.
        stack: the modules.
        template: one of them, whose roles say what is pulled.
        decay_biases: pull the biases too.
    """
    _check_eps(optimizer, stack.flats)
    like = next(iter(stack.flats.values()))
    at = rule.at_lambda(strengths.view(-1, 1), rate)
    at = at.with_strength(torch.as_tensor(at.strength).to(like.device, like.dtype.to_real()))
    pull = ModulePull(at, stack, decay_biases=decay_biases)
    is_flat = isinstance(optimizer, str) or is_elementwise(optimizer, parameters_of(template).values())
    if not rule.needs_second_moment and is_flat:
        return FlatUpdate(optimizer, rate, stack, pull)
    if isinstance(optimizer, str):
        optimizer = partial(NAMED[optimizer], lr=rate)
    rules = [rule.at_lambda(float(lam), rate) for lam in strengths]
    return MemberUpdate(optimizer, rules, rate, stack, pull, template, decay_biases=decay_biases)


def _check_eps(make: str | MakeOptimizer, dtypes: Iterable[torch.dtype]) -> None:
    """Refuse an ε that is 0 in float16: a number without a gradient would take a step of 0/0."""
    if torch.float16 not in dtypes:
        return
    tried = NAMED[make]([nn.Parameter(torch.zeros(1))]) if isinstance(make, str) else tried_optimizer(make)
    for group in tried.param_groups:
        eps = group.get("eps")
        if isinstance(eps, float) and 0 < eps < torch.finfo(torch.float16).smallest_normal / 2**11:
            raise RequestError(
                f"optimizer=…: the eps of {type(tried).__name__}, {eps:g}, is 0 in float16, in which the module has "
                "trained parameters, so its steps would be NaN. Build the module in float32 and use "
                'autocast="float16", or give an optimizer of your own with eps=1e-4.'
            )


def is_elementwise(make: MakeOptimizer, module: Iterable[Tensor]) -> bool:
    """Whether the user's optimizer steps each number of a module by itself, all with the same settings.

    Raises:
        RequestError: it can't be built on the module's trained parameters, or leaves some of them out.
    """
    given = [nn.Parameter(torch.zeros((), dtype=p.dtype).expand(p.shape)) for p in module if p.requires_grad]
    words = f"{len(given)} trained parameter{'s' if len(given) > 1 else ''}"
    tried = _built(make, given, f"the module's {words}")
    held = {id(p) for group in tried.param_groups for p in group["params"]}
    if left := sum(id(p) not in held for p in given):
        raise RequestError(
            f"optimizer=…: the optimizer leaves out {left} of the module's {words}. Freeze those "
            "in make_module with requires_grad_(False), or give them to it too."
        )
    options = [{k: v for k, v in group.items() if k != "params"} for group in tried.param_groups]
    hooks = (*tried._optimizer_step_pre_hooks, *tried._optimizer_step_post_hooks)
    return type(tried) in ELEMENTWISE and not hooks and all(other == options[0] for other in options)


def own_learning_rate(make: MakeOptimizer) -> float:
    """The largest learning rate of the user's optimizer over its groups."""
    return max(float(group.get("lr", 0.0)) for group in tried_optimizer(make).param_groups)


def tried_optimizer(make: MakeOptimizer) -> Optimizer:
    """The user's optimizer on a matrix of its own, to look at; raises where it is unfit."""
    given = nn.Parameter(torch.zeros(2, 2))
    tried = _built(make, [given], "a list of parameters")
    if not any(p is given for group in tried.param_groups for p in group["params"]):
        raise RequestError("optimizer=…: the optimizer doesn't hold the parameters that it was called with.")
    if isinstance(tried, torch.optim.LBFGS):
        raise RequestError(
            "optimizer=…: LBFGS runs the loss several times per step, which a path doesn't. Use another."
        )
    if any(group.get("weight_decay") for group in tried.param_groups):
        raise RequestError(
            "optimizer=…: the optimizer already has a weight decay, so the weights would be decayed "
            "twice. Build it with weight_decay=0 and choose the decay with rule=…."
        )
    return tried


def _built(make: MakeOptimizer, given: list[nn.Parameter], words: str) -> Optimizer:
    try:
        tried = make(given)
    except Exception as error:
        raise RequestError(
            f"optimizer=…: must be a function of parameters that makes a torch optimizer; called with {words} it "
            f"raised {type(error).__name__}: {first_line(error)}."
        ) from error
    if not isinstance(tried, Optimizer):
        raise RequestError(f"optimizer=…: must make a torch.optim.Optimizer, got {shown(type(tried))}.")
    return tried


def _as_parameters(stack: ModuleStack, k: int) -> dict[str, Tensor]:
    """Module k's parameters as leaves of their own over the flat buffers."""
    return {name: nn.Parameter(tensor[k]) for name, tensor in stack.parameters.items()}
