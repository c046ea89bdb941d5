"""What a notebook shows of a result: one frame with a title, a sentence or two, a static picture and tables.

Nothing in it runs or loads anything, so it is shown in notebooks that are not trusted too. Light or dark follows the
notebook where it says so (JupyterLab, VS Code, Colab), else the system.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from shrinkage.pages._html_page import Figure, Table
from shrinkage.pages._palette import declarations
from shrinkage.pages._svg import svg
from shrinkage.pages._text import clean, number

__all__ = ["frame"]

MOST_ROWS = 40
_DARK = (
    'body[data-jp-theme-light="false"] .shrinkage',
    "body.vscode-dark .shrinkage",
    "html[theme=dark] .shrinkage",
    "html[data-theme=dark] .shrinkage",
)
_LIGHT = (
    'body[data-jp-theme-light="true"] .shrinkage',
    "body.vscode-light .shrinkage",
    "html[data-theme=light] .shrinkage",
)
_STYLE = """
.shrinkage { color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 14px 18px; margin: 4px 0; max-width: 800px; box-sizing: border-box;
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.shrinkage .title { font-weight: 600; font-size: 1.07em; margin: 0 0 4px; }
.shrinkage ul { margin: 0 0 8px; padding-left: 18px; }
.shrinkage svg { display: block; width: 100%; height: auto; margin: 6px 0; font-size: 12px; }
.shrinkage svg text { fill: var(--muted); }
.shrinkage .keys { display: flex; flex-wrap: wrap; gap: 2px 16px; color: var(--muted); font-size: .92em; }
.shrinkage .keys i { display: inline-block; width: 16px; border-top: 3px solid; margin-right: 6px;
  vertical-align: middle; }
.shrinkage .scroll { overflow-x: auto; }
.shrinkage table { border-collapse: collapse; font-size: .93em; margin: 6px 0 2px; color: inherit;
  font-variant-numeric: tabular-nums; }
.shrinkage th, .shrinkage td { text-align: left; padding: 3px 14px 3px 0; border: 0; border-bottom: 1px solid var(--grid);
  background: none; font-weight: 400; vertical-align: top; }
.shrinkage thead th { color: var(--muted); font-weight: 600; }
.shrinkage .n { text-align: right; white-space: nowrap; }
.shrinkage summary { cursor: pointer; color: var(--validation); }
"""


def frame(
    title: str,
    sentences: Sequence[str] = (),
    *,
    figure: Figure | None = None,
    keys: Sequence[tuple[str, str]] = (),
    tables: Sequence[Table] = (),
    more: str = "",
) -> str:
    """The HTML of a frame. Every text is escaped.

    Args:
        title: one line.
        sentences: what was found.
        figure: the chart, drawn as a static picture.
        keys: (role, text) of what the picture shows in which colour.
        tables: rows; folded ones open on request.
        more: trusted HTML for the end.
    """
    parts = [f'<p class="title">{html.escape(clean(title, 200))}</p>']
    if sentences:
        items = "".join(f"<li>{html.escape(clean(sentence, 600))}</li>" for sentence in sentences)
        parts.append(f"<ul>{items}</ul>")
    if keys:
        spans = "".join(
            f'<span><i style="color:var(--{role})"></i>{html.escape(text)}</span>' for role, text in keys
        )
        parts.append(f'<div class="keys">{spans}</div>')
    if figure is not None:
        parts.append(svg(figure))
    parts += [_table(table) for table in tables]
    return f'<style>{_sheet()}</style><div class="shrinkage">{"".join(parts)}{more}</div>'


def _sheet() -> str:
    light, dark = declarations("light"), declarations("dark")
    return (
        f".shrinkage {{ {light} }}\n@media (prefers-color-scheme: dark) {{ .shrinkage {{ {dark} }} }}\n"
        f"{', '.join(_DARK)} {{ {dark} }}\n{', '.join(_LIGHT)} {{ {light} }}{_STYLE}"
    )


def _table(table: Table) -> str:
    numeric = [bool(table.rows) and isinstance(table.rows[0][j], int | float) for j in range(len(table.head))]
    head = "".join(
        f"<th{_class(is_number)}>{html.escape(clean(name))}</th>"
        for name, is_number in zip(table.head, numeric, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{_class(isinstance(cell, int | float))}>{_cell(cell)}</td>" for cell in row)
        + "</tr>"
        for row in table.rows[:MOST_ROWS]
    )
    rest = len(table.rows) - MOST_ROWS
    more = f"<div>… and {rest:,} more rows</div>" if rest > 0 else ""
    drawn = (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'
    )
    if not table.folded:
        return drawn
    return f"<details><summary>{html.escape(clean(table.caption, 300))}</summary>{drawn}</details>"


def _class(is_number: bool) -> str:
    return ' class="n"' if is_number else ""


def _cell(cell: str | float | int | None) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, int):
        return f"{cell:,}"
    return number(cell, 4) if isinstance(cell, float) else html.escape(clean(cell, 300))
