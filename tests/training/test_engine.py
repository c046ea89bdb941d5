"""The compiled engine against the torch stack, which the other tests hold against autograd and the formulas."""

import platform
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from engine_cases import LAMBDAS, OPTIMIZERS, assert_same, both, coded_members
from shrinkage import _compiled
from shrinkage._errors import JobError
from shrinkage.networks import PerceptronLayout
from shrinkage.rules import CATALOGUE, L1, L2, Decoupled, WeightDecay
from shrinkage.training import Member, Rows, Standardizer, one_thread_flushed
from shrinkage.training.engine import _engine_library as _library
from shrinkage.training.engine._engine_rows import EvaluatedRows
from shrinkage.training.engine._engine_trainee import engine_takes
from stack_cases import ACTIVATION_NAMES, ARCHITECTURES, LOSS_NAMES, member, problem, recipe

RULES = {
    "l2": L2(0.0),
    "l1": L1(0.0),
    "updated": WeightDecay(0.0),
    "original": WeightDecay(0.0, of="original"),
    **{clock: Decoupled(0.0, clock=clock) for clock in ("lr", "schedule", "constant", "corrected")},
}
TAKEN = {
    "l2",
    "l1",
    "weight_decay",
    "weight_decay_original",
    *(name for name in CATALOGUE if name.startswith("decoupled")),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOSS_NAMES)
@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
@pytest.mark.parametrize("sizes", ARCHITECTURES, ids=str)
def test_every_network(sizes, activation, loss, dtype):
    inputs, *hidden, outputs = sizes
    X, Y = (each.to(getattr(torch, dtype)) for each in problem(37, inputs, outputs, loss))
    members = [member(X, Y, fold=fold, n_train=29) for fold in range(2)]
    shape = {"hidden_layer_sizes": tuple(hidden), "activation": activation, "loss": loss, "dtype": dtype}
    assert_same(both(members, batch_size=8, **shape), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    "hidden, numbers", [((4,), (0, 2, 3)), ((20, 7), (1,)), ((5, 4, 3), (0, 1, 2, 3))], ids=str
)
@pytest.mark.parametrize("batch_size", [7, 29])
def test_an_embedding_of_numbers(batch_size, hidden, numbers, optimizer, dtype):
    X, Y = (each.to(getattr(torch, dtype)) for each in problem(37, 4, 3, "softmax"))
    members = [replace(member(X, Y, fold=fold, n_train=29), numbers=numbers) for fold in range(2)]
    for decay_biases in (False, True):
        changes = {"embedding": "periodic", "hidden_layer_sizes": hidden, "decay_biases": decay_biases}
        assert_same(
            both(members, batch_size=batch_size, dtype=dtype, **changes, **OPTIMIZERS[optimizer]), dtype
        )


@pytest.mark.parametrize("far", [1.0, 1e4])
@pytest.mark.parametrize("rows", [300, 1000])
def test_an_embedding_in_pieces_and_far_from_0(rows, far):
    """Pieces of a batch, whole vectors of rows and the rest; angles of many turns."""
    X, Y = problem(rows + 20, 30, 2, "squared_error")
    X[:, 4] *= far
    members = [replace(member(X, Y, n_train=rows), numbers=tuple(range(0, 30, 2)))]
    assert_same(
        both(
            members,
            embedding="periodic",
            loss="squared_error",
            batch_size=700,
            learning_rate=1e-3,
            max_epochs=2,
        )
    )


def test_without_hidden_layers_an_embedding_is_torchs():
    assert not engine_takes(recipe(embedding="periodic", hidden_layer_sizes=()))


def test_a_quantile_of_another_level():
    X, Y = problem(37, 4, 2, "quantile")
    result = both([member(X, Y, n_train=29)], loss="quantile:0.9", batch_size=8)
    assert_same(result)
    median = recipe(engine="compiled", loss="quantile", batch_size=8).train(
        LAMBDAS, [member(X, Y, n_train=29)], seed=1
    )
    assert np.abs(result[0].networks - median.networks).max() > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", [(), (4,)], ids=str)
