"""C sources of the package as functions of this process: those that a wheel ships, else built at first use.

A library that is built here, by the machine's own compiler for its own processor, is kept in the user's cache folder.
Its name is made of all that its machine code depends on: sources, flags, compiler and processor. Where no such folder
belongs to the user alone, every process builds its own. Where there is no library, the caller takes its torch form.

`SHRINKAGE_ENGINE` chooses: `auto`; `native` builds at first use even where a library is shipped; a shipped variant by
name, such as `x86-64-v3`, so that all machines of a cluster run the same one; `compiled` makes a missing library an
error; `torch` does without.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import logging
import os
import platform
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from shrinkage._errors import JobError, RequestError, shown
from shrinkage._shipped import FLAGS, VARIANTS, shipped_library

__all__ = ["engine_choice", "library"]

CHOICES = (
    "auto",
    "compiled",
    "native",
    "torch",
    *(name for of_machine in VARIANTS.values() for name in of_machine),
)

FOR_THIS_PROCESSOR = (
    ("-march=native", "-mprefer-vector-width=512"),
    ("-march=native",),
    ("-mcpu=native",),
    (),
)
"""Tried in turn: what a compiler doesn't know it refuses."""
SECONDS_TO_BUILD = 120

_log = logging.getLogger("shrinkage")
_building = threading.Lock()


def engine_choice() -> str:
    """The value of `SHRINKAGE_ENGINE`: `auto` (the default) or another of `CHOICES`."""
    choice = os.environ.get("SHRINKAGE_ENGINE", "auto") or "auto"
    if choice not in CHOICES:
        raise RequestError(f"SHRINKAGE_ENGINE: must be one of {', '.join(CHOICES)}, got {shown(choice)}.")
    return choice


def library(source: Path, *, openmp: bool = False, defines: tuple[str, ...] = ()) -> ctypes.CDLL | None:
    """The library of a C source and the headers beside it, or None where it can't be had or isn't wanted.

    Args:
        source: the `.c` file.
        openmp: with OpenMP's threads, where the compiler has them.
        defines: macros to build it with.

    Raises:
        JobError: `SHRINKAGE_ENGINE` asks for a library that can't be had; the sentence has the compiler's first words.
    """
    choice = engine_choice()
    if choice == "torch":
        return None
    if choice not in ("auto", "compiled", "native"):
        shipped = shipped_library(source, variant=choice, openmp=openmp)
        if shipped is None:
            raise JobError(
                f"SHRINKAGE_ENGINE={choice}: this installation has no such build of {source.name}. Install "
                "the wheel of this platform, or unset SHRINKAGE_ENGINE."
            )
        return shipped
    if choice != "native" and not defines and (shipped := shipped_library(source, openmp=openmp)) is not None:
        return shipped
    with _building:
        found, why = _load(source, openmp, defines)
    if found is None and choice != "auto":
        raise JobError(
            f"SHRINKAGE_ENGINE={choice}: {source.name} can't be built: {why}. "
            "Install a C compiler (such as Debian's gcc), or unset SHRINKAGE_ENGINE."
        )
    return found


@cache
def _load(source: Path, openmp: bool, defines: tuple[str, ...]) -> tuple[ctypes.CDLL | None, str]:
    compiler, why = _compiler(), "there is no C compiler (cc, gcc, clang) on the PATH"
    if compiler is None:
        return None, why
    for flags in _flag_sets(openmp, defines):
        try:
            return _load_or_build(source, compiler, flags), ""
        except subprocess.TimeoutExpired:
            why = f"{compiler} did not finish within {SECONDS_TO_BUILD} s"
            break
        except (OSError, subprocess.SubprocessError) as error:
            why = str(error)
    _log.warning("%s was not built, so torch is used instead: %s", source.name, why)
    return None, why


def _flag_sets(openmp: bool, defines: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    macros = tuple(f"-D{name}" for name in defines)
    for threads in (("-fopenmp",), ()) if openmp else ((),):
        for tuned in FOR_THIS_PROCESSOR:
            yield (*tuned, *threads, *macros)


def _load_or_build(source: Path, compiler: Path, flags: tuple[str, ...]) -> ctypes.CDLL:
    name = f"{source.stem}-{_hash(source, compiler, flags)}.so"
    folder = _cache_folder()
    if folder is not None:
        path = folder / name
        with contextlib.suppress(OSError):  # absent, damaged, or not ours: it is rebuilt
            if _is_mine(path):
                return ctypes.CDLL(str(path))
        with contextlib.suppress(OSError):  # a full disk, or a folder mounted noexec
            _build(source, compiler, flags, path)
            return ctypes.CDLL(str(path))
    _log.info("%s is built for this process only: no user folder can be written to", source.name)
    with tempfile.TemporaryDirectory(prefix="shrinkage-build-") as temporary:
        path = Path(temporary) / name
        _build(source, compiler, flags, path)
        return ctypes.CDLL(str(path))  # it stays loaded after its file is removed


def _compiler() -> Path | None:
    """As it is found: some do what the name says that they are called by."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and (found := shutil.which(name)):
            return Path(found)
    return None


def _hash(source: Path, compiler: Path, flags: tuple[str, ...]) -> str:
    """Of what the machine code depends on."""
    digest = hashlib.sha256()
    for file in sorted((*source.parent.glob("*.c"), *source.parent.glob("*.h"))):
        digest.update(file.read_bytes())
    about, real = compiler.stat(), compiler.resolve()
    digest.update(f"{real}{about.st_size}{about.st_mtime_ns}{FLAGS}{flags}{_processor()}".encode())
    return digest.hexdigest()[:24]


def _processor() -> str:
    """What tells processors apart that run different instructions."""
    with_flags = Path("/proc/cpuinfo")
    about = with_flags.read_text(errors="replace").splitlines() if with_flags.exists() else []
    marks = ("model name", "flags", "Features", "CPU part")
    first = {mark: next((line for line in about if line.startswith(mark)), "") for mark in marks}
    return f"{platform.machine()}{platform.processor()}{sorted(first.items())}"


def _build(source: Path, compiler: Path, flags: tuple[str, ...], path: Path) -> None:
    """Build into `path`, whole or not at all; raises SubprocessError with the compiler's first words."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    command = [str(compiler), *FLAGS, *flags, str(source), "-o", str(unfinished), "-lm"]
    try:
        code, words = _run(command)
        if code:
            raise subprocess.SubprocessError(
                (words.strip().splitlines() or ["the compiler failed without a message"])[0]
            )
        unfinished.chmod(0o700)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _run(command: list[str]) -> tuple[int, str]:
    """Exit code and error output; with the time, the processes that the compiler has started end too."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        words = process.communicate(timeout=SECONDS_TO_BUILD)[1]
    except BaseException:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return process.returncode, words


def _cache_folder() -> Path | None:
    """A folder for built libraries that nobody else can write to, or None."""
    try:
        if named := os.environ.get("SHRINKAGE_CACHE"):
            folder = Path(named).resolve()
        elif sys.platform == "darwin":
            folder = Path("~/Library/Caches/shrinkage").expanduser()
        else:
            folder = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "shrinkage"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder if _is_mine(folder) and os.access(folder, os.W_OK) else None
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return None


def _is_mine(path: Path) -> bool:
    """True for what belongs to this user and nobody else can write to; raises OSError where there is nothing."""
    about = path.stat()
    mine = not hasattr(os, "getuid") or about.st_uid == os.getuid()
    return mine and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
