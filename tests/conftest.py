"""The long stage: suites over whole products of rules, optimizers, kinds and formats, which take most of the time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cli_cases import Forking

# Before anything imports torch: workers that each start a thread a core wait for one another, up to ten times as long.
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if _WORKERS > 1:
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // _WORKERS)))

LONG = {
    "attachment/test_attach_capturable.py",
    "attachment/test_attach_compile.py",
    "attachment/test_attach_contract.py",
    "attachment/test_attach_resume.py",
    "attachment/test_attach_shapes.py",
    "attachment/test_attach_torch_table.py",
    "estimators/test_networks_docs.py",
    "estimators/test_sklearn_contract.py",
    "networks/test_module_forms.py",
    "networks/test_role_tables.py",
    "sweeps/test_range_training.py",
    "sweeps/test_useful_range.py",
    "training/test_controllers.py",
    "training/test_module_block.py",
    "training/test_rules_on_stacks.py",
}
"""Run by `.ci/long`, and by `pytest -m long`."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/".join(item.path.parts[-2:]) in LONG:
            item.add_marker("long")


@pytest.fixture(scope="session")
def shrinkage() -> Forking:
    """The command line, with faults on request."""
    from cli_cases import started

    return started()
