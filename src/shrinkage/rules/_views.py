"""What a rule can read of one tensor at one step, and how its statistics are taken."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from shrinkage.rules._clocks import Reading

__all__ = ["View", "keep", "plain", "total", "wide"]


@dataclass(kw_only=True)
class View:
    """One tensor of weights and what is known about it at this step; what a rule does not ask for stays None."""

    w: Tensor
    """The weights; a rule changes them in place."""
    now: Reading
    """What the clock is read from."""
    strength: float | Tensor = 0.0
    """The rule's strength. A tensor with as many axes as `w` says that axis 0 of `w` counts models."""
    grad: Tensor | None = None
    """The loss gradient, unscaled."""
    anchor: Tensor | None = None
    """`a`; None is 0."""
    previous: Tensor | None = None
    """The weights from before the step."""
    second_moment: Tensor | None = None
    """The sum over the tensor of the optimizer's bias-corrected second moment v̂ of this step."""
    state: dict[str, Tensor] = field(default_factory=dict)
    """What the rule keeps of this tensor from step to step; saved and resumed with the optimizer."""
    note: tuple[Tensor, ...] = ()
    """What `Modulation.read` leaves for `Modulation.factor` within one step."""

    @property
    def distance(self) -> Tensor:
        """`d = w − a`."""
        return _from(self.w, self.anchor)

    @property
    def previous_distance(self) -> Tensor:
        """`d` before the step."""
        assert self.previous is not None, "a rule that reads the weights before the step was given none"
        return _from(self.previous, self.anchor)

    def total(self, x: Tensor) -> Tensor:
        """The sum of `x` over one model; see `total`."""
        return total(x, self.strength)

    def count(self) -> int:
        """How many weights one model has in this tensor."""
        return self.w.numel() // (len(self.w) if _counts_models(self.w, self.strength) else 1)


def keep(state: dict[str, Tensor], **values: Tensor) -> None:
    """Write `values` into the tensors that `state` holds: a captured CUDA graph finds them there at the next replay."""
    for key, value in values.items():
        held = state.get(key)
        if held is not None and _kind(held) == _kind(value):
            held.copy_(value)
        else:
            state[key] = value


def total(x: Tensor, strength: float | Tensor) -> Tensor:
    """The sum of `x` over one model, in a shape that broadcasts against `x`.

    Over all axes, unless the strength has as many axes as `x`: then axis 0 counts models and the sum is over the
    others, so that K stacked networks are K networks and not one. Parts that are spread over processes are added up.
    """
    if _counts_models(x, strength):
        axes = tuple(range(1, x.ndim))
        return _whole(x.sum(axes, keepdim=True) if axes else x.clone())
    return _whole(x.sum())


def wide(x: Tensor) -> Tensor:
    """`x` in at least float32, in which statistics are taken."""
    return x.float() if x.element_size() < 4 else x


def plain(x: Tensor) -> Tensor:
    """`x` as one tensor of this process, put together from all processes if it is spread over them."""
    full = getattr(x, "full_tensor", None)
    return x if full is None else full()


def _kind(x: Tensor) -> tuple[object, ...]:
    return type(x), x.shape, x.dtype, x.device


def _from(w: Tensor, anchor: Tensor | None) -> Tensor:
    return w if anchor is None else w - anchor


def _counts_models(x: Tensor, strength: float | Tensor) -> bool:
    return isinstance(strength, Tensor) and 0 < strength.ndim == x.ndim


def _whole(x: Tensor) -> Tensor:
    """A sum of sharded tensors is a partial sum on every process until it is asked for."""
    if not hasattr(x, "full_tensor"):
        return x
    from torch.distributed.tensor import DTensor, Replicate

    assert isinstance(x, DTensor)
    return x.redistribute(placements=[Replicate()] * x.device_mesh.ndim)
