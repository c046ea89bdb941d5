"""The tables of docs/speed.md and README.md, from the kept results; each lies between two markers of its page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["between", "placed", "speed_tables", "summary_table", "table"]

ROOT = Path(__file__).parent.parent
FAST_FORMS = ("jax", "compiled")


def placed(page: Path, name: str, text: str) -> bool:
    """Put `text` between the markers of `name` on a page; False where the page has none."""
    if not page.exists():
        return False
    old = page.read_text()
    new = between(old, name, text)
    if new is None:
        return False
    if new != old:
        page.write_text(new)
    return True


def between(page: str, name: str, text: str) -> str | None:
    """The page with `text` between `<!-- name:begin -->` and `<!-- name:end -->`; None where these are missing."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    pattern = re.compile(f"({re.escape(begin)}\n).*?({re.escape(end)})", re.DOTALL)
    if not pattern.search(page):
        return None
    return pattern.sub(lambda found: f"{found[1]}\n{text.strip()}\n\n{found[2]}", page)


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def speed_tables(results: Mapping[str, Any]) -> str:
    """For each workload its rivals, the slowest first."""
    parts = []
    for workload in results.values():
        rivals = sorted(workload["rivals"].values(), key=lambda rival: -rival["ratio"]["median"])
        rows = [
            [
                rival["name"],
                _spread(rival["ratio"], "×"),
                str(rival["pairs"]),
                _seconds(rival["seconds"]["median"]),
                _seconds(rival["our seconds"]["median"]),
                _seconds(rival["compiling"]) if rival["compiling"] is not None else "",
                f"{rival['best']:.4f}" + ("" if rival["same network"] else " †"),
                f"{rival['our best']:.4f}",
            ]
            for rival in rivals
        ]
        head = [
            "rival",
            "its time / ours",
            "pairs",
            "s",
            "ours, s",
            "compiling, s",
            workload["metric"],
            "ours",
        ]
        absent = "".join(f"\n\n{name}: {why}." for name, why in workload.get("absent", {}).items())
        rate = workload["rate"]
        limit = (
            f"With all cores, ours reaches {rate['path']:.0f} GF/s. The same machine's 2048³ float32 product reaches "
            f"{rate['torch.mm']:.0f} with `torch.mm` and {rate['widest']:.0f} with its fastest routine."
        )
        parts.append(f"**{workload['title']}**\n\n{table(head, rows)}\n\n{limit}{absent}")
    return "\n\n".join(parts)


def summary_table(results: Mapping[str, Any]) -> str:
    """A row a workload: ours, and how many times as long the best known ways take."""
    rows = []
    for workload in results.values():
        rivals = workload["rivals"]
        if not rivals:
            continue
        ours = min(rival["our seconds"]["median"] for rival in rivals.values())
        fast = [rivals[key]["ratio"] for key in FAST_FORMS if key in rivals]
        best = min(fast, key=lambda ratio: ratio["median"], default=None)
        rows.append(
            [
                workload["title"],
                _seconds(ours),
                *(
                    _spread(rivals[key]["ratio"], "×") if key in rivals else ""
                    for key in ("sklearn", "torch")
                ),
                _spread(best, "×") if best else "",
            ]
        )
    head = [
        "workload",
        "ours, s",
        "GridSearchCV(MLP…)",
        "PyTorch loop",
        "best of JAX and torch.compile, compiled",
    ]
    return table(head, rows)


def _spread(values: Mapping[str, float], unit: str) -> str:
    least, middle, most = (_figure(values[name]) for name in ("min", "median", "max"))
    return f"**{middle}{unit}**" + (f" ({least}–{most})" if least != most else "")


def _seconds(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}" if value < 10 else f"{value:.1f}"


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
