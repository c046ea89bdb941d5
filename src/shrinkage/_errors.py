"""The two ways in which a request can fail, how a value is shown in a sentence about it, and common checks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from numbers import Integral

__all__ = ["JobError", "RequestError", "check_choice", "check_count", "shown"]


class RequestError(ValueError):
    """The request or the data is wrong: what, where, what was got and what to do, one sentence a problem.

    The command line prints the problems and leaves with exit code 2.

    Args:
        problems: one finished sentence, or several that were found together.
    """

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class JobError(RuntimeError):
    """The request was right but the job could not be done (exit code 1): a full disk, a diverged path."""


def shown(value: object, limit: int = 160) -> str:
    """`value` as it may stand in a message: repr-escaped, so no control character reaches a terminal."""
    text = ascii(value) if isinstance(value, bytes) else repr(value)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def check_choice(name: str, value: object, known: Collection[str]) -> None:
    """Raise when a parameter is none of those known."""
    if value not in known:
        raise RequestError(f"{name}=…: must be one of {', '.join(known)}, got {shown(value)}.")


def check_count(name: str, value: object) -> None:
    """Raise when a parameter is no whole number from 1 on; True and 2.0 are none."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise RequestError(f"{name}=…: must be a whole number >= 1, got {shown(value)}.")
