"""How a command ends: 0 done, 1 the job failed, 2 the request or the data is wrong; never a traceback."""

from __future__ import annotations

import errno
import logging
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

from shrinkage._errors import JobError, RequestError, shown
from shrinkage.cli._help import HELP_ALL

__all__ = ["Stopped", "exit_with", "harmless", "note", "usage"]

DONE, FAILED, WRONG = 0, 1, 2
SIGNALLED = 128
STOPPED = "Stopped before the end. Run the command again."
STOPPED_RESUMABLE = "Stopped. Finished blocks, if any, are kept: --resume continues from them."
NO_MEMORY = "This machine does not have enough memory for the job."


class Stopped(KeyboardInterrupt):
    """A signal asked the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def exit_with(job: Callable[[], object], *, debug: bool = False, resumable: bool = False) -> int:
    """Run `job` and return its exit code; every failure is reported on standard error.

    Args:
        job: what the command does.
        debug: show where an error arose.
        resumable: whether the command has an option `--resume`.
    """
    with _warnings_as_notes(), _signals():
        try:
            job()
        except RequestError as error:
            return _say(error.problems, WRONG, debug)
        except JobError as error:
            return _say([str(error)], FAILED, debug)
        except Stopped as stop:
            return _say([STOPPED_RESUMABLE if resumable else STOPPED], SIGNALLED + stop.number)
        except KeyboardInterrupt:
            return _say(["Stopped."], SIGNALLED + signal.SIGINT)
        except BrokenPipeError:
            return DONE
        except MemoryError:
            return _say([NO_MEMORY], FAILED, debug)
        except OSError as error:
            return _say([_of_the_system(error, resumable)], FAILED, debug)
        except Exception as error:  # the last resort: report it as a defect
            return _say([_sentence_of_unexpected(error)], FAILED, debug)
    return DONE


def usage(error: Exception) -> int:
    """The exit code of a command line that could not be parsed; the reason is printed like every other."""
    context, message = getattr(error, "ctx", None), getattr(error, "format_message", None)
    if message is None:
        return _say([_sentence_of_unexpected(error)], FAILED)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message())
        return WRONG
    path = "shrinkage" if context is None else context.command_path
    text = f"{message().rstrip('.')}{_got(error)}".replace("\n", " ")
    end = "" if text.endswith("?") else "."
    options = [] if context is None else [o for p in context.command.params for o in p.opts]
    flag = HELP_ALL if HELP_ALL in options else "--help"
    return _say([f"{text}{end} `{path} {flag}` lists what there is."], WRONG)


def _got(error: Exception) -> str:
    """What could not be read as a number, which some parsers leave out of their sentence."""
    cause: Any = error.__cause__ or error.__context__
    return f", got {shown(cause.errors()[0]['input'])}" if hasattr(cause, "errors") else ""


def _of_the_system(error: OSError, resumable: bool) -> str:
    where = f"{error.filename}: " if error.filename else ""
    hint = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        next_step = "continue with --resume" if resumable else "run the command again"
        hint = f" Earlier results are unchanged. Free some space, then {next_step}."
    return f"{where}{error.strerror or error}.{hint}"


def _sentence_of_unexpected(error: Exception) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    if isinstance(error, RuntimeError) and ("allocate memory" in text or "out of memory" in text):
        return NO_MEMORY
    return f"An unexpected error, please report it: {text}. `shrinkage --debug …` shows where."


def _say(problems: list[str] | tuple[str, ...], code: int, debug: bool = False) -> int:
    if debug:
        traceback.print_exc()
    for problem in problems:
        print(harmless(f"shrinkage: {problem}"), file=sys.stderr)
    return code


def harmless(text: str) -> str:
    """`text` without what could steer a terminal or reorder a line: such characters are spelled out."""
    text = text.replace(
        "\N{NO-BREAK SPACE}", " "
    )  # used in our own sentences, though Python counts it as not printable
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def note(text: str) -> None:
    """Say something on standard error that stops nothing."""
    print(harmless(f"note: {' '.join(text.split())}"), file=sys.stderr)


@contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """Warnings as one line each, once: a user of the command line has no use for their source."""
    seen: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = " ".join(str(message).split())
        if issubclass(category, UserWarning) and text not in seen:
            seen.add(text)
            note(text)

    handler = _LogAsNotes(logging.WARNING)
    logger = logging.getLogger("shrinkage")
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = show
            yield
    finally:
        logger.removeHandler(handler)


class _LogAsNotes(logging.Handler):
    """What the library logs, as one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())


@contextmanager
def _signals() -> Iterator[None]:
    """SIGINT and SIGTERM end the job at the next statement; a second one ends the process as it always does."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise Stopped(number)

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
