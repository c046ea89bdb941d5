"""Training of a block: equal to one network alone, to torch, and to the two articles' formulas."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from shrinkage._random import generator
from shrinkage.networks import PerceptronLayout
from shrinkage.rules import CATALOGUE, L2, WeightDecay
from shrinkage.training import Backprop, Member, Rows, learning_rate
from shrinkage.training._pull import Pull
from shrinkage.training.engine._engine_trainee import NO_PULL, EngineBlock
from stack_cases import member, plain_loss, plain_outputs, problem, recipe, sgd_step

pytestmark = pytest.mark.usefixtures("engine")

LAMBDAS = [0.0, 1e-3, 0.1]
SEED = 3
RULED = [
    (name, optimizer)
    for name in sorted(CATALOGUE)
    for optimizer in ("sgd", "adam")
    if optimizer == "adam" or not CATALOGUE[name](0.0).needs_second_moment
]
PLAIN_RULES = [
    name
    for name, rule in CATALOGUE.items()
    if rule(0.0).anchor == "zero"
    and rule(0.0).stateless
    and not rule(0.0).needs_previous
    and rule(0.0).entry in ("loss", "before", "after")
]


def start_row(layout, opts, fold=0, restart=0):
    return opts.kind.initial(layout, generator(SEED, fold, restart, "weights"))


def settings_of(opts) -> Backprop:
    assert isinstance(opts.trainer, Backprop)
    return opts.trainer


@pytest.mark.parametrize("batch_size", [1, 4, 12], ids=["online", "mini-batch", "full batch"])
@pytest.mark.parametrize("rule", PLAIN_RULES)
def test_every_rule_step_by_step_against_plain_sgd(rule, batch_size):
    """n = 12 rows: 12, 3 and 1 steps of each network, written by autograd and the rule on one row."""
    X, Y = problem(12, 3, 2, "softmax")
    opts = recipe(rule=CATALOGUE[rule](0.0), max_epochs=2, batch_size=batch_size)
    result = opts.train(LAMBDAS, [member(X, Y)], seed=SEED)
    layout = PerceptronLayout((3, 4, 2))
    for i, lam in enumerate(LAMBDAS):
        row = start_row(layout, opts)
        lr = settings_of(opts).learning_rate
        at = opts.rule.at_lambda(lam, lr)
        for epoch in range(2):
            order = torch.arange(12)
            if batch_size < 12:
                order = torch.randperm(12, generator=generator(SEED, 0, 0, "order", epoch))
            for batch in order.split(batch_size):
                row = sgd_step(layout, row, "tanh", "softmax", X[batch], Y[batch], lr, at)
        assert_close(torch.from_numpy(result.networks[0, i]), row, rtol=1e-12, atol=1e-13)


def test_the_textbooks_update():
    """`w ← (1 − ηλ/n) w − η ∂C/∂w` with the textbook's λ = n·lam; biases without the factor."""
    X, Y = problem(9, 3, 2, "squared_error")
    lr, textbook = 0.2, 0.7
    opts = recipe(
        loss="squared_error",
        rule=L2(0.0),
        max_epochs=1,
        batch_size=9,
        learning_rate=lr,
        hidden_layer_sizes=(),
    )
    result = opts.train([textbook / 9], [member(X, Y)], seed=SEED)
    row = start_row(PerceptronLayout((3, 2)), opts)
    W, b = row[:6].view(3, 2), row[6:]
    error = X @ W + b - Y
    dW, db = 2 / (9 * 2) * X.T @ error, 2 / (9 * 2) * error.sum(0)
    expected = torch.cat([((1 - lr * textbook / 9) * W - lr * dW).flatten(), b - lr * db])
    assert_close(torch.from_numpy(result.networks[0, 0]), expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("of", ["updated", "original"])
def test_the_engineers_decay_and_its_lambda(of):
    """×0.98 after the update, or 0.02 of the original weight; each equals L2 at the λ that is computed for it."""
    X, Y = problem(9, 3, 2, "softmax")
    lr, rate = 0.1, 0.02
    rule = WeightDecay(rate, of=of)
    lam = float(rule.lambda_at(lr))
    assert lam == pytest.approx(rate / (lr * (1 - rate)) if of == "updated" else rate / lr, rel=1e-15)
    common = {"max_epochs": 4, "batch_size": 9}
    decayed = recipe(rule=rule, learning_rate=lr, **common).train([lam], [member(X, Y)], seed=SEED)
    layout = PerceptronLayout((3, 4, 2))
    row = start_row(layout, recipe())
    n = layout.n_weights
    for _ in range(4):
        w = row.clone().requires_grad_()
        (grad,) = torch.autograd.grad(plain_loss("softmax", plain_outputs(layout, w, "tanh", X), Y).mean(), w)
        new = row - lr * grad
        new[:n] = 0.98 * new[:n] if of == "updated" else new[:n] - rate * row[:n]
        row = new
    assert_close(torch.from_numpy(decayed.networks[0, 0]), row, rtol=1e-12, atol=1e-13)


def test_of_the_original_is_l2_for_plain_sgd_and_of_the_updated_is_not():
    X, Y = problem(9, 3, 2, "softmax")
    nets = {}
    for name, rule in (
        ("l2", L2(0.0)),
        ("original", WeightDecay(0.0, of="original")),
        ("updated", WeightDecay(0.0)),
    ):
        opts = recipe(rule=rule, max_epochs=5, batch_size=9)
        nets[name] = torch.from_numpy(opts.train([0.2], [member(X, Y)], seed=SEED).networks)
    assert_close(nets["original"], nets["l2"], rtol=1e-12, atol=1e-13)
    assert (nets["updated"] - nets["l2"]).abs().max() > 1e-4  # its steps are lr·(1 − rate) long


def test_l2sp_pulls_toward_the_start_against_the_gradient():
    X, Y = problem(9, 3, 2, "softmax")
    lr, lam = 0.1, 0.7
    opts = recipe(rule=CATALOGUE["l2_sp"](0.0), max_epochs=4, batch_size=9, learning_rate=lr)
    trained = opts.train([lam], [member(X, Y)], seed=SEED).networks[0, 0]
    layout = PerceptronLayout((3, 4, 2))
    start = row = start_row(layout, opts)
    for _ in range(4):
        w = row.clone().requires_grad_()
        C = plain_loss("softmax", plain_outputs(layout, w, "tanh", X), Y).mean()
        J = C + lam / 2 * (w - start)[: layout.n_weights].square().sum()
        row = row - lr * torch.autograd.grad(J, w)[0]
    assert_close(torch.from_numpy(trained), row, rtol=1e-12, atol=1e-13)


def test_l2sp_leaves_the_start_where_it_is():
    """With a gradient of 0 (identity net on zero inputs and targets), the decay of w − w₀ leaves w₀ where it is."""
    X, Y = torch.zeros(6, 3, dtype=torch.float64), torch.zeros(6, 2, dtype=torch.float64)
    opts = recipe(rule=CATALOGUE["l2_sp"](0.0), loss="squared_error", hidden_layer_sizes=(), batch_size=6)
    result = opts.train([0.5], [member(X, Y)], seed=SEED)
    assert torch.equal(torch.from_numpy(result.networks[0, 0]), start_row(PerceptronLayout((3, 2)), opts))


@pytest.mark.parametrize("rule, optimizer", RULED)
def test_a_network_of_the_stack_is_the_same_network_alone(rule, optimizer):
    X, Y = problem(23, 3, 2, "softmax")
    opts = recipe(
        rule=CATALOGUE[rule](0.0),
        optimizer=optimizer,
        momentum=0.9 if optimizer == "sgd" else 0.0,
        max_epochs=4,
    )
    members = [member(X, Y, fold=fold, restart=r, n_train=17) for fold in range(2) for r in range(2)]
    stack = opts.train(LAMBDAS, members, seed=SEED)
    for g, one in enumerate(members):
        for i, lam in enumerate(LAMBDAS):
            alone = opts.train([lam], [one], seed=SEED)
            for name in ("networks", "train_loss", "validation_loss", "final_train_loss"):
                np.testing.assert_allclose(
                    getattr(stack, name)[g, i], getattr(alone, name)[0, 0], rtol=1e-12, atol=1e-13
                )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_do_not_depend_on_the_cut(dtype):
    """Float32 too: the same networks in stacks of 1, 3 and 12."""
    X, Y = problem(40, 13, 3, "softmax")
    X, Y = X.to(getattr(torch, dtype)), Y.to(getattr(torch, dtype))
    opts = recipe(hidden_layer_sizes=(11,), optimizer="adam", dtype=dtype, batch_size=8, max_epochs=5)
    lambdas = [0.0, *(10.0**-k for k in range(1, 12))]
    whole = opts.train(lambdas, [member(X, Y, n_train=30)], seed=SEED)
    for size in (1, 3):
        for start in range(0, 12, size):
            part = opts.train(lambdas[start : start + size], [member(X, Y, n_train=30)], seed=SEED)
            assert (part.networks[0] == whole.networks[0, start : start + size]).all()
            assert (part.validation_loss[0] == whole.validation_loss[0, start : start + size]).all()


@pytest.mark.parametrize("rule, optimizer", RULED)
def test_strength_zero_is_no_rule_bit_for_bit(rule, optimizer, monkeypatch):
    X, Y = problem(20, 3, 2, "softmax")
    opts = recipe(rule=CATALOGUE[rule](0.0), optimizer=optimizer, dtype="float32")
    rows = member(X.float(), Y.float())
    ruled = opts.train([0.0], [rows], seed=SEED).networks
    for moment in ("add_gradient", "before_step", "after_step"):
        monkeypatch.setattr(Pull, moment, lambda *_: None)
    monkeypatch.setattr(EngineBlock, "_pull", lambda *_: NO_PULL)
    np.testing.assert_array_equal(ruled, opts.train([0.0], [rows], seed=SEED).networks)


@pytest.mark.parametrize("decay_biases", [False, True])
def test_biases_are_exempt_by_default(decay_biases):
    """Zero inputs and a zero-slope loss: only the decay moves anything, by (1 − ηλ) a step."""
    X, Y = torch.zeros(4, 3, dtype=torch.float64), torch.zeros(4, 2, dtype=torch.float64)
    opts = recipe(
        loss="squared_error", hidden_layer_sizes=(), batch_size=4, max_epochs=5, decay_biases=decay_biases
    )
    result = opts.train([0.5], [member(X, Y)], seed=SEED)
    start = start_row(PerceptronLayout((3, 2)), opts)
    assert_close(
        torch.from_numpy(result.networks[0, 0, :6]), start[:6] * (1 - 0.1 * 0.5) ** 5, rtol=1e-12, atol=0
    )

    # the biases start at 0, so their decay shows only once the targets have moved them
    Y = torch.ones(4, 2, dtype=torch.float64)
    result = opts.train([0.5], [member(X, Y)], seed=SEED)
    bias = 0.0
    for _ in range(5):
        bias -= 0.1 * ((bias - 1) + (0.5 * bias if decay_biases else 0.0))
    assert_close(
        torch.from_numpy(result.networks[0, 0, 6:]),
        torch.full((2,), bias, dtype=torch.float64),
        rtol=1e-12,
        atol=0,
    )


def test_a_network_taken_early_is_the_shorter_runs():
    X, Y = problem(20, 3, 2, "softmax")
    both = recipe(max_epochs=6).train([0.1, 0.2], [member(X, Y)], seed=SEED, epochs=[2, 6])
    short = recipe(max_epochs=2).train([0.1], [member(X, Y)], seed=SEED)
    assert (both.networks[0, 0] == short.networks[0, 0]).all()
    assert both.final_train_loss[0, 0] == short.final_train_loss[0, 0]


def test_the_cosine_ends_near_zero_and_halves_in_the_middle():
    opts = settings_of(recipe(schedule="cosine", learning_rate=0.4))
    assert learning_rate(opts, 0, 100) == 0.4
    assert learning_rate(opts, 50, 100) == pytest.approx(0.2)
    assert 0 < learning_rate(opts, 99, 100) < 1e-3


def test_reported_penalty_and_losses_are_those_of_the_networks():
    X, Y = problem(20, 3, 2, "softmax")
    result = recipe().train([0.3], [member(X, Y, n_train=15)], seed=SEED)
    layout, row = PerceptronLayout((3, 4, 2)), torch.from_numpy(result.networks[0, 0])
    w = row[: layout.n_weights]
    assert result.final_penalty[0, 0] == pytest.approx(0.15 * float(w @ w), rel=1e-12)
    for rows, got in (
        (slice(0, 15), result.final_train_loss[0, 0]),
        (slice(15, 20), result.validation_loss[0, 0, -1]),
    ):
        z = plain_outputs(layout, row, "tanh", X[rows])
        assert got == pytest.approx(float(plain_loss("softmax", z, Y[rows]).mean()), rel=1e-12)


def test_rows_read_lazily_are_those_settled(monkeypatch):
    X, Y = problem(50, 3, 2, "softmax")
    usual = recipe().train(LAMBDAS, [member(X, Y, n_train=40)], seed=SEED)
    monkeypatch.setattr("shrinkage.training._rows.CONTIGUOUS_ELEMENTS", 0)
    monkeypatch.setattr("shrinkage.training.backprop._stacked_trainee.SCORED_ELEMENTS", 200)
    lazy = recipe().train(LAMBDAS, [member(X, Y, n_train=40)], seed=SEED)
    assert (usual.networks == lazy.networks).all()
    assert_close(torch.from_numpy(usual.validation_loss), torch.from_numpy(lazy.validation_loss))


def test_weights_of_mean_one_scale_each_rows_loss():
    X, Y = problem(6, 3, 2, "softmax")
    twice = Rows(X=X, Y=Y, weight=torch.tensor([2.0, 2, 2, 0, 0, 0], dtype=torch.float64)[:, None])
    weighted = recipe(batch_size=6).train([0.1], [Member(0, 0, twice, None)], seed=SEED)
    half = recipe(batch_size=3).train([0.1], [member(X[:3], Y[:3])], seed=SEED)
    assert_close(torch.from_numpy(weighted.networks), torch.from_numpy(half.networks), rtol=1e-12, atol=1e-13)
