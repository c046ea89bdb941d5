"""Which parameters a rule pulls: each one of the optimizer is claimed exactly once, or exempt for a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from torch import Tensor, nn
from torch.optim import Optimizer

from shrinkage._errors import RequestError, shown
from shrinkage.attachment.repair._debt import Debt
from shrinkage.networks import ROLES, Place, Role, places_of
from shrinkage.rules import Rule

__all__ = ["Claim", "Pattern", "Selection", "check_patterns", "matches", "named_parameters", "partner_of"]

Pattern = str | type[nn.Module]

_FACTOR = re.compile(r"lora_(?:\w+_)?(A|B|a|b|down|up)(?=\.|$)")
_OTHER = {"A": "B", "B": "A", "a": "b", "b": "a", "down": "up", "up": "down"}


@dataclass(eq=False)
class Claim:
    """One parameter of the optimizer, and what the rule does to it."""

    name: str
    """Its name in the model, the same under DDP, FSDP and `torch.compile`."""
    param: Tensor
    role: Role
    reason: str
    """Why it is pulled or exempt."""
    rule: Rule | None
    """None: exempt."""
    stacked: bool = False
    """Axis 0 counts models."""
    lr_max: float = 0.0
    """Reference learning rate of the clocks `schedule` and `corrected`."""
    overshot: bool = False
    """Whether a learning rate above it has been warned of."""
    anchor: Tensor | None = None
    state: dict[str, Tensor] = field(default_factory=dict)
    debt: Debt = field(default_factory=Debt)
    factor: float = 1.0
    """The factor on the strength from `multipliers`."""
    unit: str = ""
    """The unit that shares a strength under a controller: empty, the group, or the parameter's own name."""
    previous: Tensor | None = None
    """A buffer for the weights from before the step."""


@dataclass(frozen=True)
class Selection:
    """The words and patterns that say which parameters are exempt, and which are meant at all."""

    exempt: tuple[Pattern, ...]
    only: tuple[Pattern, ...] | None

    def why_exempt(self, place: Place, unlisted: frozenset[str]) -> str | None:
        """The reason for which the parameter is exempt; None if it is pulled."""
        if self.only is not None and not any(matches(p, place) for p in self.only):
            return "not in only=…"
        for pattern in self.exempt:
            if matches(pattern, place):
                word = pattern if isinstance(pattern, str) else pattern.__name__
                return f"exempt: {word}"
        if place.name in unlisted:
            return "exempt: the model's no_weight_decay()"
        if getattr(place.tensor, "_no_weight_decay", False):
            return "exempt: marked _no_weight_decay"
        return None

    def check_used(self, places: Sequence[Place]) -> None:
        """Raise for a pattern that matches no parameter; a role that the model does not have is no mistake."""
        check_patterns("exempt", self.exempt, places)
        check_patterns("only", self.only or (), places)


def check_patterns(where: str, patterns: Sequence[Pattern], places: Sequence[Place]) -> None:
    """Raise for a pattern that matches no parameter; a role that the model does not have is no mistake."""
    for pattern in patterns:
        if pattern in ROLES or any(matches(pattern, place) for place in places):
            continue
        what = shown(pattern) if isinstance(pattern, str) else pattern.__name__
        some = ", ".join(place.name for place in places[:4])
        raise RequestError(
            f"attach({where}=…): {what} matches no parameter. Use a role ({', '.join(ROLES)}), a name, a "
            f"glob or a module type; names look like {some}."
        )


def named_parameters(
    optimizer: Optimizer, model: nn.Module | None, parameters: Mapping[str, Tensor] | None
) -> tuple[list[Place], frozenset[str], frozenset[str]]:
    """The places of the model's parameters, the names that it wants exempt, and those that stand for a stack."""
    if model is None:
        return _places_without_model(optimizer), frozenset(), frozenset()
    places = places_of(model)
    listed = frozenset(_no_weight_decay(model, places))
    stacked = set()
    for place in places:
        if parameters is not None and place.name in parameters:
            tensor = parameters[place.name]
            if tensor.shape != place.tensor.shape:
                stacked.add(place.name)
            place.tensor = tensor
    return places, listed, frozenset(stacked)


def matches(pattern: Pattern, place: Place) -> bool:
    """True where `pattern`, a role, a name, a glob, the start of a name or a module type, means the parameter."""
    if not isinstance(pattern, str):
        return isinstance(place.module, pattern)
    if pattern in place.role.answers_to:
        return True
    names = [place.name, *place.tied]
    return any(fnmatchcase(name, pattern) or name.startswith(f"{pattern}.") for name in names)


def partner_of(name: str) -> str | None:
    """The name of the other factor of the low-rank product that `name` is a factor of; None if it is none."""
    factor = _FACTOR.search(name)
    if factor is None:
        return None
    return name[: factor.start(1)] + _OTHER[factor[1]] + name[factor.end(1) :]


def _no_weight_decay(model: nn.Module, places: Sequence[Place]) -> set[str]:
    """What timm's and others' `no_weight_decay()` names: of the model, or of a module in it."""
    found: set[str] = set()
    for prefix, module in model.named_modules():
        listing = getattr(module, "no_weight_decay", None)
        if callable(listing):
            words = listing()
            assert isinstance(words, (set, frozenset, list, tuple)), "no_weight_decay() returns names"
            inside = {id(p) for p in module.parameters()}
            own = [place for place in places if id(place.tensor) in inside]
            found |= {
                place.name
                for place in own
                for word in words
                if place.name == word or place.name.endswith(f".{word}") or place.name.startswith(f"{word}.")
            }
        del prefix
    return found


def _places_without_model(optimizer: Optimizer) -> list[Place]:
    """Without a model there are names only where the optimizer was given named parameters, and no roles."""
    nowhere = nn.Module()
    role = Role("weight", "no model was given")
    places = []
    for i, group in enumerate(optimizer.param_groups):
        names = group.get("param_names") or [f"group{i}.{j}" for j in range(len(group["params"]))]
        places += [Place(n, p, role, nowhere, []) for n, p in zip(names, group["params"], strict=True)]
    return places
