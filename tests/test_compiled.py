"""C sources as libraries: built once, rebuilt when damaged, and never taken from where somebody else can write."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shrinkage import _compiled
from shrinkage._errors import JobError, RequestError

SEVEN = '__attribute__((visibility("default"))) int seven(void) { return 7; }'


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A source of its own, and a cache folder beside it."""
    monkeypatch.setenv("SHRINKAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SHRINKAGE_ENGINE", "auto")
    path = tmp_path / "source" / "seven.c"
    path.parent.mkdir()
    path.write_text(SEVEN)
    return path


def loaded(source: Path):
    """As another process would find it."""
    _compiled._load.cache_clear()
    built = _compiled.library(source)
    assert built is not None
    return built


def test_it_is_built_once_and_again_for_another_source(source, tmp_path):
    for value in (7, 8):
        source.write_text(SEVEN.replace("return 7", f"return {value}"))
        assert loaded(source).seven() == value
        (kept,) = (path for path in (tmp_path / "cache").iterdir() if path.stat().st_mtime_ns != 0)
        os.utime(kept, ns=(0, 0))
        assert loaded(source).seven() == value
        assert kept.stat().st_mtime_ns == 0, "it was built a second time"
        os.utime(kept, ns=(0, 0))


def kept_at(source: Path) -> Path:
    """Where its library is kept."""
    compiler, folder = _compiled._compiler(), _compiled._cache_folder()
    assert compiler is not None
    assert folder is not None
    flags = next(_compiled._flag_sets(False, ()))
    return folder / f"{source.stem}-{_compiled._hash(source, compiler, flags)}.so"


def test_a_damaged_library_is_rebuilt(source):
    kept = kept_at(source)
    kept.write_bytes(b"\x7fELF damaged")
    kept.chmod(0o700)
    assert loaded(source).seven() == 7
    assert kept.stat().st_size > 1000


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_others_may_write_to_is_not_trusted(what, source):
    kept = kept_at(source)
    kept.write_bytes(b"somebody else's")
    (kept.parent if what == "folder" else kept).chmod(0o777)
    assert loaded(source).seven() == 7
    assert (kept.read_bytes() == b"somebody else's") == (what == "folder")


def test_a_source_that_does_not_compile(source, tmp_path, monkeypatch):
    source.write_text("int broken( {")
    assert _compiled.library(source) is None
    monkeypatch.setenv("SHRINKAGE_ENGINE", "compiled")
    with pytest.raises(JobError, match=r"seven\.c can't be built: .*error"):
        _compiled.library(source)
    assert list((tmp_path / "cache").iterdir()) == []


def fake_compiler(folder: Path, script: str) -> None:
    folder.mkdir()
    compiler = folder / "cc"
    compiler.write_text(f"#!/bin/sh\n{script}\n")
    compiler.chmod(0o755)


def test_a_compiler_that_hangs_is_ended_with_all_it_started(source, tmp_path, monkeypatch):
    marker = tmp_path / "alive"
    fake_compiler(tmp_path / "bin", f"(while :; do touch {marker}; sleep 0.1; done) & wait")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(_compiled, "SECONDS_TO_BUILD", 1)
    start = time.monotonic()
    assert _compiled.library(source) is None
    assert time.monotonic() - start < 3  # one wait, not one for each set of flags
    marker.unlink()
    time.sleep(0.5)
    assert not marker.exists()


def test_a_compiler_is_called_by_the_name_it_was_found_by(source, tmp_path, monkeypatch):
    """As ccache is, which does what it is called."""
    fake_compiler(tmp_path / "bin", f'echo "$0" >> {tmp_path / "calls"}; exit 1')
    (tmp_path / "bin" / "cc").rename(tmp_path / "bin" / "wrapper")
    (tmp_path / "bin" / "cc").symlink_to("wrapper")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.delenv("CC", raising=False)
    assert _compiled.library(source) is None
    assert {Path(line).name for line in (tmp_path / "calls").read_text().split()} == {"cc"}


def engine_in(env: dict[str, str]) -> str:
    script = "from shrinkage.training import engine_name; print(engine_name())"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={"PYTHONPATH": ":".join(sys.path), **env},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    return done.stdout.strip()


def test_without_a_compiler_torch_does_the_work(tmp_path):
    assert engine_in({"PATH": str(tmp_path), "HOME": str(tmp_path)}) == "torch"


@pytest.mark.long
def test_without_a_place_to_keep_it_it_is_built_for_the_process(tmp_path):
    nowhere = tmp_path / "a file"
    nowhere.write_text("")
    env = {"PATH": os.environ["PATH"], "SHRINKAGE_CACHE": str(nowhere / "cache"), "TMPDIR": str(tmp_path)}
    assert engine_in(env) == "compiled"
    assert list(tmp_path.iterdir()) == [nowhere]


def test_what_the_environment_may_say(monkeypatch):
    monkeypatch.setenv("SHRINKAGE_ENGINE", "fast")
    with pytest.raises(
        RequestError, match=r"SHRINKAGE_ENGINE: must be one of auto, compiled, native, torch, .*got 'fast'"
    ):
        _compiled.engine_choice()
