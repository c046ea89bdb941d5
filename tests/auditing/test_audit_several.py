"""Several optimizers of one model, schedulers of every kind, steps that are compiled, modules without values."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from auditing_cases import matrices, net, rest
from shrinkage import RequestError
from shrinkage.auditing import audit
from shrinkage.strength import short
from shrinkage.sweeps import good_words, useful_range


def two(model, *, shared=()):
    """SGD on the matrices, AdamW on the rest."""
    return [
        torch.optim.SGD(matrices(model), lr=0.1, weight_decay=1e-3),
        torch.optim.AdamW([*rest(model), *shared], lr=1e-3, weight_decay=0.0),
    ]


def test_every_parameter_stands_once_in_one_table():
    model = net()
    found = audit(two(model), model)
    assert found.optimizer == "SGD + AdamW"
    assert [(g.group, len(g.parameters)) for g in found.groups] == [(0, 2), (1, 4)]
    assert found.groups[0].shrink == pytest.approx(1e-4)
    assert "in-no-group" not in {f.code for f in found.findings}


def test_what_no_optimizer_holds_is_found():
    model = net()
    sgd, _ = two(model)
    adamw = torch.optim.AdamW(rest(model)[:-1])
    forgotten = [f for f in audit([sgd, adamw], model).findings if f.code == "in-no-group"]
    assert [f.parameters for f in forgotten] == [("3.bias",)]


def test_what_two_optimizers_hold_is_decayed_twice():
    model = net()
    twice = [
        f for f in audit(two(model, shared=matrices(model)[:1]), model).findings if f.code == "decayed-twice"
    ]
    assert [f.parameters for f in twice] == [("0.weight",)]
    assert "groups 0, 1" in twice[0].measured


def test_a_scheduler_moves_its_own_optimizer_alone():
    model = net()
    sgd, adamw = two(model)
    adamw.param_groups[0]["weight_decay"] = 0.1
    halves = torch.optim.lr_scheduler.LambdaLR(sgd, lambda t: 0.5 ** (t // 50))
    found = audit([sgd, adamw], model, steps=100, scheduler=[halves])
    removed = 1 - math.exp(50 * math.log1p(-1e-4) + 50 * math.log1p(-5e-5))
    assert f"removes {100 * removed:.2g} %" in found.groups[0].sentence
    assert f"removes {100 * (1 - (1 - 1e-4) ** 100):.2g} %" in found.groups[1].sentence


@pytest.mark.parametrize(
    "scheduler", [lambda t: 1 - t / 100, lambda t: 0.1 * (1 - t / 100)], ids=["factor", "rate"]
)
def test_a_function_of_the_steps_is_a_schedule(scheduler):
    model = net()
    optimizer = torch.optim.SGD(matrices(model), lr=0.1, weight_decay=1e-3)
    told = [
        audit(optimizer, model, steps=100, scheduler=s).groups[0].sentence
        for s in (scheduler, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 - t / 100))
    ]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    "scheduler, words", [(3, "got 3"), (lambda: 1.0, "it raised TypeError")], ids=["number", "bare"]
)
def test_what_is_no_schedule_is_refused(scheduler, words):
    model = net()
    with pytest.raises(RequestError, match=words):
        audit(torch.optim.SGD(model.parameters(), lr=0.1), model, steps=10, scheduler=scheduler)


def test_lazy_modules_and_meta_tensors_are_refused_in_a_sentence():
    lazy = nn.LazyLinear(4)
    with pytest.raises(RequestError, match=r"weight belongs to a lazy module .* Run the model once"):
        audit(torch.optim.AdamW(lazy.parameters()), lazy)
    meta = nn.Linear(3, 2, device="meta")
    with pytest.raises(RequestError, match="meta device and have no values"):
        audit(torch.optim.AdamW(meta.parameters()), meta)
    with pytest.raises(RequestError, match="got an empty list"):
        audit([], meta)


def test_a_compiled_part_of_a_step_runs_uncompiled():
    compiled = []

    def backend(graph, _):
        compiled.append(graph)
        return graph.forward

    @torch.compile(backend=backend)
    def decay(w, factor):
        return w * factor

    class Compiled(torch.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.1, "weight_decay": 0.1})

        @torch.no_grad()
        def step(self, closure: Any = None) -> Any:
            for p in self.param_groups[0]["params"]:
                p.copy_(decay(p, 1 - 0.1 * self.param_groups[0]["weight_decay"]))

    model = nn.Linear(6, 4)
    assert audit(Compiled(model.parameters()), model).groups[0].shrink == pytest.approx(0.01)
    assert not compiled


def test_a_group_says_what_its_strength_does_in_the_run():
    """0.1 at lr 3e-4 removes 3e-5 per step: 1/(3e-5) steps of 32 in 25,000 rows are 42.7 epochs."""
    model = net()
    optimizer = torch.optim.AdamW(matrices(model), lr=3e-4, weight_decay=0.1)
    (group,) = audit(optimizer, model, rows=25_000, batch_size=32, steps=2031).groups
    assert group.sentence.startswith(
        "0.1 at lr 0.0003 forgets over 42.7 epochs; your run has 2.6: it removes 5.9 % in all"
    )
    told = useful_range("torch.optim.AdamW", lr=3e-4, steps=2031, rows=25_000, batch_size=32)
    assert told.good is not None
    assert (
        f"strengths that act here lie between {short(told.low, 2)} and {short(told.high, 2)}; "
        f"{good_words(told.good)}." in group.sentence
    )


def test_a_penalty_in_an_adaptive_step_is_judged_at_the_present_gradients():
    """lr·λ over the gradients' size of 0.2: 1e-3·0.01/0.2 = 5e-5 per step."""
    model = nn.Linear(16, 8, bias=False)
    model.weight.grad = 0.2 * torch.ones(8, 16).copysign(torch.randn(8, 16))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=0.01)
    (group,) = audit(optimizer, model, steps=50_000).groups
    told = useful_range("torch.optim.Adam", lr=1e-3, steps=50_000, gradient_rms=0.2)
    assert told.good is not None
    assert "at the present gradients about 5e-05 of a weight is removed per step" in group.sentence
    assert group.sentence.endswith(f"{good_words(told.good)}.")


