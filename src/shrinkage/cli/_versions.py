"""What a run was made with: kept blocks of other versions are not mixed with it."""

from __future__ import annotations

import platform

__all__ = ["versions"]


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that affect results, and the trainer: the compiled engine or torch."""
    from importlib.metadata import version

    from shrinkage.training import engine_name

    packages = ("shrinkage", "torch", "scikit-learn", "numpy", "pandas")
    known = {name: version(name) for name in packages}
    return {"Python": platform.python_version(), **known, "engine": engine_name()}
