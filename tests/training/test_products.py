"""Products by the widest routine: as exact as the others, and of the same bits in every block."""

import threading
from typing import Any

import numpy as np
import pytest
import torch

from shrinkage.networks import PerceptronLayout
from shrinkage.training import one_thread_flushed
from shrinkage.training._machine import EXACT, ROUNDING, rounding_permission
from shrinkage.training.backprop import _products
from shrinkage.training.backprop._products import permission_for
from stack_cases import member, problem, recipe

CPU = torch.device("cpu")
WIDE, ROWS = PerceptronLayout((96, 128, 80, 3)), 64


@pytest.fixture
def setting():
    mkldnn: Any = torch.backends.mkldnn
    matmul = mkldnn.matmul
    before = matmul.fp32_precision
    yield matmul
    assert matmul.fp32_precision == before


def test_small_products_other_dtypes_and_devices_stay_as_they_are():
    assert permission_for(PerceptronLayout((4, 8, 3)), [32], [9], torch.float32, CPU) == EXACT
    assert permission_for(WIDE, [ROWS], [9], torch.float64, CPU) == EXACT
    assert permission_for(WIDE, [ROWS], [9], torch.float32, torch.device("meta")) == EXACT


def test_a_machine_that_rounds_is_not_permitted_to(monkeypatch):
    def rounding(a, W):
        rounded = (x.bfloat16().float() if x.dtype == torch.float32 else x for x in (a, W))
        return torch.matmul(*rounded)

    monkeypatch.setattr(_products.torch, "bmm", rounding)
    _products._keeps_float32.cache_clear()
    try:
        assert permission_for(WIDE, [ROWS], [9], torch.float32, CPU) == EXACT
    finally:
        _products._keeps_float32.cache_clear()


@pytest.mark.parametrize("wanted", [EXACT, ROUNDING])
def test_the_users_setting_is_put_back(setting, wanted):
    with rounding_permission(wanted), rounding_permission(wanted):
        assert setting.fp32_precision == wanted


def test_who_wants_another_setting_waits(setting):
    seen, inside = [], threading.Event()

    def other():
        inside.set()
        with rounding_permission(EXACT):
            seen.append(setting.fp32_precision)

    with rounding_permission(ROUNDING):
        thread = threading.Thread(target=other)
        thread.start()
        inside.wait()
        thread.join(0.05)
        assert not seen
        assert setting.fp32_precision == ROUNDING
    thread.join()
    assert seen == [EXACT]


def test_a_fit_within_a_fit_has_its_own_setting(setting):
    with rounding_permission(ROUNDING):
        with rounding_permission(EXACT):
            assert setting.fp32_precision == EXACT
        assert setting.fp32_precision == ROUNDING


def test_threads_that_train_at_once_put_the_number_of_threads_back():
    before, first_is_in, second_is_in = torch.get_num_threads(), threading.Event(), threading.Event()
    seen = []

    def second():
        first_is_in.wait(10)
        with one_thread_flushed():
            second_is_in.set()
            thread.join(10)
            seen.append(torch.get_num_threads())

    def first():
        with one_thread_flushed():
            first_is_in.set()
            second_is_in.wait(10)

    torch.set_num_threads(3)
    try:
        thread, other = threading.Thread(target=first), threading.Thread(target=second)
        thread.start()
        other.start()
        other.join(10)
        assert seen == [1]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_wide_net_is_as_exact_and_of_the_same_bits_in_every_block():
    X, Y = problem(160, 96, 3, "softmax")
    settings = {"hidden_layer_sizes": (128, 80), "activation": "relu", "batch_size": ROWS, "max_epochs": 1}
    lambdas, exact = [0.0, 1e-3, 1e-2], recipe(**settings)
    float32 = recipe(**settings, dtype="float32")
    rows = member(X.float(), Y.float(), n_train=130)
    together = float32.train(lambdas, [rows], seed=0)
    reference = exact.train(lambdas, [member(X, Y, n_train=130)], seed=0)
    np.testing.assert_allclose(together.networks, reference.networks, atol=2e-6)
    for i, lam in enumerate(lambdas):
        alone = float32.train([lam], [rows], seed=0)
        np.testing.assert_array_equal(alone.networks[0, 0], together.networks[0, i])
        np.testing.assert_array_equal(alone.validation_loss[0, 0], together.validation_loss[0, i])
