"""A rule on a GPU: fused and capturable optimizers, captured steps, and what is refused without a GPU."""

import pytest
import torch
from torch import nn

from attachment_cases import make_model
from rules_cases import ROWS
from shrinkage._errors import RequestError
from shrinkage.attachment import attach
from shrinkage.rules import L2, Decoupled, WeightDecay

STEPS = 5
on_gpu = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")]
BUILDS = {
    "fused": {"fused": True},
    "foreach": {"foreach": True},
    "capturable": {"capturable": True},
    "for-loop": {"foreach": False},
}


def trained(device, rule, **options):
    model = make_model(torch.float32).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0, **options)
    attach(optimizer, rule, model=model)
    for t in range(STEPS):
        generator = torch.Generator().manual_seed(t)
        optimizer.zero_grad()
        model(torch.randn(16, 5, generator=generator).to(device)).square().mean().backward()
        optimizer.step()
    return [p.detach().cpu() for p in model.parameters()]


class TestOnTheGpu:
    pytestmark = on_gpu

    @pytest.mark.parametrize("options", BUILDS.values(), ids=BUILDS)
    @pytest.mark.parametrize(
        "rule_name", ["Decoupled lr", "L2", "L2SP", "Cautious", "ConstrainedNorm relative"]
    )
    def test_every_implementation_does_what_the_cpu_does(self, rule_name, options):
        rule = ROWS[rule_name].rule
        for a, b in zip(trained("cuda", rule, **options), trained("cpu", rule), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)

    def test_a_captured_step_repeats_its_strength(self):
        model = nn.Linear(8, 4, bias=False).cuda()
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0, capturable=True)
        attach(optimizer, Decoupled(0.1), model=model)
        model.weight.grad = torch.zeros_like(model.weight)
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            for _ in range(3):
                optimizer.step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            optimizer.step()
        before = model.weight.detach().clone()
        for _ in range(10):
            graph.replay()
        torch.cuda.synchronize()
        torch.testing.assert_close(model.weight.detach(), before * 0.99**10, rtol=1e-4, atol=0)


@pytest.mark.parametrize("rule", [Decoupled(0.1), WeightDecay(0.1), L2(0.1)], ids=["before", "after", "loss"])
@pytest.mark.parametrize("lower", [True, False])
def test_a_capturable_step_on_the_cpu_is_refused_before_anything_moves(rule, lower: bool):
    """torch refuses it too, but only after the hooks, when a rule would have pulled already."""
    model = make_model(torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0, capturable=True)
    handle = attach(optimizer, rule, model=model, lower=lower)
    before = [p.detach().clone() for p in model.parameters()]
    grads = [torch.ones_like(p) for p in model.parameters()]
    for p, grad in zip(model.parameters(), grads, strict=True):
        p.grad = grad
    with pytest.raises(RequestError, match="capturable=True, which needs a GPU"):
        optimizer.step()
    assert handle.steps == 0
    for p, w, grad in zip(model.parameters(), before, grads, strict=True):
        assert torch.equal(p, w)
        assert p.grad is grad


def test_the_handle_says_what_it_is():
    model = make_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0)
    handle = attach(optimizer, Decoupled(0.1), model=model)
    held, held_by_it = 2, 2
    assert repr(handle).startswith("<Decoupled 0.1 × lr on AdamW")
    told = (
        f"on AdamW: {held} of {len(handle.claims)} parameters, {held_by_it} by the optimizer itself; 0 steps>"
    )
    assert repr(handle).endswith(told)
    handle.remove()
    assert repr(handle).endswith("on AdamW: removed>")
