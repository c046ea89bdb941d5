"""`--network FILE.py:FUNCTION`: the user's own function that builds a network, in `fit` and `predict`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shrinkage._errors import RequestError
from shrinkage.cli.options._values import option_of

if TYPE_CHECKING:
    from shrinkage.estimators import MLPCV

__all__ = ["network_identity", "network_of", "notes_on_network"]


def network_of(text: str | None, beside: Sequence[str] = ()) -> Any:
    """The function that `--network` names, or None without one.

    Args:
        text: as it was given.
        beside: options that were given too and that describe another network.
    """
    if text is None:
        return None
    if beside:
        raise RequestError(
            f"--network {text}: builds the whole network, so {' and '.join(map(option_of, beside))} would have no "
            "effect. Leave one of them out."
        )
    from shrinkage.estimators import network_from_file

    return network_from_file(text)


def network_identity(network: Any) -> dict[str, str]:
    """Identity of such a network in a run."""
    return {} if network is None else {"network": f"{network}, SHA-256 {network.sha256}"}


def notes_on_network(model: MLPCV) -> list[str]:
    """How the networks of `--network` were trained: stacked, or one by one and why."""
    verdict = getattr(model.recipe_.kind, "verdict", None)
    if model.network is None or verdict is None:
        return []
    return [f"The networks of {model.network} were trained {verdict.words}."]
