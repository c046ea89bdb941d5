"""How a command ends and what it says: every kind of failure as one line, options that are refused, progress."""

import errno
import io
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import typer

from shrinkage._errors import JobError, RequestError
from shrinkage.cli import _progress, app
from shrinkage.cli._exit import NO_MEMORY, exit_with, harmless, note, usage
from shrinkage.cli._folder import LOCK, prepared_folder
from shrinkage.cli.options import _values


def failing(error: BaseException) -> Callable[[], None]:
    def job() -> None:
        raise error

    return job


@pytest.mark.parametrize(
    "error, code, says",
    [
        (RequestError(["one thing", "another"]), 2, "shrinkage: one thing\nshrinkage: another\n"),
        (JobError("it failed"), 1, "shrinkage: it failed\n"),
        (KeyboardInterrupt(), 130, "shrinkage: Stopped.\n"),
        (BrokenPipeError(), 0, ""),
        (MemoryError(), 1, f"shrinkage: {NO_MEMORY}\n"),
        (RuntimeError("CUDA out of memory. Tried 3 GiB"), 1, f"shrinkage: {NO_MEMORY}\n"),
        (RuntimeError("can't allocate memory: 9 bytes"), 1, f"shrinkage: {NO_MEMORY}\n"),
        (OSError(errno.EIO, "Input/output error"), 1, "shrinkage: Input/output error.\n"),
        (OSError(errno.EIO, "Input/output error", "a.csv"), 1, "shrinkage: a.csv: Input/output error.\n"),
        (OSError("the device is gone"), 1, "shrinkage: the device is gone.\n"),
    ],
    ids=lambda case: type(case).__name__,
)
def test_a_failure_is_its_code_and_its_sentences(error: BaseException, code: int, says: str, capsys: Any):
    assert exit_with(failing(error)) == code
    assert capsys.readouterr().err == says


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_says_how_to_continue(number: int, capsys: Any):
    for resumable, next_step in [(True, "continue with --resume"), (False, "run the command again")]:
        assert exit_with(failing(OSError(number, "No room", "model.json")), resumable=resumable) == 1
        assert capsys.readouterr().err == (
            "shrinkage: model.json: No room. Earlier results are unchanged. Free some space, then "
            f"{next_step}.\n"
        )


def test_a_defect_is_one_line_and_debug_shows_its_place(capsys: Any):
    assert exit_with(failing(ValueError("over\ntwo lines"))) == 1
    assert "please report it: ValueError: over two lines." in (said := capsys.readouterr().err)
    assert said.count("\n") == 1
    assert exit_with(failing(ValueError("again")), debug=True) == 1
    assert "test_exit_messages.py" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_job_with_128_and_its_number(number: int, capsys: Any):
    before = signal.getsignal(number)
    for resumable in (True, False):
        assert exit_with(lambda: signal.raise_signal(number), resumable=resumable) == 128 + number
        assert ("--resume continues" in capsys.readouterr().err) is resumable
        assert signal.getsignal(number) is before


def test_only_commands_with_a_resume_option_mention_it(monkeypatch: Any):
    seen: dict[str, bool] = {}
    commands = cast(Any, typer.main.get_command(app)).commands
    assert "audit" in commands
    for name, command in commands.items():
        monkeypatch.setattr(
            "shrinkage.cli.exit_with", lambda job, resumable, name=name, **_: seen.update({name: resumable})
        )
        context = command.make_context(name, [], resilient_parsing=True)
        with context, pytest.raises(typer.Exit):
            command.callback(**{p.name: None for p in command.params})
    assert seen == {
        name: any("--resume" in p.opts for p in command.params) for name, command in commands.items()
    }


def test_a_warning_for_users_is_noted_once_and_others_never(capsys: Any):
    def job() -> None:
        for text, kind in [("said", UserWarning), ("said", UserWarning), ("old", DeprecationWarning)]:
            warnings.warn(text, kind, stacklevel=1)

    assert exit_with(job) == 0
    assert capsys.readouterr().err == "note: said\n"


