"""Kinds of modules, each as a factory and one batch, for the contract between the stacked form and the plain loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["CASES", "Case", "batch_of", "made_in", "squared"]

B = 6


@dataclass(frozen=True)
class Case:
    """A kind of module and what the preflight is to find."""

    make: Callable[[], nn.Module]
    inputs: Callable[[torch.Generator], Any]
    outcome: str = "stacked"
    """`stacked`, `looped` within the stack, or `one by one`."""
    because: str = ""
    """A regular expression for the reason."""
    scoring: str = "vmap"
    """How the stack is scored."""


def batch_of(case: Case, dtype: torch.dtype = torch.float64) -> tuple[Any, Tensor]:
    """One batch of inputs and targets, the floats in `dtype`."""
    g = torch.Generator().manual_seed(3)
    x = _cast(case.inputs(g), dtype)
    return x, torch.linspace(-1, 1, B, dtype=dtype)


def made_in(case: Case, dtype: torch.dtype) -> Callable[[], nn.Module]:
    """The case's factory; its modules in `dtype`, but for those that are of several on purpose."""
    return lambda: module.to(dtype) if not isinstance(module := case.make(), SeveralDtypes) else module


def squared(z: Any, y: Tensor) -> Tensor:
    """A loss for outputs of any shape: the squared distance of a row's weighted mean from y."""
    z = z[0] if isinstance(z, tuple) else z
    z = z.reshape(len(z), -1)
    return ((z * torch.linspace(0.5, 1.5, z.shape[1], dtype=z.dtype)).mean(1) - y.to(z.dtype)).square()


def floats(*shape: int) -> Callable[[torch.Generator], Tensor]:
    return lambda g: torch.randn(B, *shape, generator=g, dtype=torch.float64)


def words(length: int = 5, vocabulary: int = 11) -> Callable[[torch.Generator], Tensor]:
    return lambda g: torch.randint(0, vocabulary, (B, length), generator=g)


def _cast(x: Any, dtype: torch.dtype) -> Any:
    if isinstance(x, tuple):
        return tuple(_cast(each, dtype) for each in x)
    if isinstance(x, dict):
        return {key: _cast(each, dtype) for key, each in x.items()}
    return x.to(dtype) if x.is_floating_point() else x


def chain(*layers: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(*(layer() for layer in layers))


class Function(nn.Module):
    """A linear layer whose output goes through `function(module, z)`."""

    def __init__(self, function: Callable[[Any, Tensor], Any], width: int = 4, **buffers: Tensor) -> None:
        super().__init__()
        self.linear = nn.Linear(3, width)
        self.function = function
        for name, buffer in buffers.items():
            self.register_buffer(name, buffer.clone())

    def forward(self, x: Tensor) -> Any:
        return self.function(self, self.linear(x))


class Recurrent(nn.Module):
    def __init__(self, kind: Callable[..., nn.Module], **options: Any) -> None:
        super().__init__()
        self.layer = kind(3, 4, batch_first=True, **options)
        self.head = nn.Linear(8 if options.get("bidirectional") else 4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])


class Cell(nn.Module):
    def __init__(self, kind: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.cell = kind(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        state: Any = None
        for t in range(x.shape[1]):
            state = self.cell(x[:, t], state)
        return state[0] if isinstance(state, tuple) else state


class Tied(nn.Module):
    """The embedding's table is the output layer's matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(11, 4)
        self.out = nn.Linear(4, 11, bias=False)
        self.out.weight = self.table.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.tanh(self.table(x)))


class Attention(nn.Module):
    def __init__(self, *, weights: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=self.weights)[0]


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 1)
        self.norm = nn.BatchNorm2d(2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.norm(self.b(torch.relu(self.a(x)))))


class FrozenBody(nn.Module):
    """A head that is trained on a body that is not; `eval_body` keeps the body's statistics too."""

    def __init__(self, *, eval_body: bool) -> None:
        super().__init__()
        body = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh())
        self.body = body.requires_grad_(False)
        if eval_body:
            body.eval()
        self.head = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 2), nn.Bilinear(3, 2, 2)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.a(left) + self.b(left, right)