def test_several_quantiles(hidden, dtype):
    X, Y = (each.to(getattr(torch, dtype)) for each in problem(37, 4, 3, "quantile"))
    levels = {"loss": "quantile:0.1,0.5,0.9", "hidden_layer_sizes": hidden, "dtype": dtype, "batch_size": 8}
    result = both([member(X, Y[:, :1].repeat(1, 3), n_train=29)], **levels)
    assert_same(result, dtype)
    medians = recipe(engine="compiled", **{**levels, "loss": "quantile"})
    other = medians.train(LAMBDAS, [member(X, Y[:, :1].repeat(1, 3), n_train=29)], seed=1)
    assert np.abs(result[0].networks - other.networks).max() > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [1, 7, 29], ids=["online", "mini-batch", "full batch"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_and_optimizer(rule, optimizer, batch_size, dtype):
    X, Y = (each.to(getattr(torch, dtype)) for each in problem(37, 5, 3, "softmax"))
    members = [member(X, Y, n_train=29)]
    for decay_biases in (False, True):
        changes = {
            "rule": RULES[rule],
            "batch_size": batch_size,
            "decay_biases": decay_biases,
            "dtype": dtype,
        }
        assert_same(both(members, **changes, **OPTIMIZERS[optimizer]), dtype)


@pytest.mark.parametrize("loss", LOSS_NAMES)
@pytest.mark.parametrize("rows", [300, 1000])
def test_batches_longer_than_a_piece(rows, loss):
    """The engine holds up to 256 rows at a time; a gradient is added up over the pieces of its batch."""
    X, Y = problem(rows + 20, 3, 2, loss)
    assert_same(both([member(X, Y, n_train=rows)], loss=loss, batch_size=700))


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_weights_scales_and_row_numbers(settled, loss, monkeypatch):
    if not settled:
        monkeypatch.setattr("shrinkage.training._rows.CONTIGUOUS_ELEMENTS", 0)
    X, Y = problem(60, 4, 2, loss)
    g = torch.Generator().manual_seed(5)
    index = torch.randperm(60, generator=g)
    weight = torch.rand(40, 1, generator=g, dtype=torch.float64)
    x_scale = Standardizer(X.mean(0), X.std(0))
    y_scale = Standardizer(Y.mean(0), Y.std(0)) if loss == "squared_error" else None
    scales = {"x_scale": x_scale, "y_scale": y_scale}
    train = Rows(X=X, Y=Y, index=index[:40], weight=weight / weight.mean(), **scales)
    held = torch.rand(20, 1, generator=g, dtype=torch.float64)
    validation = Rows(X=X, Y=Y, index=index[40:], weight=held / held.mean(), **scales)
    assert_same(both([Member(0, 0, train, validation)], loss=loss))


def test_numbers_do_not_depend_on_the_company_or_the_thread():
    X, Y = problem(60, 5, 3, "softmax")
    X, Y = X.float(), Y.float()
    opts = recipe(engine="compiled", dtype="float32", optimizer="adam", max_epochs=6, batch_size=7)
    members = [member(X, Y, fold=fold, n_train=40) for fold in range(3)]
    whole = opts.train(LAMBDAS, members, seed=1)
    alone = {}

    def work(g, i):
        alone[g, i] = opts.train([LAMBDAS[i]], [members[g]], seed=1)

    threads = [threading.Thread(target=work, args=(g, i)) for g in range(3) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(alone) == 9
    for (g, i), one in alone.items():
        for name in ("networks", "train_loss", "validation_metric", "final_penalty"):
            np.testing.assert_array_equal(getattr(one, name)[0, 0], getattr(whole, name)[g, i])


def test_calls_of_one_epoch_and_of_many_give_the_same_bits(monkeypatch):
    X, Y = problem(60, 5, 3, "softmax")
    opts = recipe(engine="compiled", optimizer="adam", schedule="cosine", max_epochs=12)
    many = opts.train(LAMBDAS, [member(X, Y, n_train=40)], seed=1)
    monkeypatch.setattr("shrinkage.training.engine._engine_trainee.SECONDS_A_CALL", 0.0)
    ticks = []
    one = opts.train(LAMBDAS, [member(X, Y, n_train=40)], seed=1, after_epochs=ticks.append)
    assert ticks == [1] * 12
    np.testing.assert_array_equal(many.networks, one.networks)
    np.testing.assert_array_equal(many.validation_loss, one.validation_loss)


@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_validating_now_and_then_leaves_gaps_and_changes_nothing_else(engine):
    X, Y = problem(60, 5, 3, "softmax")
    every, third = (
        recipe(engine=engine, max_epochs=8, validate_every=k).train(
            LAMBDAS, [member(X, Y, n_train=40)], seed=1
        )
        for k in (1, 3)
    )
    scored = np.isin(np.arange(8), [2, 5, 7])
    for name in ("validation_loss", "validation_metric"):
        of_every, of_third = getattr(every, name), getattr(third, name)
        np.testing.assert_array_equal(of_third[..., scored], of_every[..., scored])
        assert np.isnan(of_third[..., ~scored]).all()
        assert np.isfinite(of_every).all()
    for name in ("train_loss", "train_metric", "networks", "final_train_loss"):
        np.testing.assert_array_equal(getattr(third, name), getattr(every, name))


def test_a_batch_larger_than_any_number_of_rows_is_all_of_them():
    X, Y = problem(40, 4, 1, "squared_error")
    members = [member(X, Y, n_train=30)]
    shape = {"hidden_layer_sizes": (3,), "loss": "squared_error"}
    whole, huge = (
        recipe(engine="compiled", batch_size=size, **shape).train(LAMBDAS, members, seed=1)
        for size in (30, 2**64)
    )
    assert np.array_equal(whole.networks, huge.networks)


def test_equal_outputs_are_the_first_class():
    """argmax takes the first of equals: a net of zeros says class 0."""
    X, Y = torch.zeros(6, 2, dtype=torch.float64), torch.eye(3, dtype=torch.float64).repeat(2, 1)
    for result in both(
        [member(X, Y)], learning_rate=1e-300, hidden_layer_sizes=(), max_epochs=1, batch_size=6
    ):
        np.testing.assert_allclose(result.train_metric[0, :, 0], 1 / 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_a_net_that_diverges_is_not_finite_in_either(loss, dtype):
    X, Y = (each.to(getattr(torch, dtype)) for each in problem(40, 4, 2, loss))
    shape = {"loss": loss, "activation": "relu", "dtype": dtype, "max_epochs": 20}
    rate = 1e200 if dtype == "float64" else 1e30
    for result in both([member(X, Y, n_train=30)], learning_rate=rate, **shape):
        assert (np.isnan(result.final_train_loss) | (result.final_train_loss > 1e20)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_activations_of_numbers_of_every_size(activation, dtype):
    """Denormals are flushed, as in training: an inverse that is one would turn a saturated unit into 0."""
    kind = getattr(torch, dtype)
    sizes = torch.cat(
        [torch.logspace(-30, 30, 241, dtype=torch.float64), torch.linspace(8, 90, 83, dtype=torch.float64)]
    )
    z = torch.cat([-sizes, torch.zeros(1), sizes]).to(kind)[:, None]
    layout, one = PerceptronLayout((1, 1, 1)), torch.tensor([[1.0, 1.0, 0.0, 0.0]], dtype=kind)
    expected = getattr(torch, activation if activation == "tanh" else "sigmoid")(z.double())
    with one_thread_flushed():
        for row, a in zip(z, expected[:, 0], strict=True):
            target = torch.zeros(1, 1, dtype=kind)
            rows = EvaluatedRows(layout, activation, "squared_error", Rows(X=row[None], Y=target))
            found = rows.error(one, "loss").sqrt()
            assert_close(found[0], a.abs(), rtol=4e-7 if dtype == "float32" else 1e-14, atol=1e-18)


def test_gradients_near_the_end_of_float32():
    """g² is beyond it where (1 − β₂) g² is not; and a second moment that is ∞ stands still, it doesn't poison."""
    X, Y = (each.float() for each in problem(30, 4, 2, "squared_error"))
    for scale in (1e10, 1e11):
        shape = {"optimizer": "adam", "learning_rate": 1e-3, "dtype": "float32", "activation": "identity"}
        for result in both([member(X * scale, Y)], loss="squared_error", batch_size=30, **shape):
            assert np.isfinite(result.networks).all()


VARIANTS = {"plain": ("-march=x86-64",), "half the width": ("-march=native", "-mno-avx512f")}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the flags are those of this family of processors")
@pytest.mark.parametrize("flags", VARIANTS.values(), ids=VARIANTS)
def test_narrower_processors(flags, monkeypatch, tmp_path):
    """The same sources without the wide instructions of the machine that the tests run on."""
    monkeypatch.setenv("SHRINKAGE_CACHE", str(tmp_path))
    monkeypatch.setattr(_compiled, "FOR_THIS_PROCESSOR", (flags,))
    _compiled._load.cache_clear()
    built = _compiled.library(_library.SOURCE)
    monkeypatch.setattr(_library, "_engine", lambda choice: built)
    try:
        for dtype in ("float32", "float64"):
            for loss, outputs, hidden in (
                ("softmax", 3, (20, 7)),
                ("logistic", 1, (5,)),
                ("squared_error", 2, ()),
            ):
                X, Y = (each.to(getattr(torch, dtype)) for each in problem(80, 9, outputs, loss))
                shape = {"loss": loss, "hidden_layer_sizes": hidden, "dtype": dtype, "batch_size": 16}
                assert_same(both([member(X, Y, n_train=61)], **shape, **OPTIMIZERS["adam"]), dtype)
            coded = {"hidden_layer_sizes": (20, 7), "dtype": dtype, "batch_size": 16}
            assert_same(both(coded_members(80, 61, dtype=dtype), **coded), dtype)
    finally:
        _compiled._load.cache_clear()


def test_the_sure_rows_of_two_classes_keep_their_digits():
    """log(1 + e⁻ᶻ) of a row of class 1 is e⁻ᶻ, far below what 1 + e⁻ᶻ can hold."""
    X, Y = torch.full((4, 1), 1.0, dtype=torch.float64), torch.ones(4, 1, dtype=torch.float64)
    result = recipe(
        engine="compiled", loss="logistic", hidden_layer_sizes=(), learning_rate=30.0, max_epochs=40
    ).train([0.0], [member(X, Y)], seed=1)
    w, b = result.networks[0, 0]
    assert result.final_train_loss[0, 0] == pytest.approx(np.exp(-(w + b)), rel=1e-9)
    assert result.final_train_loss[0, 0] < 1e-10


@pytest.mark.parametrize("name", [name for name, rule in CATALOGUE.items() if rule(0.0).stateless])
def test_what_it_takes_and_what_it_leaves_to_torch(name):
    rule = CATALOGUE[name](0.0)
    opts = recipe(engine="compiled", rule=rule)
    assert engine_takes(opts) == opts.in_threads == (name in TAKEN)
    assert not recipe(engine="torch", rule=rule).in_threads


def test_a_worker_without_the_engine_of_the_run_says_so(monkeypatch):
    X, Y = problem(20, 3, 2, "softmax")
    planned = recipe(engine="compiled")
    monkeypatch.setenv("SHRINKAGE_ENGINE", "torch")
    with pytest.raises(JobError, match=r"planned with the compiled engine.*SHRINKAGE_ENGINE=torch"):
        planned.train(LAMBDAS, [member(X, Y)], seed=1)
