"""A controller at work in a training loop: when it is asked, what it is shown, and the strengths that it sets.

Axes: U units, each with a strength of its own: the network, its parameter groups, or its pulled tensors.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from shrinkage.attachment._claims import Claim
from shrinkage.attachment._host import refuse_in_a_graph
from shrinkage.attachment.control._loop_measures import Measures
from shrinkage.attachment.control._loop_slopes import pull_of
from shrinkage.rules import Controller, Rule, Run, State, Timescale
from shrinkage.strength import momentum_gain

__all__ = ["LoopControl", "Strengths", "is_moved", "unit_of"]

Strengths = Literal["network", "groups", "layers"]

_OWN = "control.own"
"""The λ of a parameter, in its own state."""
_LAM, _TRACE, _PLACE, _STATE = "control.lam", "control.trace", "control.place", "control.state."
"""What a controller keeps, in the state of one parameter: it rides in a checkpoint as a rule's own state does."""


class LoopControl:
    """Moves the strengths of an attached rule, and keeps their trace.

    Args:
        controller: what decides.
        optimizer: whose steps are counted.
        rule: with the strength to begin with.
        model: unwrapped; None for a controller that looks at weights alone.
        strengths: one for the `network`, or one for each of its `groups` or `layers`.
        lr: the peak learning rate.
        steps: of the run; 0 where they aren't known.
    """

    def __init__(
        self,
        controller: Controller,
        optimizer: Optimizer,
        rule: Rule,
        model: nn.Module | None,
        *,
        strengths: Strengths,
        lr: float,
        steps: int,
    ) -> None:
        self.controller, self.rule, self.strengths = controller, rule, strengths
        self._optimizer, self._lr, self._steps = optimizer, lr, steps
        self._measures: Measures | None = Measures(controller, model)
        self._pulls: dict[Claim, Tensor] = {}
        self._units: list[str] = []
        self._lam = torch.zeros(1, 1, dtype=torch.float64)
        self._state: State = {}
        self._trace: list[list[float]] = []
        self.words = ""

    @property
    def name(self) -> str:
        return type(self.controller).__name__

    def begin(self, claims: Sequence[Claim]) -> None:
        """Set the strengths that the controller begins with."""
        held = self._claims_with_rules(claims)
        self._units = sorted({claim.unit for claim in held})
        lam = torch.full((1, 1), float(self.rule.lambda_at(self._lr)), dtype=torch.float64)
        if self.strengths != "network":
            lam = lam[..., None].expand(1, 1, len(self._units)).clone()
        run = self._run(held)
        self._lam, self._state = self.controller.start(lam, run)
        if isinstance(self.controller, Timescale):
            carried = self._carried_further()
            self.words = self.controller.in_words(run, carried)
            self._lam = self._lam / carried
        self._trace = [[0.0, *self._lam.flatten().tolist()]]
        self._set(held)

    def before_step(self, claims: Sequence[Claim], done: int) -> None:
        """Before the step that follows `done` ones: keep what the rule pulls by, if the update after it needs that."""
        self._pulls = {}
        if self._measures is None or not self._due(done + 1):
            return
        if "slope_by_step" in self.controller.needs:
            self._pulls = {
                claim: pull_of(claim)
                for claim in self._claims_with_rules(claims)
                if claim.param.grad is not None
            }

    def after_step(self, claims: Sequence[Claim], done: int) -> bool:
        """After the step: True where the strengths have moved. Frozen weights don't count."""
        if self._measures is None or not self.controller.needs or not self._due(done):
            return False
        refuse_in_a_graph(
            f"attach(control={self.name}(…))", "λ is moved by Python", "Train without a captured graph."
        )
        held = self._claims_with_rules(claims)
        trained = {claim.unit for claim in held if claim.param.requires_grad}
        if not trained:
            self._pulls = {}
            return False
        counted = [claim for claim in held if claim.param.requires_grad or claim.unit not in trained]
        groups = {p: group for group in self._optimizer.param_groups for p in group["params"]}
        lam = {claim: float(self._of(claim)) for claim in held}
        shown = self._measures.of(
            counted, claims, lam, groups, self._optimizer, self._pulls, len(self._trace)
        )
        self._pulls = {}
        seen = {need: self._by_unit(counted, value) for need, value in shown.items()}
        run = self._run(counted, outputs=self._measures.outputs)
        moved, self._state = self.controller.update(self._lam, seen, self._state, run)
        moves = torch.tensor([unit in trained for unit in self._units])
        self._lam = moved if moved.ndim == 2 else torch.where(moves, moved, self._lam)
        self._trace.append([float(done), *self._lam.flatten().tolist()])
        self._set(held)
        return True

    def adopt(self, claim: Claim) -> bool:
        """Take in a parameter that was added; False where it would need a strength of its own."""
        if self.strengths != "network":
            return False
        if claim.rule is not None:
            self._set([claim])
        return True

    def trace(self) -> dict[str, list[float]]:
        """The steps after which λ was set, and the λ of each unit."""
        columns = [list(column) for column in zip(*self._trace, strict=True)]
        names = ["lam"] if self.strengths == "network" else self._units
        return dict(zip(["step", *names], columns, strict=True))

    def keep(self, claims: Sequence[Claim]) -> None:
        """Put what a resumed run needs into the state of one parameter."""
        held = self._claims_with_rules(claims)
        for claim in held:
            claim.state[_OWN] = self._of(claim).reshape(1)
        own = _keeper(held).state
        own[_LAM] = self._lam.flatten()
        own[_TRACE] = torch.tensor(self._trace, dtype=torch.float64).flatten()
        own[_PLACE] = torch.tensor(
            self._measures.places if self._measures else [0.0, 0.0], dtype=torch.float64
        )
        for name, value in self._state.items():
            own[_STATE + name] = value.double().flatten()

    def take_up(self, claims: Sequence[Claim]) -> None:
        """Go on from a checkpoint, if it holds a state of this controller."""
        held = self._claims_with_rules(claims)
        own = _keeper(held).state
        if _LAM not in own or own[_LAM].numel() != self._lam.numel():
            return
        self._lam = own[_LAM].cpu().double().reshape(self._lam.shape)
        self._trace = own[_TRACE].cpu().double().reshape(-1, 1 + self._lam.numel()).tolist()
        self._state = {
            name: own[_STATE + name].cpu().double().reshape(value.shape) if _STATE + name in own else value
            for name, value in self._state.items()
        }
        if self._measures is not None:
            self._measures.seek(own[_PLACE].cpu().tolist())
        self._set(held)

    def inert(self) -> LoopControl:
        """For a copy of the optimizer: the present strengths, fixed."""
        other = copy.copy(self)
        other._measures, other._pulls = None, {}
        return other

    def _due(self, done: int) -> bool:
        return done % self.controller.interval("steps") == 0

    @staticmethod
    def _claims_with_rules(claims: Sequence[Claim]) -> list[Claim]:
        return [claim for claim in claims if claim.rule is not None]

    def _of(self, claim: Claim) -> Tensor:
        return self._lam[0, 0] if self._lam.ndim == 2 else self._lam[0, 0, self._units.index(claim.unit)]

    def _set(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            assert claim.rule is not None
            lam = float(self._of(claim)) * claim.factor
            claim.rule = claim.rule.with_strength(float(self.rule.at_lambda(lam, self._lr).strength))

    def _by_unit(self, held: Sequence[Claim], value: Mapping[Claim, float] | float) -> Tensor:
        if not isinstance(value, Mapping):
            return torch.full((1, 1), value, dtype=torch.float64)
        sums = dict.fromkeys(self._units, 0.0)
        for claim in held:
            sums[claim.unit] += value.get(claim, 0.0)
        return torch.tensor([[list(sums.values())]], dtype=torch.float64)

    def _run(self, held: Sequence[Claim], outputs: int = 1) -> Run:
        sizes = dict.fromkeys(self._units, 0)
        for claim in held:
            sizes[claim.unit] += claim.param.numel()
        pulled = set(held)
        params = [p for group in self._optimizer.param_groups for p in group["params"]]
        everything = sum(p.numel() for p in params if p.requires_grad)
        return Run(
            lr=self._lr,
            steps=self._steps,
            rows=self._measures.rows if self._measures else 0,
            outputs=outputs,
            regression=getattr(self.controller, "loss", None) == "squared_error",
            sizes=tuple(sizes.values()),
            exempt=everything - sum(c.param.numel() for c in pulled if c.param.requires_grad),
        )

    def _carried_further(self) -> float:
        """How much further SGD's momentum carries a penalty in the loss, so that the timescale is that of each weight."""
        group: Mapping[str, Any] = self._optimizer.param_groups[0]
        if self.rule.entry != "loss" or not group.get("momentum"):
            return 1.0
        return momentum_gain(momentum=float(group["momentum"]), dampening=float(group["dampening"]))


def is_moved(state: Mapping[str, Any]) -> bool:
    """Whether the saved state of a parameter is that of one under control."""
    return _OWN in state


def unit_of(strengths: Strengths, name: str, group: int) -> str:
    """The unit that a parameter belongs to."""
    return {"network": "", "groups": f"group{group}", "layers": name}[strengths]


def _keeper(held: Sequence[Claim]) -> Claim:
    """The parameter whose state holds the controller's, the same whatever the order of the optimizer's parameters."""
    return min(held, key=lambda claim: claim.name)
