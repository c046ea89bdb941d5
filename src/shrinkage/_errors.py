"""The two ways in which a request can fail, how messages name things, and common checks.

One knob may have several names: `schedule` where networks are trained is `learning_rate` of an estimator and
`--schedule` on the command line. Whoever raises names it with `called`, which gives the caller's own name: everybody
who passes a knob on under another name says so with `vocabulary`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Integral

__all__ = ["JobError", "RequestError", "called", "check_choice", "check_count", "shown", "vocabulary"]

_translations: ContextVar[tuple[Mapping[str, str], ...]] = ContextVar("translations", default=())
_UNSAID = object()


class RequestError(ValueError):
    """The request or the data is wrong. Each problem is one sentence: what, where, what was got and what to do.

    The command line prints the problems and exits with code 2.

    Args:
        problems: one finished sentence, or several for problems found together.
    """

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems: tuple[str, ...] = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class JobError(RuntimeError):
    """The request was valid but the job failed (exit code 1): a full disk, a diverged path."""


def shown(value: object, limit: int = 160) -> str:
    """`value` as it may stand in a message: repr-escaped, so no control character reaches a terminal.

    A backslash that was typed stays a single one: `'\\N'` is quoted as its owner wrote it.
    """
    text = ascii(value) if isinstance(value, bytes) else repr(value)
    if isinstance(value, str) and value.isprintable() and text[1:-1] == value.replace("\\", "\\\\"):
        text = f"{text[0]}{value}{text[-1]}"
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


@contextmanager
def vocabulary(names: Mapping[str, str]) -> Iterator[None]:
    """Within it, messages name the arguments of called functions as the caller knows them.

    Args:
        names: from the name in here to the name out there, of an argument or of a function. Names that are not
            arguments, such as `--lr` or `VALUE`, are used unchanged.
    """
    token = _translations.set((*_translations.get(), names))
    try:
        yield
    finally:
        _translations.reset(token)


def called(name: str, value: object = _UNSAID, *, of: str = "") -> str:
    """An argument as the caller knows it: `lr=…`, `convert(lr=…)` with `of="convert"`, or `--lr`.

    Args:
        name: of the argument in here; or a call as it is written, such as `convert(…)`.
        value: what was given for it, where the sentence is about that.
        of: the function that takes it, left out where the caller knows it by another name.
    """
    is_argument = name.isidentifier()
    for names in reversed(_translations.get()):
        if name in names:
            name, of = names[name], ""
        of = names.get(of, of)
    if not is_argument or not name.isidentifier() or name.isupper():
        return name if value is _UNSAID or value is True else f"{name} {_typed(value)}"
    text = f"{name}={'…' if value is _UNSAID else shown(value)}"
    return f"{of}({text})" if of else text


def _typed(value: object) -> str:
    """`value` as it is typed on a command line: a word needs no quotes."""
    return value if isinstance(value, str) and re.fullmatch(r"[\w.+-]+", value) else shown(value)


def check_choice(name: str, value: object, known: Collection[str], *, of: str = "") -> None:
    """Raise when a parameter, of a function, is none of those known."""
    if value not in known:
        raise RequestError(f"{called(name, of=of)}: must be one of {', '.join(known)}, got {shown(value)}.")


def check_count(name: str, value: object, *, of: str = "") -> None:
    """Raise when a parameter, of a function, is no whole number from 1 on; True and 2.0 are none."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise RequestError(f"{called(name, of=of)}: must be a whole number >= 1, got {shown(value)}.")
