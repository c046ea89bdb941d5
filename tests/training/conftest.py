"""What both forms of training must hold is tested for both."""

import pytest

from shrinkage.training import engine_name


@pytest.fixture(params=["compiled", "torch"])
def engine(request, monkeypatch):
    """The engine that options made in this test name."""
    monkeypatch.setenv("SHRINKAGE_ENGINE", request.param)
    assert engine_name() == request.param  # without a compiler this is an error, never a skip
    return request.param
