"""`--config`: the options of a command in a TOML file, or those of an earlier run in its run.json."""

from __future__ import annotations

import json
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shrinkage._errors import shown

if TYPE_CHECKING:
    from shrinkage.tables import Table

__all__ = ["Config", "other_data"]

NOT_REPEATED = frozenset({"config", "out", "overwrite", "quiet", "resume"})
"""Options of an earlier run that are not what it computed."""


def _read(context: typer.Context, path: Path | None) -> Path | None:
    if path is not None and not context.resilient_parsing:
        context.default_map = {**(context.default_map or {}), **_defaults(context, path)}
    return path


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        is_eager=True,
        callback=_read,
        show_default=False,
        help="File of options (TOML), or a run.json to repeat.",
    ),
]


def other_data(config: Path | None, table: Table) -> list[str]:
    """A sentence if the table is not the one of the run.json that is repeated."""
    if config is None or config.suffix.lower() != ".json":
        return []
    known = str(json.loads(config.read_text(encoding="utf-8")).get("data", ""))
    if table.sha256 in known:
        return []
    return [f"{table.name} is not the file that {config} was written with: its SHA-256 differs."]


def _defaults(context: typer.Context, path: Path) -> dict[str, Any]:
    """The options by the names of the command's parameters, as the command line would take them."""
    entries, repeated = _entries(path)
    parameters = {parameter.name: parameter for parameter in context.command.params if parameter.name}
    names = {name: name for name in parameters}
    for name, parameter in parameters.items():
        names |= {_plain(option): name for option in (*parameter.opts, *parameter.secondary_opts)}
    found: dict[str, Any] = {}
    for key, value in entries.items():
        if value is None or (repeated and key in NOT_REPEATED):
            continue
        name = names.get(_plain(key))
        if name in ("config", "help", "help_all"):
            name = None
        if name is None:
            near = get_close_matches(_plain(key), names, n=1)
            hint = f"; did you mean {near[0]}?" if near else ". --help-all lists them."
            raise typer.BadParameter(f"{path}: there is no option {shown(key)}{hint}")
        value = _as_on_the_command_line(value, parameters[name], f"{path}: {key}")
        if _plain(key) in map(_plain, parameters[name].secondary_opts):
            value = not value  # month-first = true
        found[name] = value
    return found


def _entries(path: Path) -> tuple[dict[str, Any], bool]:
    """What the file holds, and whether it is the run.json of an earlier run."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix.lower() != ".json":
            return tomllib.loads(text), False
        options = json.loads(text).get("options")
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, AttributeError) as error:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise typer.BadParameter(f"{path} is not a {kind} file of options: {error}") from error
    if not isinstance(options, dict):
        raise typer.BadParameter(f"{path} is not the run.json of a fit: it has no options")
    return options, True


def _as_on_the_command_line(value: Any, parameter: Any, where: str) -> Any:
    """A value as the command line takes it: lists of a single option with commas, all else as it is.

    Args:
        value: from the file.
        parameter: the option that it is for.
        where: the file and the option, for the message on a wrong value.
    """
    if isinstance(value, dict):
        raise typer.BadParameter(f"{where}: is a table; options belong at the top level of the file")
    several, kind = bool(getattr(parameter, "multiple", False)), _kind(parameter)
    if kind == "bool":
        if not isinstance(value, bool):
            raise typer.BadParameter(f"{where}: must be true or false, got {shown(value)}")
        return value
    listed = value if isinstance(value, list) else [value]
    wrong = [each for each in listed if isinstance(each, bool | list | dict)]
    if kind in ("int", "float"):
        wrong += [value] if isinstance(value, list) or (kind == "int" and isinstance(value, float)) else []
    if wrong or (not listed and not several):
        what = {"int": "a whole number", "float": "a number"}.get(kind, "text or a number, or a list of them")
        raise typer.BadParameter(f"{where}: must be {what}, got {shown(value)}")
    texts = [str(each) for each in listed]
    return texts if several else ",".join(texts)


def _kind(parameter: Any) -> str:
    """`bool`, `int` or `float` by what an option takes; `str` for any other."""
    if getattr(parameter, "is_flag", False):
        return "bool"
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    name = getattr(annotation, "__name__", "") or getattr(getattr(parameter, "type", None), "name", "")
    return {"integer": "int"}.get(name, name) if name in ("int", "float", "integer") else "str"


def _plain(option: str) -> str:
    return option.lstrip("-").replace("-", "_")
