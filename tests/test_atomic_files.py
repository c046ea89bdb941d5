"""Atomic writing: whole or absent, whichever file operation fails."""

import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from shrinkage._files import sha256_of, write_atomic


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_and_replaces(tmp_path: Path):
    path = tmp_path / "a.bin"
    write_atomic(path, b"old")
    write_atomic(str(path), b"new\x00\r\n")
    assert path.read_bytes() == b"new\x00\r\n"
    assert names_in(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("operation", ["fsync", "replace"])
def test_a_failing_operation_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
):
    path = tmp_path / "a.bin"
    write_atomic(path, b"old")

    def fail(*args: object, **kwargs: object):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, operation, fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.bin"]


def test_an_interrupt_leaves_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(descriptor: int):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a.bin", b"new")
    assert names_in(tmp_path) == []


def test_file_and_folder_are_flushed_in_that_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    flushed: list[str] = []
    fsync = os.fsync

    def record(descriptor: int):
        flushed.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    write_atomic(tmp_path / "a.bin", b"new")
    assert flushed == ["file", "folder"]


@pytest.mark.parametrize("mask, mode", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_mode_follows_the_umask(tmp_path: Path, mask: int, mode: int):
    before = os.umask(mask)
    try:
        write_atomic(tmp_path / "a.bin", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == mode


def test_a_link_is_replaced_and_what_it_points_to_is_untouched(tmp_path: Path):
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "link").is_symlink()


def test_a_missing_folder_is_reported(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "missing" / "a.bin", b"")


@pytest.mark.parametrize("name", ["a" * 255, "😀" * 63])
def test_a_name_as_long_as_the_system_allows(tmp_path: Path, name: str):
    path = tmp_path / name
    write_atomic(path, b"x")
    assert path.read_bytes() == b"x"


def test_sha256_of_a_file_larger_than_a_piece(tmp_path: Path):
    data = bytes(range(256)) * 5_000
    (tmp_path / "a").write_bytes(data)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(data).hexdigest()
