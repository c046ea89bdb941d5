"""C sources of the package as functions of this process, built by the machine's own compiler for its own processor.

A library is built once and kept in the user's cache folder, under a name made of all that its machine code depends on:
sources, flags, compiler and processor. Where there is no compiler, or building fails, there is no library, and the
caller takes its torch form. `SHRINKAGE_ENGINE=torch` says to do so anyway; `SHRINKAGE_ENGINE=compiled` makes a library
that can't be built an error.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

from shrinkage._errors import JobError, RequestError, shown

__all__ = ["library", "wanted"]

FLAGS = (
    "-std=gnu11",
    "-O3",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-fopenmp-simd",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
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


def wanted() -> str:
    """What `SHRINKAGE_ENGINE` says: `auto` (the default), `compiled` or `torch`."""
    choice = os.environ.get("SHRINKAGE_ENGINE", "auto") or "auto"
    if choice not in ("auto", "compiled", "torch"):
        raise RequestError(f"SHRINKAGE_ENGINE: must be auto, compiled or torch, got {shown(choice)}.")
    return choice


def library(source: Path, *, openmp: bool = False, defines: tuple[str, ...] = ()) -> ctypes.CDLL | None:
    """The library of a C source and the headers beside it, or None where it can't be had or isn't wanted.

    Args:
        source: the `.c` file.
        openmp: with OpenMP's threads, where the compiler has them.
        defines: macros to build it with.

    Raises:
        JobError: `SHRINKAGE_ENGINE=compiled`, and it can't be built; the sentence has the compiler's first words.
    """
    choice = wanted()
    if choice == "torch":
        return None
    with _building:
        found, why = _loaded(source, openmp, defines)
    if found is None and choice == "compiled":
        raise JobError(
            f"SHRINKAGE_ENGINE=compiled: {source.name} can't be built: {why}. "
            "Install a C compiler (such as Debian's gcc), or leave SHRINKAGE_ENGINE away."
        )
    return found


@cache
def _loaded(source: Path, openmp: bool, defines: tuple[str, ...]) -> tuple[ctypes.CDLL | None, str]:
    compiler = _compiler()
    if compiler is None:
        return None, "there is no C compiler (cc, gcc, clang) on the PATH"
    folder = _cache_folder() or Path(tempfile.mkdtemp(prefix="shrinkage-"))
    why = "no set of flags was taken"
    threads = (("-fopenmp",), ()) if openmp else ((),)
    macros = tuple(f"-D{name}" for name in defines)
    for flags in (tuned + threaded + macros for threaded in threads for tuned in FOR_THIS_PROCESSOR):
        path = folder / f"{source.stem}-{_name(source, compiler, flags)}.so"
        if not path.exists() and (why := _build(source, compiler, flags, path)):
            continue
        try:
            return ctypes.CDLL(str(path)), ""
        except OSError as error:
            why = str(error)
    _log.warning("%s was not built, torch does its work: %s", source.name, why)
    return None, why


def _compiler() -> Path | None:
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and (found := shutil.which(name)):
            return Path(found).resolve()
    return None


def _name(source: Path, compiler: Path, flags: tuple[str, ...]) -> str:
    """A hash of what the machine code depends on."""
    digest = hashlib.sha256()
    for file in sorted((*source.parent.glob("*.c"), *source.parent.glob("*.h"))):
        digest.update(file.read_bytes())
    about = compiler.stat()
    digest.update(f"{compiler}{about.st_size}{about.st_mtime_ns}{FLAGS}{flags}{_processor()}".encode())
    return digest.hexdigest()[:24]


def _processor() -> str:
    """What tells processors apart that run different instructions."""
    with_flags = Path("/proc/cpuinfo")
    about = with_flags.read_text(errors="replace").splitlines() if with_flags.exists() else []
    marks = ("model name", "flags", "Features", "CPU part")
    first = {mark: next((line for line in about if line.startswith(mark)), "") for mark in marks}
    return f"{platform.machine()}{platform.processor()}{sorted(first.items())}"


def _build(source: Path, compiler: Path, flags: tuple[str, ...], path: Path) -> str:
    """Build into `path`, whole or not at all. Returns why it failed, or nothing."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    command = [str(compiler), *FLAGS, *flags, str(source), "-o", str(unfinished), "-lm"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=SECONDS_TO_BUILD, check=False
        )
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["the compiler failed without a word"])[0]
        unfinished.replace(path)
        return ""
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    finally:
        unfinished.unlink(missing_ok=True)


def _cache_folder() -> Path | None:
    """A folder for built libraries that nobody else can write to, or None."""
    if "SHRINKAGE_CACHE" in os.environ:
        folder = Path(os.environ["SHRINKAGE_CACHE"])
    elif sys.platform == "darwin":
        folder = Path("~/Library/Caches/shrinkage").expanduser()
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "shrinkage"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        about = folder.stat()
    except (OSError, RuntimeError):
        return None
    others_may_write = about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    mine = not hasattr(os, "getuid") or about.st_uid == os.getuid()
    return folder if mine and not others_may_write and os.access(folder, os.W_OK) else None
