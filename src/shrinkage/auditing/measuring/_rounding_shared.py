"""How much of a penalty in the gradient survives the rounding that it shares with the gradient.

Such a penalty is rounded twice. The sum g + λw is g again where λw is less than half the spacing of numbers at g,
whatever the learning rate; and w minus the step is w again where the step is less than half the spacing at w. Where
the step is of that size the gradient's noise decides which way it is rounded, and the decay arrives on the average.

So it is judged on steps with gradients of the live size, with and without the penalty, all from the same weights.
Where a penalty is too weak to turn enough roundings in so many steps, the two are judged one at a time: the second with
a stronger penalty, which the sum lets through, and the first at a higher learning rate, which the step shows. The
first does not change with the learning rate, so later places of a schedule are judged by the second alone.

Decay beside the gradient is judged in the same way if the optimizer skips a step whose gradients are all zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import replace

import torch
from torch import Tensor

from shrinkage.auditing.measuring._step_reading import Reading
from shrinkage.auditing.subjects._live import OptimizerSubject
from shrinkage.auditing.subjects._subject import Plan

__all__ = ["SharedRounding", "spacing"]

_EVENTS = 200
"""Roundings that the decay should turn, of which the share that arrives is judged."""
_MOST_STEPS = 1500
_MOST_TRIED = 8
"""Parameters whose steps are taken with and without the penalty."""
_MOST_FOLLOWED = 2
"""Parameters of too weak a penalty whose sum with the gradient is followed over so many steps."""
_FEW_STEPS = 48
"""Steps in which a momentum shows."""
_GENTLE = 1 / 16
"""Part of the numbers' spacing that a penalty made stronger moves a weight in a step."""


class SharedRounding:
    """What becomes of a penalty in the gradient, by parameter.

    Args:
        exact: the subject in float64.
        native: the same in the weights' own precision.
        readings: what was measured in float64.
        idle: parameters, by their number, that a step with zero gradients does not move, though they decay.
    """

    def __init__(
        self,
        exact: OptimizerSubject,
        native: OptimizerSubject,
        readings: Sequence[Reading],
        *,
        idle: Set[int] = frozenset(),
    ) -> None:
        self.exact, self.native = exact, native
        probes = zip(readings, native.starts, native.gradient_sizes, strict=True)
        fitting = [
            i
            for i, (r, w, g) in enumerate(probes)
            if (_is_summed(r) or i in idle) and g > 0 and bool(w.any())
        ]
        self.tried = fitting[:_MOST_TRIED] if exact.dtype is torch.float64 else []
        self.missed: set[int] = set()
        """Penalties that could not be judged where it was looked last."""
        self.spacings = {i: spacing(native.starts[i]) for i in self.tried}

    def survivals(self, lr: float = 1.0, *, is_later: bool = False) -> dict[int, float]:
        """The applied fraction of each penalty that can be judged, by the parameter's number.

        Args:
            lr: multiple of the measured learning rate at which to look.
            is_later: whether the rounding of the sum is known to let it through.
        """
        shrinks = {i: s for i, s in self._shrinks(lr).items() if s > 0}
        steps = {i: self._steps_needed(i, s) for i, s in shrinks.items()}
        whole = [i for i in shrinks if not is_later and steps[i] <= _MOST_STEPS]
        found = self._shares(whole, self._plan(whole, max([_FEW_STEPS, *(steps[i] for i in whole)]), lr))
        rest = sorted(shrinks.keys() - set(whole))
        for i in rest:
            found |= self._made_stronger(i, shrinks[i], lr)
        for i in [] if is_later else rest[:_MOST_FOLLOWED]:
            share = self._of_the_sum(i, shrinks[i], lr)
            found |= {i: min(share, found.get(i, share))} if share is not None else {}
        self.missed = shrinks.keys() - found.keys()
        return found

    def _steps_needed(self, i: int, shrink: float) -> int:
        """Steps in which a shrink turns enough roundings."""
        return math.ceil(_EVENTS * self.spacings[i] / (shrink * len(self.native.starts[i])))

    def _shrinks(self, lr: float) -> dict[int, float]:
        """The fraction that goes in a step, from few steps in float64."""
        pulled = self._pull_alone(self.exact, self._plan(self.tried, _FEW_STEPS, lr), self.tried)
        squares = [float(self.exact.starts[i].square().sum()) for i in self.tried]
        return {i: p / q / _FEW_STEPS for i, p, q in zip(self.tried, pulled, squares, strict=True)}

    def _made_stronger(self, i: int, shrink: float, lr: float) -> dict[int, float]:
        """The share of the penalty, made as much stronger as leaves the pull in proportion.

        A hook's penalty is out of reach, and a normalized one does not grow without bounds: then it is not judged.
        """
        factor = max(1.0, _GENTLE * self.spacings[i] / shrink)
        while (steps := self._steps_needed(i, factor * shrink)) <= _MOST_STEPS:
            plan = self._plan([i], max(steps, _FEW_STEPS), lr)
            few = replace(plan, steps=_FEW_STEPS)
            (once,), (more,) = (
                self._pull_alone(self.exact, p, [i]) for p in (few, replace(few, factor=factor))
            )
            if once and abs(more / (factor * once) - 1) < 0.2:
                return self._shares([i], replace(plan, factor=factor))
            if factor <= 1:
                break
            factor = max(1.0, factor / 4)
        return {}

    def _of_the_sum(self, i: int, shrink: float, lr: float) -> float | None:
        """The share that the sum with the gradient lets through, at a learning rate so high that enough comes of it.

        None where steps would have to be longer than the weights.
        """
        faster = lr * max(1.0, self._steps_needed(i, shrink) / _MOST_STEPS)
        plan = self._plan([i], _FEW_STEPS, faster)
        track = self.exact.run(replace(plan, strength="off"))[i]
        if float((track[1:] - track[0]).square().mean()) > float(track[0].square().mean()):
            return None
        return self._shares([i], replace(plan, steps=_MOST_STEPS)).get(i)

    def _shares(self, numbers: list[int], plan: Plan) -> dict[int, float]:
        wanted, got = (self._pull_alone(subject, plan, numbers) for subject in (self.exact, self.native))
        return {i: g / w for i, w, g in zip(numbers, wanted, got, strict=True) if w}

    def _plan(self, numbers: Sequence[int], steps: int, lr: float) -> Plan:
        only = frozenset(numbers)
        return Plan(start="weights", feed="noise", hold=True, only=only, steps=steps, lr=lr)

    def _pull_alone(self, subject: OptimizerSubject, plan: Plan, numbers: Sequence[int]) -> list[float]:
        """How far the penalty alone moves each along itself: the difference to the same steps without it."""
        if not numbers:
            return []
        with_it, without = (subject.run(replace(plan, strength=s)) for s in ("as set", "off"))
        return [float(((without[i] - with_it[i])[1:] * with_it[i][0]).sum()) for i in numbers]


def spacing(weights: Tensor) -> float:
    """The spacing at 1 of the format that the weights came in, as their own digits tell."""
    w = weights[weights != 0]
    for dtype in (torch.bfloat16, torch.float16, torch.float32):
        if bool((w.to(dtype).double() == w).all()):
            return torch.finfo(dtype).eps
    return torch.finfo(torch.float64).eps


def _is_summed(reading: Reading) -> bool:
    """Whether it is an L2 penalty that joins the gradient, or might."""
    if reading.anchored or reading.path not in ("coupled", "plain"):
        return False
    return bool(reading.lam) if reading.adaptive else reading.first != 0 and reading.force == "proportional"
