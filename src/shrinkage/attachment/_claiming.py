"""Claims on the parameters of an optimizer, by what the model says of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from shrinkage._errors import RequestError
from shrinkage.attachment._claims import (
    Claim,
    Pattern,
    Selection,
    check_patterns,
    matches,
    named_parameters,
    partner_of,
)
from shrinkage.attachment._hooks import handles_of
from shrinkage.attachment._learning_rate import peak_of
from shrinkage.attachment.control._loop_control import Strengths, unit_of
from shrinkage.networks import Place, places_of
from shrinkage.rules import Reading, Rule, View

__all__ = ["Claimer"]


class Claimer:
    """Makes the claims on the parameters of an optimizer, also those that are added later."""

    def __init__(
        self,
        optimizer: Optimizer,
        rule: Rule,
        model: nn.Module | None,
        selection: Selection,
        parameters: Mapping[str, Tensor] | None,
        multipliers: Mapping[Pattern, float],
        strengths: Strengths,
    ) -> None:
        self._strengths: Strengths = strengths
        self._multipliers = multipliers
        self._optimizer, self._rule, self._model = optimizer, rule, model
        self._selection, self._parameters = selection, parameters

    def claims(self) -> list[Claim]:
        places, listed, stacked = named_parameters(self._optimizer, self._model, self._parameters)
        self._selection.check_used(places)
        check_patterns("multipliers", tuple(self._multipliers), places)
        known = {id(place.tensor): place for place in places}
        claims, claimed = [], set()
        for i, group in enumerate(self._optimizer.param_groups):
            for j, param in enumerate(group["params"]):
                if id(param) not in known:
                    raise RequestError(
                        f"attach(model=…): parameter {j} of group {i}, of shape {list(param.shape)}, is not one of "
                        "the model's. Give the model that it belongs to, or parameters={name: tensor}; if the model's "
                        "own were replaced since (fully_shard does that), build the optimizer afterwards."
                    )
                place = known[id(param)]
                if id(param) in claimed:
                    raise RequestError(
                        f"attach(optimizer): the optimizer holds {place.name} twice, so each step would move and decay "
                        "it twice. Build the optimizer with each parameter once."
                    )
                claimed.add(id(param))
                claims.append(self._claim(place, param, group, listed, place.name in stacked))
        self._check_strengths(claims)
        self._check_products(claims)
        return claims

    def claim_new(self, param: Tensor, group: dict[str, Any]) -> Claim:
        places, listed, stacked = named_parameters(self._optimizer, self._model, self._parameters)
        for place in places:
            if place.tensor is param:
                return self._claim(place, param, group, listed, place.name in stacked)
        raise RequestError(
            f"attach(…): a parameter of shape {list(param.shape)} was added to the optimizer but is not "
            "one of the model's, so its role is unknown. Add it to the model first."
        )

    def check_held(self, claims: Sequence[Claim]) -> None:
        """Raise where a parameter has no gradient because the model has another of its name by now.

        Raises:
            RequestError: names the parameter and the order that works.
        """
        if self._model is None or self._parameters is not None:
            return
        held = {place.name: place.tensor for place in places_of(self._model)}
        for claim in claims:
            now = held.get(claim.name, claim.param)
            if now is not claim.param and claim.param.grad is None:
                raise RequestError(
                    f"optimizer.step(): the model has another {claim.name} than the optimizer, so nothing is trained: "
                    "it was replaced after the optimizer was built, as fully_shard and parametrizations do. Build the "
                    "optimizer and attach afterwards."
                )

    def _claim(
        self, place: Place, param: Tensor, group: dict[str, Any], listed: frozenset[str], stacked: bool
    ) -> Claim:
        reason = self._selection.why_exempt(place, listed)
        if reason is None and self._rule.factors > 1 and partner_of(place.name) is None:
            reason = "exempt: not a factor of a product"
        peak = peak_of(group) or peak_of(self._optimizer.defaults)
        claim = Claim(place.name, param, place.role, reason or "pulled", None, stacked, peak)
        if reason is not None:
            return claim
        for other in handles_of(self._optimizer):
            if param in other.claims and other.claims[param].rule is not None:
                raise RequestError(
                    f"attach({self._rule.name}): {place.name} already has the rule {other.rule.name}. "
                    "Remove that rule first, or split the parameters with only=… and exempt=…."
                )
        claim.factor = math.prod(
            float(f) for pattern, f in self._multipliers.items() if matches(pattern, place)
        )
        claim.rule = (
            self._rule if claim.factor == 1 else self._rule.with_strength(self._rule.strength * claim.factor)
        )
        number = next(i for i, other in enumerate(self._optimizer.param_groups) if other is group)
        claim.unit = unit_of(self._strengths, place.name, number)
        real = torch.view_as_real(param.detach()) if param.is_complex() else param.detach()
        claim.anchor = real.clone() if self._rule.anchor == "initial" else None
        self._start(claim, real)
        return claim

    def _start(self, claim: Claim, w: Tensor) -> None:
        strength = w.new_ones(len(w), *[1] * (w.ndim - 1)) if claim.stacked else self._rule.strength
        view = View(w=w, now=Reading(0.0, 0.0), strength=strength, anchor=claim.anchor, state=claim.state)
        self._rule.start(view)

    def _check_products(self, claims: Sequence[Claim]) -> None:
        if self._rule.factors == 1:
            return
        pulled = {claim.name for claim in claims if claim.rule is not None}
        for name in pulled:
            if (other := partner_of(name)) not in pulled:
                raise RequestError(
                    f"attach({self._rule.name}): {name} is one factor of a product, and its other factor, "
                    f"{other}, is not decayed. Decay both, or neither."
                )
        if not pulled:
            raise RequestError(
                f"attach({self._rule.name}): the optimizer has no low-rank pair to decay, such as lora_A "
                "and lora_B. Use Decoupled for weights that are not a product."
            )

    def _check_strengths(self, claims: Sequence[Claim]) -> None:
        strength = self._rule.strength
        if not isinstance(strength, Tensor) or strength.numel() == 1:
            return
        for claim in claims:
            models = len(claim.param) if claim.stacked else 1
            if claim.rule is not None and strength.numel() != models:
                raise RequestError(
                    f"attach({self._rule.name}): {strength.numel()} strengths do not fit {claim.name}, which holds "
                    f"{models} model(s). Several strengths need stacked tensors: parameters={{name: tensor}}."
                )