class SeveralDtypes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Linear(3, 4, dtype=torch.float64), nn.Linear(4, 2, dtype=torch.float32)

    def forward(self, x: Tensor) -> Tensor:
        return self.narrow(torch.tanh(self.wide(x.double())).float()).double()


class Complex(SeveralDtypes):
    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.w = nn.Parameter(torch.randn(3, 4, dtype=torch.complex128))
        self.head = nn.Linear(4, 2, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        return self.head((x.to(self.w.dtype) @ self.w).abs())


class Double(torch.autograd.Function):
    """Without `setup_context`, which is how most of those in the wild are written."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return 2 * grad


def _filled(module: Any, z: Tensor) -> Tensor:
    total = torch.zeros(len(z), dtype=z.dtype)
    total += z.sum(1)
    return total[:, None]


def _reassigned(module: Any, z: Tensor) -> Tensor:
    module.n = module.n + 1
    return z * module.n


def _in_place(module: Any, z: Tensor) -> Tensor:
    module.n += 1
    return z * module.n


def _running_mean(module: Any, z: Tensor) -> Tensor:
    module.mean.copy_(0.9 * module.mean + 0.1 * z.detach().mean(0))
    return z - module.mean


def _in_attribute(module: Any, z: Tensor) -> Tensor:
    """A tensor that is neither parameter nor buffer, carried from batch to batch."""
    module.carried = z.detach() + getattr(module, "carried", 0.0)
    return z + module.carried


def _checkpointed(module: Any, z: Tensor) -> Tensor:
    from torch.utils.checkpoint import checkpoint

    return checkpoint(torch.tanh, z, use_reentrant=False)  # pyright: ignore[reportReturnType]


def _parametrized(name: str) -> nn.Module:
    from torch.nn.utils import parametrizations

    return nn.Sequential(getattr(parametrizations, name)(nn.Linear(3, 4)), nn.Tanh(), nn.Linear(4, 2))


def _encoder(dropout: float) -> nn.Module:
    return nn.TransformerEncoderLayer(4, 2, 8, dropout=dropout, batch_first=True)


class Empty(nn.Module):
    """With a parameter of no numbers, as a layer of a searched architecture may have."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.nothing = nn.Linear(3, 2), nn.Parameter(torch.zeros(0, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + self.nothing.sum()


class WritesIntoItsBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.mul_(2))


class BranchesOnInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) if x.sum() > 0 else self.linear(2 * x)


ZERO, MEAN = torch.zeros(()), torch.zeros(4)