def test_messages_contain_no_terminal_controls(capsys: Any):
    note("red \x1b[31m and \u202ereversed\u00a0")
    assert capsys.readouterr().err == "note: red \\x1b[31m and \\u202ereversed\n"
    assert harmless("λ = 1\u00a0000") == "λ = 1 000"


def test_an_error_of_the_parser_that_cannot_word_itself_is_a_defect(capsys: Any):
    assert usage(ValueError("odd")) == 1
    assert "ValueError: odd" in capsys.readouterr().err


REFUSED: list[tuple[Callable[[], Any], str]] = [
    *(
        (lambda text=text: _values.auto_or_count("--epochs", text), "--epochs: must be auto")
        for text in ("0", "-3", "2.5", "²")
    ),
    *(
        (lambda text=text: _values.auto_or_rate("--lr", text), "--lr: must be auto, or > 0")
        for text in ("0", "-1", "inf", "nan", "quick")
    ),
    *((lambda text=text: _values.jobs_of(text), "--jobs: must be auto") for text in ("0", "two", "1.5")),
    *(
        (lambda text=text: _values.counts("--hidden", text), "--hidden: must be")
        for text in ("a", "3,0", "0,0", "")
    ),
    *(
        (lambda text=text: _values.lambdas_of(text), "--lambdas: must be auto")
        for text in ("many", "1:2", "0:1:5", "1e-5:1:x", "0.1;0.2", "99999999", "1e-5:1:99999999")
    ),
]


@pytest.mark.parametrize("index", range(len(REFUSED)))
def test_an_option_that_is_no_such_number(index: int):
    call, says = REFUSED[index]
    with pytest.raises(RequestError, match=says):
        call()


def test_options_that_are_numbers():
    assert [_values.auto_or_count("--batch-size", text) for text in ("auto", "1")] == ["auto", 1]
    assert [_values.auto_or_rate("--lr", text) for text in ("auto", "1e-3")] == ["auto", 0.001]
    assert (_values.jobs_of("auto"), _values.jobs_of("-1"), _values.jobs_of("3")) == ("auto", -1, 3)
    assert (_values.counts("--hidden", "64,32"), _values.counts("--hidden", "0")) == ((64, 32), ())
    assert (_values.lambdas_of("auto"), _values.lambdas_of("7")) == ("auto", 7)
    np.testing.assert_allclose(np.asarray(_values.lambdas_of("0.01:1:3")), [0, 0.01, 0.1, 1])
    np.testing.assert_allclose(np.asarray(_values.lambdas_of("0,1e-3")), [0, 0.001])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_bar_on_a_terminal_and_nothing_when_quiet(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with _progress.progress_bar("Training", quiet=True) as told:
        assert told is None
    with _progress.progress_bar("Training", quiet=False) as told:
        assert told is not None
        told(1, 4)
    assert isinstance(sys.stderr, Terminal)
    assert "Training" in sys.stderr.getvalue()


def test_elsewhere_progress_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    clock = iter([0.0, 1.0, 100.0, 101.0, 300.0])
    monkeypatch.setattr(_progress.time, "monotonic", lambda: next(clock))
    with _progress.progress_bar("Training", quiet=False) as told:
        assert told is not None
        for done in (10, 20, 21, 40):  # the first 10 are those of an earlier run
            told(done, 50)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["Training: 40 %, 297 s left", "Training: 80 %, 100 s left"]


def test_without_locks_of_files_a_folder_is_used_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows
    out = tmp_path / "out"
    with prepared_folder(out, ["model.json"], resume=False, overwrite=False, blocks="blocks"):
        assert not (out / LOCK).exists()
        (out / "model.json").write_text("{}")
    with (
        pytest.raises(RequestError, match="holds an earlier run"),
        prepared_folder(out, ["model.json"], resume=False, overwrite=False, blocks="blocks"),
    ):
        pass