@pytest.mark.parametrize("lam, code", [(1e-3, "timescale-long"), (40.0, "vanishes")])
def test_findings_about_the_run_say_where_good_values_lie(lam, code):
    model = nn.Linear(16, 8, bias=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=lam)
    found = {f.code: f.advice for f in audit(optimizer, model, steps=2031).findings}
    told = useful_range("torch.optim.AdamW", lr=3e-4, steps=2031)
    assert told.good is not None
    assert found[code].endswith(f" In this run {good_words(told.good)}.")


def test_a_timescale_of_exactly_the_run_and_the_epoch_is_neither_long_nor_short():
    model = nn.Linear(16, 8, bias=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1.0)
    assert not audit(optimizer, model, rows=32_000, batch_size=32, steps=1000).findings


@pytest.mark.parametrize(
    "freeze, words", [(False, "No decay: only gradients move it."), (True, "Frozen: it stays as it is.")]
)
def test_frozen_weights_are_reported_as_frozen(freeze, words):
    model = nn.Linear(4, 3, bias=False)
    model.weight.requires_grad_(not freeze)
    (group,) = audit(torch.optim.SGD(model.parameters(), lr=0.1), model).groups
    assert group.sentence == words
    assert (group.rule == "frozen") is freeze


def test_a_frozen_weight_that_a_stale_gradient_moves_is_an_error():
    model = nn.Linear(4, 3, bias=False)
    model(torch.ones(1, 4)).sum().backward()
    model.weight.requires_grad_(False)
    findings = audit(torch.optim.SGD(model.parameters(), lr=0.1), model).findings
    assert [(f.code, f.severity) for f in findings] == [("frozen-decayed", "error")]


def test_an_optimizer_that_never_stepped_has_no_rows_without_gradients():
    model = nn.Linear(8, 4)
    codes = {
        f.code for f in audit(torch.optim.Adagrad(model.parameters(), weight_decay=0.01), model).findings
    }
    assert "zero-grad-decayed" not in codes


@pytest.mark.parametrize(
    "schedule", [None, lambda t: 0.5 * (1 + math.cos(math.pi * t / 100))], ids=["constant", "cosine"]
)
def test_short_and_long_timescales_do_not_contradict(schedule):
    """A run of one epoch whose timescale is one epoch: 100 steps of 10 in 1000 rows, s = 0.01."""
    model = net()
    optimizer = torch.optim.AdamW(matrices(model), lr=0.1, weight_decay=0.1)
    found = audit(optimizer, model, rows=1000, batch_size=10, steps=100, scheduler=schedule)
    assert "timescale-short" not in {f.code for f in found.findings}


