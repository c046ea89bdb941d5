"""`FILE.py:FUNCTION` as the function that builds a network. The source itself travels to other processes."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from shrinkage._errors import RequestError, called, shown

__all__ = ["NetworkFile", "network_from_file"]

LARGEST = 2**20
"""Bytes of a script."""


@dataclass(frozen=True)
class NetworkFile:
    """A function of a script, called with (inputs, outputs): `make_module` of one table.

    Args:
        path: of the script; its folder is searched for what it imports.
        function: its name.
        source: of the script, as it was when the file was read: a run keeps to one text.
    """

    path: str
    function: str
    source: str = field(repr=False)

    def __call__(self, inputs: int, outputs: int) -> nn.Module:
        make = getattr(_execute(self.path, self.source), self.function)
        try:
            with _as_a_script(self.path):
                return make(inputs, outputs)
        except Exception as error:  # whatever the user's function raises
            raise RequestError(
                f"{called('network')} {self}: called with ({inputs}, {outputs}) it {_describe_error(error, self.path)}."
            ) from error

    def __str__(self) -> str:
        return f"{self.path}:{self.function}"

    @property
    def sha256(self) -> str:
        """Of the source."""
        return hashlib.sha256(self.source.encode()).hexdigest()


def network_from_file(text: str) -> NetworkFile:
    """`FILE.py:FUNCTION` as a function of (inputs, outputs); the script is run once.

    Raises:
        RequestError: there is no such file or function, the script raises, or the function takes something else.
    """
    path, colon, function = text.rpartition(":")
    if not colon or not path or not function.isidentifier():
        example = f"{text}:make_network" if text.endswith(".py") else "nets.py:make_network"
        raise RequestError(
            f"{called('network')}: must be FILE.py:FUNCTION, such as {example}, got {shown(text)}."
        )
    network = NetworkFile(path, function, _read(path))
    try:
        script = _execute(path, network.source)
    except (Exception, SystemExit) as error:  # whatever the user's script raises
        raise RequestError(
            f"{called('network')}: {path} can't be run: it {_describe_error(error, path)}."
        ) from error
    _check_function(network, script)
    return network


def _read(path: str) -> str:
    try:
        if Path(path).is_dir():
            raise RequestError(f"{called('network')}: {path} is a folder; name a Python file in it.")
        if Path(path).stat().st_size > LARGEST:
            raise RequestError(f"{called('network')}: {path} is too large for a script; it was not read.")
        return Path(path).read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise RequestError(f"{called('network')}: there is no file {path}.") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"{called('network')}: {path} is not Python source in UTF-8.") from error
    except OSError as error:
        raise RequestError(
            f"{called('network')}: {path} cannot be read: {error.strerror or error}."
        ) from error


@lru_cache(maxsize=8)
def _execute(path: str, source: str) -> ModuleType:
    """The script as a module."""
    name = "_network_" + hashlib.sha256(f"{path}\0{source}".encode()).hexdigest()[:16]
    module = ModuleType(name)
    module.__file__ = str(Path(path).resolve())
    sys.modules[name] = module  # dataclasses and pickles of the script look for it there
    try:
        with _as_a_script(path):
            exec(compile(source, path, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextlib.contextmanager
def _as_a_script(path: str) -> Iterator[None]:
    """Within it the script's own folder is searched for imports, and what it prints is no part of a command's output."""
    folder = str(Path(path).resolve().parent)
    sys.path.insert(0, folder)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


def _check_function(network: NetworkFile, script: ModuleType) -> None:
    make = getattr(script, network.function, None)
    if make is None:
        own = [
            name
            for name, value in vars(script).items()
            if callable(value) and getattr(value, "__module__", "") == script.__name__ and name[0] != "_"
        ]
        there = f"It has {', '.join(own)}." if own else "It has no functions."
        raise RequestError(f"{called('network')}: {network.path} has no function {network.function}. {there}")
    if isinstance(make, nn.Module) or not callable(make):
        raise RequestError(
            f"{called('network')} {network}: must be a function of (inputs, outputs) that builds a torch.nn.Module, got "
            f"{shown(make)}."
        )
    try:
        inspect.signature(make).bind(1, 1)
    except TypeError as error:
        raise RequestError(
            f"{called('network')} {network}: must take (inputs, outputs), the numbers of both; it takes "
            f"{inspect.signature(make)}."
        ) from error
    except ValueError:
        pass  # a C callable has no signature to check


def _describe_error(error: BaseException, path: str) -> str:
    """`raised ValueError in line 3: …`, the line being the last one of the script."""
    text = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    line: Any = error.lineno if isinstance(error, SyntaxError) else None
    if line is None:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        line = frames[-1].lineno if frames else None
    where = "" if line is None else f" in line {line}"
    return f"raised {type(error).__name__}{where}{f': {text}' if text else ''}"
