"""Finished blocks on disk: write-once files beside a manifest that says what they are results of."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from shrinkage._errors import RequestError, shown
from shrinkage._files import write_atomic
from shrinkage.path.blocks._blocks import Block

__all__ = ["BlockStore"]

DIGEST = 32


class BlockStore:
    """A folder of finished blocks of one run.

    Args:
        folder: made when it is missing.
        identity: everything that the blocks depend on (data hash, recipe, versions, seed), as JSON values. A
            folder whose manifest differs is refused, naming the difference.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self.identity = json.loads(json.dumps(identity))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RequestError(
                f"{folder}: is no folder, so no blocks can be kept there ({error.strerror or error}). Give another one."
            ) from error
        manifest = folder / "manifest.json"
        for leftover in folder.glob(".*.tmp"):  # of a run that was killed while it wrote
            leftover.unlink(missing_ok=True)
        if manifest.exists():
            try:
                found = dict(json.loads(manifest.read_bytes()))
            except (ValueError, TypeError) as error:
                raise RequestError(
                    f"{manifest}: damaged, so it is not known what the blocks belong to. Replace the run (--overwrite)."
                ) from error
            self._check(found)
        else:
            write_atomic(manifest, json.dumps(self.identity, indent=1, sort_keys=True).encode())

    def load(self, block: Block) -> dict[str, NDArray[np.float64]] | None:
        """The block's arrays, or None when it isn't here. A damaged file is set aside as .bad, with a warning."""
        path = self._path(block)
        if not path.exists():
            return None
        data = path.read_bytes()
        if hashlib.sha256(data[:-DIGEST]).digest() == data[-DIGEST:]:
            try:
                return load(data[:-DIGEST])
            except SafetensorError:
                pass  # reported below, as for a wrong checksum
        path.replace(path.with_suffix(".bad"))
        warnings.warn(
            f"The kept block {path.name} is damaged: it was set aside as {path.stem}.bad and is computed again.",
            stacklevel=2,
        )
        return None

    def save(self, block: Block, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep a finished block: whole on the disk, or not there."""
        data = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        write_atomic(self._path(block), data + hashlib.sha256(data).digest())

    def _path(self, block: Block) -> Path:
        key = {
            "form": block.form,
            "lambdas": [lam.hex() for lam in block.lambdas],
            "members": block.members,
            "epochs": block.epochs,
            "keep_networks": block.keep_networks,
        }
        return self.folder / (hashlib.sha256(json.dumps(key).encode()).hexdigest()[:24] + ".block")

    def _check(self, found: Any) -> None:
        differing = sorted(
            name for name in self.identity.keys() | found.keys() if self.identity.get(name) != found.get(name)
        )
        if differing:
            what = "; ".join(
                f"{name} was {shown(found.get(name))} and is now {shown(self.identity.get(name))}"
                for name in differing
            )
            raise RequestError(
                f"{self.folder}: the blocks kept there belong to another run: {what}. "
                "Repeat that run's request to resume it, write to another folder, or replace it (--overwrite)."
            )