def test_swapped_groups_are_one_finding():
    model = net()
    groups = [{"params": matrices(model), "weight_decay": 0.0}, {"params": rest(model), "weight_decay": 0.1}]
    findings = audit(torch.optim.AdamW(groups), model).findings
    assert [(f.code, f.severity) for f in findings] == [("swapped-groups", "error")]


def fine_tuned(vocabulary=50):
    """A small transformer with its parameters in the groups that a stock trainer makes, after a step."""
    torch.manual_seed(0)
    model = nn.ModuleDict(
        {
            "word_embeddings": nn.Embedding(vocabulary, 16),
            "position_embeddings": nn.Embedding(8, 16),
            "layer": nn.TransformerEncoderLayer(16, 2, 32, batch_first=True),
            "classifier": nn.Linear(16, 2),
        }
    )
    is_exempt = {name: "norm" in name or name.endswith("bias") for name, _ in model.named_parameters()}
    groups = [
        {"params": [p for n, p in model.named_parameters() if not is_exempt[n]], "weight_decay": 0.01},
        {"params": [p for n, p in model.named_parameters() if is_exempt[n]], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=2e-5)
    for _ in range(2):
        optimizer.zero_grad()
        h = model["word_embeddings"](torch.tensor([[1, 2, 3, 4]])) + model["position_embeddings"](
            torch.arange(4)
        )
        model["classifier"](model["layer"](h)).square().sum().backward()
        optimizer.step()
    return model, optimizer


def test_stock_fine_tuning_raises_no_alarm():
    model, optimizer = fine_tuned()
    decline = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: max(0.0, 1 - t / 300))
    found = audit(optimizer, model, rows=3200, batch_size=32, steps=300, scheduler=decline)
    assert [f.code for f in found.findings if f.severity != "note"] == []


class Coupled(torch.optim.AdamW):
    """A subclass that sends the decay through the gradient."""

    def __init__(self, params, **options):
        super().__init__(params, **options)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = False


@pytest.mark.parametrize(
    "kind, advice",
    [
        (torch.optim.Adam, "decoupled_weight_decay=True"),
        (torch.optim.RMSprop, "shrinkage.attach"),
        (Coupled, "decoupled_weight_decay=True"),
    ],
)
def test_the_advice_fits_the_class(kind, advice):
    model = net()
    findings = audit(kind(matrices(model), lr=1e-3, weight_decay=0.1), model).findings
    (found,) = [f for f in findings if f.code == "adam-l2"]
    assert advice in found.advice
    assert "Use AdamW" not in found.advice or kind is torch.optim.Adam
    assert found.advice in found.sentence


def test_optimizers_in_lists_of_lists_or_a_dict_are_audited_once_each():
    model = net()
    sgd, adamw = two(model)
    expected = [(g.group, g.parameters, g.rule) for g in audit([sgd, adamw], model).groups]
    for given in ([[sgd], [adamw]], (sgd, [adamw]), {"matrices": sgd, "rest": adamw}, [sgd, adamw, sgd]):
        found = audit(given, model)
        assert [(g.group, g.parameters, g.rule) for g in found.groups] == expected
        assert "decayed-twice" not in {f.code for f in found.findings}


def test_a_wrapper_that_is_no_optimizer_is_refused_with_the_one_inside():
    class Wrapper:
        def __init__(self, base):
            self.base = base

    with pytest.raises(RequestError, match=r"Give the optimizer inside it, its .base, of SGD"):
        audit(Wrapper(two(net())[0]))  # pyright: ignore[reportArgumentType]


class Counted:
    """A scheduler in timm's manner: it is given the count, and multiplies by each group's lr_scale."""

    t_in_epochs = False

    def __init__(self, optimizer, of):
        self.optimizer, self.of = optimizer, of
        self.base = [group["lr"] for group in optimizer.param_groups]

    def step(self, epoch) -> None:
        raise AssertionError("this one counts updates")

    def step_update(self, num_updates, metric=None):
        for group, lr in zip(self.optimizer.param_groups, self.base, strict=True):
            group["lr"] = lr * self.of(num_updates) * group.get("lr_scale", 1.0)


class Epochs(Counted):
    t_in_epochs = True

    def step(self, epoch):
        self.step_update(epoch)


