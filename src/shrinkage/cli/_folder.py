"""The folder of a run: who may write to it, and what stays in it when the run ends early."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shrinkage._errors import JobError, RequestError
from shrinkage._files import write_atomic

__all__ = ["prepared_folder"]

LOCK = ".lock"


@contextmanager
def prepared_folder(
    folder: Path, results: Sequence[str], *, resume: bool, overwrite: bool, blocks: str
) -> Iterator[None]:
    """Hold `folder` for one run.

    A folder with results or finished blocks of another run is refused unless `resume` or `overwrite` says what to do
    with them. A folder in which nothing was finished is removed again.

    Raises:
        RequestError: the folder is not a folder, holds another run, or another run is writing to it.
        JobError: it can't be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise RequestError(f"--out {folder}: it is a file; name a folder.")
    kept = [name for name in (*results, blocks) if (folder / name).exists()]
    if kept and not resume and not overwrite:
        raise RequestError(
            f"--out {folder}: the folder holds an earlier run ({', '.join(kept)}). Name another folder, or add "
            "--resume to go on with that run, or --overwrite to replace it."
        )
    with _locked(folder):
        try:
            write_atomic(folder / ".probe", b"")
            (folder / ".probe").unlink()
        except OSError as error:
            raise JobError(f"--out {folder}: can't be written to: {error.strerror or error}.") from error
        if overwrite:
            shutil.rmtree(folder / blocks, ignore_errors=True)
        try:
            yield
        finally:
            _tidied(folder / blocks)


def _tidied(blocks: Path) -> None:
    """Remove a folder of blocks in which none was finished."""
    if blocks.is_dir() and not any(blocks.glob("*.block")):
        shutil.rmtree(blocks, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows: no flock; runs on one folder are then the user's care
        folder.mkdir(parents=True, exist_ok=True)
        yield
        return
    path = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise JobError(f"--out {folder}: can't be written to: {error.strerror or error}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
