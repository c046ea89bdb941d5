"""The colours that charts name by role, as the style sheet of the pages has them for light and for dark."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Literal

__all__ = ["Scheme", "declarations", "palette"]

Scheme = Literal["light", "dark"]


@cache
def declarations(scheme: Scheme) -> str:
    """The custom properties of one scheme, as CSS declarations on one line."""
    css = files("shrinkage.pages").joinpath("templates", "page.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)[:2]
    return " ".join(re.findall(r"--[\w-]+: [^;]+;", light if scheme == "light" else dark))


@cache
def palette(scheme: Scheme) -> dict[str, str]:
    """Colours by role: `training`, `validation`, `ink`, …"""
    return dict(re.findall(r"--([\w-]+): ([^;]+);", declarations(scheme)))
