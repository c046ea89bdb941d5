"""The loss of several quantiles of one target: each level's own loss, its order, its gradient, its names."""

import pytest
import torch
from torch.testing import assert_close

from shrinkage._errors import RequestError
from shrinkage.networks import LOSSES, PerceptronLayout, PerceptronStack, loss_named, quantile_key
from stack_cases import plain_outputs, problem, rows_of

LEVELS = (0.1, 0.5, 0.9)
KEY = quantile_key(*LEVELS)


def one_target(n: int = 40, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs (n, 3) and a target, repeated as often (n, 3)."""
    g = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 3, generator=g, dtype=torch.float64)
    return z, torch.randn(n, 1, generator=g, dtype=torch.float64).expand(n, 3)


def test_the_loss_is_the_mean_of_each_levels_own():
    z, Y = one_target()
    alone = [loss_named(quantile_key(q)).of_rows(z[:, [j]].T, Y[:, [j]].T) for j, q in enumerate(LEVELS)]
    assert_close(loss_named(KEY).of_rows(z.T, Y.T), torch.stack(alone).mean(0))


def test_sorting_a_row_never_raises_its_loss_nor_changes_its_share():
    (z, Y), loss = one_target(2000), loss_named(KEY)
    ordered = loss.predict(z)
    before, after = loss.of_rows(z.T, Y.T), loss.of_rows(ordered.T, Y.T)
    crossed = (z.diff(dim=-1) < 0).any(-1)
    assert crossed.double().mean() > 0.5
    assert (ordered.diff(dim=-1) >= 0).all()
    assert (after <= before + 1e-12).all()
    assert (after < before - 1e-9)[crossed].double().mean() > 0.9
    assert torch.equal(loss.hits(z.T, Y.T), loss.hits(ordered.T, Y.T))


def test_the_gradient_is_autograds():
    layout, (X, Y) = PerceptronLayout((5, 4, 3)), problem(7, 5, 3, KEY)
    rows = rows_of(layout, K=2)
    stack = PerceptronStack(layout, "tanh", loss_named(KEY), rows)
    z = stack.flat.new_empty(2, 7, stack.padded.sizes[-1])
    stack.gradient_(torch.nn.functional.pad(X, (0, stack.padded.sizes[0] - 5)), Y, None, z)
    q = torch.tensor(LEVELS, dtype=torch.float64)
    for k, row in enumerate(rows):
        w = row.clone().requires_grad_()
        r = Y - plain_outputs(layout, w, "tanh", X)
        loss = torch.maximum(q * r, (q - 1) * r).mean()
        assert_close(stack.gradients.rows()[k], torch.autograd.grad(loss, w)[0], rtol=1e-10, atol=1e-12)


def test_the_best_constants_are_the_quantiles():
    y = torch.arange(1.0, 11.0, dtype=torch.float64)[torch.randperm(10, generator=torch.Generator())]
    found = loss_named(KEY).best_constant(y[:, None].expand(10, 3), torch.ones(10, dtype=torch.float64))
    assert found.tolist() == [1, 5, 9]


def test_one_level_is_the_loss_of_that_level():
    assert quantile_key(0.5) == "quantile"
    assert loss_named(quantile_key(0.9)) is loss_named("quantile:0.9")
    assert loss_named(quantile_key(1 / 3, 0.5)).levels == (1 / 3, 0.5)
    assert LOSSES["quantile"].levels == ()


def test_outputs_are_named_by_their_level():
    assert loss_named("quantile:0.05,0.5").output_names(["price"]) == (
        "price quantile 0.05",
        "price quantile 0.5",
    )
    assert LOSSES["huber"].output_names(["a", "b"]) == ("a", "b")


@pytest.mark.parametrize(
    "key",
    [
        "quantile:0.9,0.1",
        "quantile:0.1,0.1",
        "quantile:0.5,1",
        "quantile:0,0.5",
        "quantile:0.1,",
        "quantile:0.1,x",
    ],
)
def test_levels_that_do_not_ascend_between_0_and_1_are_refused(key: str):
    with pytest.raises(RequestError, match=r"levels must be different, ascend|must be one of softmax"):
        loss_named(key)