@pytest.mark.parametrize("kind, every", [(Counted, 1), (Epochs, 10)])
def test_a_scheduler_that_is_told_the_count_is_planned_ahead(kind, every):
    model = net()
    optimizer = torch.optim.SGD(matrices(model), lr=0.1, weight_decay=1e-3)
    declines = [
        kind(optimizer, lambda t: 1 - every * t / 100),
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 - every * t / 100),
    ]
    told, plain = (
        audit(optimizer, model, steps=100, scheduler=s, scheduler_every=every).groups[0].sentence
        for s in declines
    )
    assert told == plain
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_a_multiplier_that_the_scheduler_reads_is_no_finding():
    model = net()
    groups = [
        {"params": matrices(model), "lr_scale": 0.5, "weight_decay": 0.01},
        {"params": rest(model), "lr_scale": 1.0, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    unread = {
        name: [
            f.severity
            for f in audit(optimizer, model, steps=50, scheduler=schedule).findings
            if f.code == "unread-multiplier"
        ]
        for name, schedule in {
            "none": None,
            "reads": Counted(optimizer, lambda t: 1.0),
            "doesn't": torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1.0),
        }.items()
    }
    assert unread == {"none": ["note"], "reads": [], "doesn't": ["warning"]}


@pytest.mark.parametrize("peak", [1.0, 3e-4], ids=["factor", "rate"])
def test_a_function_is_a_schedule_in_a_warm_up_from_zero_too(peak):
    model = net()
    optimizer = torch.optim.AdamW(matrices(model), lr=3e-4, weight_decay=1.0)
    warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: t / 100)
    assert optimizer.param_groups[0]["lr"] == 0
    given, planned = (
        audit(optimizer, model, steps=100, scheduler=s).groups[0].sentence
        for s in (lambda t: peak * t / 100, warmup)
    )
    assert given == planned
    assert "it removes 1.5 % in all" in given


class Idle(torch.optim.Optimizer):
    """Moves by the gradient's sign, decays beside it, and skips a step of zero gradients, as Prodigy does."""

    def __init__(self, params, lr, weight_decay, divides=False):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self.divides = divides

    @torch.no_grad()
    def step(self, closure=None):  # pyright: ignore[reportIncompatibleMethodOverride] no loss
        total = sum(float(p.grad.abs().sum()) for g in self.param_groups for p in g["params"])
        if not total and not self.divides:
            return
        scale = total / total
        for group in self.param_groups:
            for p in group["params"]:
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(p.grad.sign(), alpha=-group["lr"] * scale)


@pytest.mark.parametrize("divides", [False, True], ids=["skips", "divides by zero"])
@pytest.mark.parametrize("shrink, lost", [(1e-5, True), (0.009, False)])
def test_rounding_is_judged_where_a_step_of_zeros_does_nothing(shrink, lost, divides):
    torch.manual_seed(0)
    layer = nn.Linear(32, 16, bias=False, dtype=torch.bfloat16)
    optimizer = Idle(layer.parameters(), lr=1e-4, weight_decay=shrink / 1e-4, divides=divides)
    unfed = audit(optimizer, layer)
    assert "rounded-away" not in {f.code for f in unfed.findings}
    if lost:
        assert any("rounded-away" in part.partly for part in unfed.unchecked)
    layer.weight.grad = torch.randn_like(layer.weight)
    found = audit(optimizer, layer)
    assert found.groups[0].shrink == pytest.approx(shrink, rel=1e-6)
    assert ("rounded-away" in {f.code for f in found.findings}) is lost


@pytest.mark.parametrize("shrink, found", [(0.1 * 0.1, False), (0.0101, True)])
def test_decay_vanishes_beyond_one_percent_not_at_it(shrink, found):
    model = net()
    optimizer = torch.optim.AdamW(matrices(model), lr=0.1, weight_decay=shrink / 0.1)
    assert ("vanishes" in {f.code for f in audit(optimizer, model).findings}) is found


def test_a_class_that_was_built_decoupled_is_what_it_says():
    class DAdaptAdam(torch.optim.AdamW):
        def __init__(self, params, **options):
            super().__init__(params, **options)
            self.defaults["decouple"] = True
            del self.defaults["decoupled_weight_decay"]

    model = net()
    optimizer = DAdaptAdam(matrices(model), lr=1e-3, weight_decay=0.1)
    assert "adam-is-adamw" not in {f.code for f in audit(optimizer, model).findings}
