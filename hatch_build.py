"""Wheels bring the C libraries along: this hook builds each of them for the variants of one machine.

`pip install` and `python -m build` run it. Without a C compiler the wheel is pure Python, and leaves the work to a
compiler at first use, or to torch. `CC` names the compiler and `SHRINKAGE_WHEEL_MACHINE` the machine, for
cross-compiling: `CC=aarch64-linux-gnu-gcc SHRINKAGE_WHEEL_MACHINE=aarch64`.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class LibrariesHook(BuildHookInterface):
    """Adds the built libraries to the wheel, and the platform to its tag."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        compiler = _compiler()
        if version == "editable" or compiler is None or not sys.platform.startswith("linux"):
            return
        package = Path(self.root) / "src" / "shrinkage"
        shipped = _shipped(package)
        machine = os.environ.get("SHRINKAGE_WHEEL_MACHINE") or platform.machine()
        self._folder = Path(tempfile.mkdtemp(prefix="shrinkage-wheel-"))
        for source in sorted(package.rglob("*.c")):
            extra = ("-fopenmp",) if "omp parallel" in source.read_text() else ()
            for variant, tuned in shipped.VARIANTS.get(machine, {}).items():
                built = self._folder / shipped.built_name(source, variant)
                _build(compiler, source, built, (*shipped.FLAGS, *tuned, *extra))
                build_data["force_include"][str(built)] = f"shrinkage/_libraries/{built.name}"
        if any(self._folder.iterdir()):
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{_platform(self._folder, machine)}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "_folder"):
            shutil.rmtree(self._folder, ignore_errors=True)


def _shipped(package: Path) -> Any:
    """The module that names the variants, which imports nothing but the standard library."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("_shipped", package / "_shipped.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _compiler() -> str | None:
    return next(filter(None, map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang"))), None)


def _build(compiler: str, source: Path, built: Path, flags: tuple[str, ...]) -> None:
    """Compile and link in two steps: linked with -fopenmp, it would ask for an OpenMP of its own beside torch's."""
    code = built.with_suffix(".o")
    subprocess.run(
        [compiler, *(f for f in flags if f != "-shared"), "-c", str(source), "-o", str(code)], check=True
    )
    subprocess.run([compiler, "-shared", str(code), "-o", str(built), "-lm", "-Wl,-s"], check=True)
    code.unlink()


def _platform(folder: Path, machine: str) -> str:
    """The platform tag: of the newest version of the C library that a symbol in the libraries asks for.

    Reference: PEP 600, "manylinux_x_y".
    """
    versions = [(2, 17)]
    for built in folder.iterdir():
        found = re.findall(rb"GLIBC_(\d+)\.(\d+)", built.read_bytes())
        versions += [(int(major), int(minor)) for major, minor in found]
    return "manylinux_{}_{}_{}".format(*max(versions), machine)
