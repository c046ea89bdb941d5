"""The folder of a run: who may write to it, and what stays in it when the run ends early."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shrinkage._errors import JobError, RequestError
from shrinkage._files import write_atomic

__all__ = ["check_one_of", "prepared_folder", "published_together"]

LOCK, STAGED = ".lock", ".unfinished"
ROOM = 8 * 2**20
"""Bytes that a folder must have room for before anything is trained: a report alone takes 5 MB."""
ELSEWHERE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}
"""Errors that another folder would not have."""


def check_one_of(*, resume: bool, overwrite: bool) -> None:
    """Refuse to go on with a run and to replace it at once."""
    if resume and overwrite:
        raise RequestError("--resume continues a run and --overwrite replaces it: give one of them.")


@contextmanager
def prepared_folder(
    folder: Path, results: Sequence[str], *, resume: bool, overwrite: bool, blocks: str
) -> Iterator[None]:
    """Hold `folder` for one run.

    A folder with results or finished blocks of another run is refused unless `resume` or `overwrite` says what to do
    with them. A folder in which nothing was finished is removed again.

    Raises:
        RequestError: the folder is not a folder, holds another run, another run is writing to it, or it may not be
            written to.
        JobError: it can't be written to: the disk is full.
    """
    with _explain_failure(folder):
        is_file = folder.exists() and not folder.is_dir()
        kept = [name for name in (*results, blocks) if not is_file and (folder / name).exists()]
    if is_file:
        raise RequestError(f"--out {folder}: it is a file; name a folder.")
    if kept and not resume and not overwrite:
        raise RequestError(
            f"--out {folder}: the folder holds an earlier run ({', '.join(kept)}). Name another folder, or "
            "add --resume to continue that run, or --overwrite to replace it."
        )
    with _lock(folder):
        with _explain_failure(folder):
            shutil.rmtree(folder / STAGED, ignore_errors=True)  # this and the next of a run that was killed
            for leftover in folder.glob(".*.tmp"):
                leftover.unlink(missing_ok=True)
            probe = folder / ".probe"
            try:
                write_atomic(probe, bytes(ROOM))
                probe.unlink()
            finally:  # a full disk or a signal may come once it has its name, and the signal at its removal
                probe.unlink(missing_ok=True)
        if overwrite:
            shutil.rmtree(folder / blocks, ignore_errors=True)
        try:
            yield
        finally:
            _remove_if_empty(folder / blocks)


@contextmanager
def published_together(folder: Path, last: str) -> Iterator[Path]:
    """A folder to write results to, which are moved into `folder` once all of them are written.

    Until then earlier results stay as they are; then they go, so that no old file stands beside a new one.

    Args:
        folder: where the results belong.
        last: the result that is removed first and put in place last: without it there is no model.
    """
    staged = folder / STAGED
    staged.mkdir()
    try:
        yield staged
        (folder / last).unlink(missing_ok=True)
        for path in sorted(staged.iterdir(), key=lambda path: path.name == last):
            path.replace(folder / path.name)
        staged.rmdir()
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _remove_if_empty(blocks: Path) -> None:
    """Remove a folder of blocks in which none was finished."""
    if blocks.is_dir() and not any(blocks.rglob("*.block")):
        shutil.rmtree(blocks, ignore_errors=True)


@contextmanager
def _explain_failure(folder: Path) -> Iterator[None]:
    """Says why the folder can't be used."""
    try:
        yield
    except OSError as error:
        why = f"--out {folder}: can't be written to: {error.strerror or error}."
        if error.errno in ELSEWHERE:
            raise RequestError(f"{why} Name another folder.") from error
        raise JobError(why) from error


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows has no flock, so the user must keep runs in separate folders
        folder.mkdir(parents=True, exist_ok=True)
        yield
        return
    path = folder / LOCK
    with _explain_failure(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino != os.fstat(descriptor).st_ino:
            raise BlockingIOError  # the run that held this file has just removed it
    except OSError:
        os.close(descriptor)
        raise RequestError(
            f"--out {folder}: another run is writing to it. Wait for it, or name another folder."
        ) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)
        with contextlib.suppress(OSError):
            folder.rmdir()  # only when nothing was finished in it