CASES: dict[str, Case] = {
    "linear": Case(lambda: nn.Linear(3, 2), floats(3)),
    "no bias": Case(lambda: nn.Linear(3, 2, bias=False), floats(3)),
    "relu": Case(chain(lambda: nn.Linear(3, 4), nn.ReLU, lambda: nn.Linear(4, 2)), floats(3)),
    "gelu": Case(chain(lambda: nn.Linear(3, 4), nn.GELU, lambda: nn.Linear(4, 2)), floats(3)),
    "silu": Case(chain(lambda: nn.Linear(3, 4), nn.SiLU, lambda: nn.Linear(4, 2)), floats(3)),
    "prelu": Case(chain(lambda: nn.Linear(3, 4), nn.PReLU, lambda: nn.Linear(4, 2)), floats(3)),
    "softmax": Case(chain(lambda: nn.Linear(3, 4), lambda: nn.Softmax(1)), floats(3)),
    "layer norm": Case(chain(lambda: nn.Linear(3, 4), lambda: nn.LayerNorm(4)), floats(3)),
    "rms norm": Case(chain(lambda: nn.Linear(3, 4), lambda: nn.RMSNorm(4)), floats(3)),
    "group norm": Case(chain(lambda: nn.Conv1d(2, 4, 3), lambda: nn.GroupNorm(2, 4)), floats(2, 7)),
    "instance norm": Case(chain(lambda: nn.Conv1d(2, 4, 3), lambda: nn.InstanceNorm1d(4)), floats(2, 7)),
    "batch norm": Case(chain(lambda: nn.Linear(3, 4), lambda: nn.BatchNorm1d(4), nn.Tanh), floats(3)),
    "batch norm 2d": Case(chain(lambda: nn.Conv2d(2, 3, 3), lambda: nn.BatchNorm2d(3)), floats(2, 6, 6)),
    "batch norm without statistics": Case(
        chain(lambda: nn.Linear(3, 4), lambda: nn.BatchNorm1d(4, track_running_stats=False)), floats(3)
    ),
    "batch norm of a cumulative mean": Case(
        chain(lambda: nn.Linear(3, 4), lambda: nn.BatchNorm1d(4, momentum=None)),
        floats(3),
        "one by one",
        "item",
    ),
    "conv1d": Case(chain(lambda: nn.Conv1d(2, 3, 3), nn.Flatten), floats(2, 7)),
    "conv2d": Case(
        chain(lambda: nn.Conv2d(2, 3, 3), nn.ReLU, lambda: nn.MaxPool2d(2), nn.Flatten), floats(2, 6, 6)
    ),
    "conv3d": Case(lambda: nn.Conv3d(2, 3, 2), floats(2, 4, 4, 4)),
    "strided, dilated, grouped conv": Case(
        lambda: nn.Conv2d(2, 4, 3, stride=2, padding=2, dilation=2, groups=2), floats(2, 8, 8)
    ),
    "transposed conv": Case(lambda: nn.ConvTranspose2d(2, 3, 3, stride=2), floats(2, 4, 4)),
    "average pool, upsample": Case(
        chain(lambda: nn.Conv2d(2, 3, 3), lambda: nn.AvgPool2d(2), lambda: nn.Upsample(scale_factor=2)),
        floats(2, 6, 6),
    ),
    "adaptive pool": Case(
        chain(
            lambda: nn.Conv2d(2, 3, 3), lambda: nn.AdaptiveAvgPool2d(1), nn.Flatten, lambda: nn.Linear(3, 2)
        ),
        floats(2, 6, 6),
    ),
    "residual block": Case(Residual, floats(2, 5, 5)),
    "embedding": Case(chain(lambda: nn.Embedding(11, 4), nn.Flatten, lambda: nn.Linear(20, 2)), words()),
    "embedding with padding": Case(chain(lambda: nn.Embedding(11, 4, padding_idx=0), nn.Flatten), words()),
    "embedding of bounded norm": Case(
        chain(lambda: nn.Embedding(11, 4, max_norm=1.0), nn.Flatten, lambda: nn.Linear(20, 2)),
        words(),
        "looped",
        scoring="loop",
    ),
    "sparse embedding": Case(lambda: nn.Embedding(11, 4, sparse=True), words(), "one by one", "sparse"),
    "embedding bag": Case(lambda: nn.EmbeddingBag(11, 4), words(), "looped"),
    "tied weights": Case(Tied, words()),
    "lstm": Case(lambda: Recurrent(nn.LSTM), floats(5, 3), scoring="vjp"),
    "gru": Case(lambda: Recurrent(nn.GRU), floats(5, 3), scoring="vjp"),
    "rnn of two layers, both ways": Case(
        lambda: Recurrent(nn.RNN, num_layers=2, bidirectional=True), floats(5, 3), scoring="vjp"
    ),
    "lstm cell": Case(lambda: Cell(nn.LSTMCell), floats(4, 3), scoring="vjp"),
    "gru cell": Case(lambda: Cell(nn.GRUCell), floats(4, 3), "looped"),
    "attention with its weights": Case(lambda: Attention(weights=True), floats(5, 4), "looped"),
    "scaled dot-product attention": Case(lambda: Attention(weights=False), floats(5, 4), "looped"),
    "transformer encoder layer": Case(lambda: _encoder(0.0), floats(5, 4), "looped"),
    "transformer encoder layer with dropout": Case(
        lambda: _encoder(0.1), floats(5, 4), "one by one", "other random numbers"
    ),
    "bilinear": Case(TwoInputs, lambda g: (floats(3)(g), floats(2)(g)), "looped"),
    "inputs by name": Case(TwoInputs, lambda g: {"right": floats(2)(g), "left": floats(3)(g)}, "looped"),
    "weight norm": Case(lambda: _parametrized("weight_norm"), floats(3), "looped"),
    "orthogonal": Case(lambda: _parametrized("orthogonal"), floats(3), "looped"),
    "spectral norm": Case(lambda: _parametrized("spectral_norm"), floats(3), "one by one", "no rule for"),
    "weight norm of old": Case(
        lambda: nn.Sequential(nn.utils.weight_norm(nn.Linear(3, 4)), nn.Linear(4, 2)),  # pyright: ignore[reportDeprecated]
        floats(3),
        "looped",
    ),
    "torchscript": Case(
        lambda: torch.jit.script(nn.Sequential(nn.Linear(3, 4), nn.Tanh())),
        floats(3),
        "one by one",
        "differs",
    ),
    "complex parameters": Case(Complex, floats(3)),
    "a parameter of no numbers": Case(Empty, floats(3)),
    "writing into its batch": Case(WritesIntoItsBatch, floats(3)),
    "control flow on the inputs": Case(BranchesOnInputs, floats(3)),
    "dropout": Case(
        chain(lambda: nn.Linear(3, 8), lambda: nn.Dropout(0.4), nn.Tanh, lambda: nn.Linear(8, 2)), floats(3)
    ),
    "dropout of channels": Case(
        chain(lambda: nn.Conv2d(2, 6, 3), lambda: nn.Dropout2d(0.4)), floats(2, 5, 5)
    ),
    "alpha dropout": Case(chain(lambda: nn.Linear(3, 8), nn.SELU, lambda: nn.AlphaDropout(0.3)), floats(3)),
    "noise": Case(lambda: Function(lambda m, z: z + 0.1 * torch.randn_like(z)), floats(3)),
    "random relu": Case(chain(lambda: nn.Linear(3, 4), nn.RReLU), floats(3), "one by one", "no rule for"),
    "frozen body": Case(lambda: FrozenBody(eval_body=False), floats(3)),
    "frozen body in eval mode": Case(lambda: FrozenBody(eval_body=True), floats(3)),
    "several dtypes": Case(SeveralDtypes, floats(3)),
    "several outputs": Case(lambda: Function(lambda m, z: (z, z.detach())), floats(3)),
    "buffer written in place": Case(lambda: Function(_in_place, n=ZERO), floats(3)),
    "buffer reassigned": Case(lambda: Function(_reassigned, n=ZERO), floats(3)),
    "running mean": Case(lambda: Function(_running_mean, mean=MEAN), floats(3)),
    "constant buffer": Case(lambda: Function(lambda m, z: z * m.scale, scale=torch.arange(4.0)), floats(3)),
    "state in an attribute": Case(lambda: Function(_in_attribute), floats(3), "one by one", "not a buffer"),
    "item": Case(lambda: Function(lambda m, z: z * z.abs().max().item()), floats(3), "one by one", "item"),
    "control flow on a value": Case(
        lambda: Function(lambda m, z: z if z.sum() > 0 else 2 * z), floats(3), "one by one", "number from"
    ),
    "boolean indexing": Case(
        lambda: Function(lambda m, z: z * z[z > 0].sum()), floats(3), "one by one", "shape of a tensor"
    ),
    "writing into zeros": Case(lambda: Function(_filled), floats(3), "one by one", "writes into"),
    "checkpoint": Case(lambda: Function(_checkpointed), floats(3), "one by one", "activation checkpointing"),
    "autograd function": Case(
        lambda: Function(lambda m, z: Double.apply(z)), floats(3), "one by one", "setup_context"
    ),
    "fourier": Case(lambda: Function(lambda m, z: torch.fft.rfft(z).abs()), floats(3)),
    "einsum, sort, cumsum": Case(
        lambda: Function(lambda m, z: torch.einsum("bi,bj->bij", z, z).flatten(1).sort(1).values.cumsum(1)),
        floats(3),
    ),
}
