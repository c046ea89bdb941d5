"""Libraries that a wheel brings along, built for whole families of processors; the best that runs here is taken.

A wheel holds each C source once per microarchitecture level of x86-64 (or once for aarch64), so that an installation
needs no compiler. A source checkout holds none, and `_compiled` builds there for the very processor.

Reference for the levels: the x86-64 psABI, "Micro-architecture levels" (v2: SSE4.2, v3: AVX2 and FMA, v4: AVX-512).
"""

from __future__ import annotations

import ctypes
import hashlib
import platform
import sys
from functools import cache
from pathlib import Path

__all__ = ["FLAGS", "FOLDER", "VARIANTS", "built_name", "levels_of", "shipped_library"]

FOLDER = Path(__file__).parent / "_libraries"
"""Where a wheel puts them; absent in a source checkout."""

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
"""Flags of every build, shipped or at first use."""

VARIANTS: dict[str, dict[str, tuple[str, ...]]] = {
    "x86_64": {
        "x86-64-v4": ("-march=x86-64-v4", "-mprefer-vector-width=512"),
        "x86-64-v3": ("-march=x86-64-v3",),
        "x86-64-v2": ("-march=x86-64-v2",),
    },
    "aarch64": {"aarch64": ("-march=armv8-a",)},
}
"""By machine: the variants, the widest first, and their flags."""

_NEEDED = {
    "x86-64-v2": "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3",
    "x86-64-v3": "abm avx avx2 bmi1 bmi2 f16c fma movbe",
    "x86-64-v4": "avx512f avx512bw avx512cd avx512dq avx512vl",
}
"""What a level adds to the one below it, in the words of /proc/cpuinfo (abm has lzcnt)."""


def levels_of(flags: set[str]) -> list[str]:
    """The levels of x86-64 that a processor with these flags runs, the widest first."""
    levels: list[str] = []
    for level, needed in _NEEDED.items():
        if not flags.issuperset(needed.split()):
            break
        levels.insert(0, level)
    return levels


def built_name(source: Path, variant: str) -> str:
    """The file name of a shipped library: source, variant, and a hash of sources and flags that tells builds apart."""
    digest = hashlib.sha256(repr((FLAGS, VARIANTS)).encode())
    for file in sorted((*source.parent.glob("*.c"), *source.parent.glob("*.h"))):
        digest.update(file.read_bytes())
    return f"{source.stem}-{variant}-{digest.hexdigest()[:12]}.so"


def shipped_library(source: Path, *, variant: str | None = None, openmp: bool = False) -> ctypes.CDLL | None:
    """The shipped library of a source for this processor, or None where there is none.

    Args:
        source: the `.c` file.
        variant: the one to take; by default the widest that this processor runs.
        openmp: it is built with OpenMP's calls and takes them from the OpenMP that torch has loaded.
    """
    for name in _runnable() if variant is None else [variant]:
        path = FOLDER / built_name(source, name)
        if path.exists():
            if openmp and not _shares_openmp():
                return None
            try:
                return ctypes.CDLL(str(path))
            except OSError:  # built for another C library or system than this one
                return None
    return None


@cache
def _runnable() -> tuple[str, ...]:
    if not sys.platform.startswith("linux"):
        return ()
    if platform.machine() == "aarch64":
        return ("aarch64",)
    about = Path("/proc/cpuinfo")
    lines = about.read_text(errors="replace").splitlines() if about.exists() else []
    flags = next((line for line in lines if line.startswith("flags")), "")
    return tuple(levels_of(set(flags.split())))


@cache
def _shares_openmp() -> bool:
    """Make the calls of torch's OpenMP known to libraries loaded later: a second OpenMP would fight it for the cores."""
    import torch

    for library in sorted((Path(torch.__file__).parent / "lib").glob("lib*omp*.so*")):
        try:
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return True
    return False
