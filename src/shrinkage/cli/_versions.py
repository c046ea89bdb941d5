"""What a run was made with: kept blocks of other versions are not mixed with it."""

from __future__ import annotations

import platform

__all__ = ["versions"]


def versions() -> dict[str, str]:
    """Of Python and of the packages whose numbers a result is made of."""
    from importlib.metadata import version

    packages = ("shrinkage", "torch", "scikit-learn", "numpy", "skrub")
    return {"Python": platform.python_version()} | {name: version(name) for name in packages}
