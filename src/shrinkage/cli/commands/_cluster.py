"""A run whose blocks are trained on a dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shrinkage._errors import RequestError, shown

__all__ = ["on_cluster"]

SECONDS_TO_ANSWER = 10


@contextmanager
def on_cluster(address: str | None) -> Iterator[None]:
    """Within it, joblib sends its work to the scheduler at `address`; without an address nothing changes."""
    if address is None:
        yield
        return
    import joblib

    try:
        from distributed import Client
    except ImportError as error:
        raise RequestError(
            "--cluster: the package `distributed` is missing. Install it with: pip install 'shrinkage[cluster]'."
        ) from error
    try:
        client = Client(address, timeout=SECONDS_TO_ANSWER)
    except (OSError, ValueError) as error:
        raise RequestError(
            f"--cluster {shown(address)}: no scheduler answers there. Start one with `dask scheduler`, its workers with "
            "`dask worker ADDRESS`, and give the address that it prints, such as tcp://10.0.0.1:8786."
        ) from error
    with client, joblib.parallel_config(backend="dask", client=client):
        yield
