"""What torch.vmap can't do with a module, or does one by one: in words."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shrinkage._errors import shown

__all__ = ["first_line", "noted_fallback", "quiet_fallback", "reason_of"]

_FALLBACK = re.compile(r"batching rule for (\S+?)\.? |implemented the batching rule for (\S+?)[.,]")


@contextmanager
def noted_fallback() -> Iterator[list[str]]:
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
    (r"same randomness with a batched", "what it draws at random depends on its weights"),
    (r"requires_grad_\(\)", "it takes gradients itself, within forward"),
    (r"doesn't have storage", "it packs sequences or reads memory that a stack doesn't have"),
    (
        r"broadcast shape|inplace arithmetic|in-place",
        "it writes into a tensor that does not depend on its weights",
    ),
    (
        r"batching rule not implemented for (\S+?)[;. ]|not yet support (\S+?)[;. ]",
        "torch.vmap has no rule for {}",
    ),
)


def reason_of(error: Exception) -> str:
    """Why torch.vmap can't run a module, from what it raised."""
    text = str(error)
    for pattern, words in _KNOWN:
        if match := re.search(pattern, text, re.IGNORECASE):
            return words.format(*(group for group in match.groups() if group))
    return f"torch.vmap can't run it: {first_line(error)}"


def first_line(error: BaseException) -> str:
    """The first line of what was raised, as it may stand in a sentence."""
    lines = str(error).strip().splitlines()
    return shown(lines[0].rstrip(".") if lines else type(error).__name__)[1:-1]
