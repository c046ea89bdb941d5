"""Set-ups that provoke one finding each, and their nearest neighbours: functions that give the codes found."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from auditing_cases import adamw, after_each_step, before_each_step, codes, matrices, net, rest, sgd, trained
from shrinkage.attachment import attach
from shrinkage.rules import Decoupled


def pull(p, strength):
    p.grad.add_(p, alpha=strength)


def push(p, strength):
    p.grad.add_(p.sign(), alpha=strength)


def penalized(strength):
    def case():
        model = net()
        return codes(
            before_each_step(torch.optim.SGD(model.parameters(), lr=0.1), lambda p: pull(p, strength)), model
        )

    return case


def pushed(strength, kind: Any = torch.optim.SGD, **options):
    """A constant pull toward 0 in the gradient, or with a negative strength away from it."""

    def case():
        model = net()
        optimizer = kind(matrices(model), lr=0.1, **options)
        return codes(before_each_step(optimizer, lambda p: push(p, strength)), model)

    return case


def with_loss(factor, decay=1e-3, size=torch.square):
    def case():
        model = net()
        x = torch.randn(8, 12)

        def loss():
            return model(x).square().mean() + factor * sum(size(p).sum() for p in model.parameters())

        optimizer = torch.optim.SGD(matrices(model), lr=0.1, weight_decay=decay)
        return codes(optimizer, loss=loss)

    return case


def kept_at_norm(start):
    """Weights that a hook pulls to norm 1, from within or from outside."""

    def case():
        model = net()
        with torch.no_grad():
            for p in matrices(model):
                p.mul_(start / p.norm())
        optimizer = torch.optim.SGD(matrices(model), lr=0.1)
        return codes(after_each_step(optimizer, lambda p: p.mul_(1 + 0.1 * (1 / p.norm() - 1))), model)

    return case


def negative(strength):
    def case():
        model = net()
        groups = [{"params": [*model.parameters()], "weight_decay": strength}]
        return codes(torch.optim.SGD(groups, lr=0.1), model)

    return case


def rounded(lr, decay, dtype=torch.float32):
    def case():
        model = net().to(dtype)
        return codes(torch.optim.AdamW(matrices(model), lr=lr, weight_decay=decay), model)

    return case


def summed(lr, decay, gradient, dtype, kind: Any = torch.optim.SGD, **options):
    """L2 in the gradient, beside gradients of this size."""

    def case():
        torch.manual_seed(0)
        model = nn.Linear(64, 64, bias=False, dtype=dtype)
        model.weight.grad = gradient * torch.randn_like(model.weight)
        return codes(kind(model.parameters(), lr=lr, weight_decay=decay, **options), model)

    return case


def summed_later(kind: Any, lr, decay, gradient, dtype=torch.bfloat16, end=0.0, **options):
    """L2 in the gradient, under a cosine that takes the learning rate to `end` of its start."""

    def case():
        torch.manual_seed(0)
        model = nn.Linear(64, 64, bias=False, dtype=dtype)
        model.weight.grad = gradient * torch.randn_like(model.weight)
        optimizer = kind(model.parameters(), lr=lr, weight_decay=decay, **options)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1000, eta_min=end * lr)
        return codes(optimizer, model, steps=1000, scheduler=schedule)

    return case


def rounded_later(decay):
    def case():
        model = net()
        optimizer = torch.optim.AdamW(matrices(model), lr=1e-3, weight_decay=decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1000)
        return codes(optimizer, model, steps=1000, scheduler=schedule)

    return case


def twice():
    model = net()
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optimizer = torch.optim.SGD([*model.parameters(), *matrices(model)], lr=0.1, weight_decay=1e-3)
    return codes(optimizer, model)


def frozen(stale):
    def case():
        model = net()
        optimizer = trained(model, sgd(model))
        matrices(model)[0].requires_grad_(False)
        if not stale:
            matrices(model)[0].grad = None
        return codes(optimizer, model)

    return case


class Eager(torch.optim.SGD):
    """Replaces missing gradients by zeros, as several versions of Muon do."""

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    p.grad = torch.zeros_like(p)
        return super().step(closure)


def eager(kind):
    def case():
        model = net()
        return codes(kind(matrices(model), lr=0.1, momentum=0.9, weight_decay=1e-3), model)

    return case


class Shaped(torch.optim.Optimizer):
    """Decays by its group's number times what `share` makes of each parameter."""

    def __init__(self, params, lr=0.01, weight_decay=0.1, share: Any = None, key="group"):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})
        self.share, self.key = share or (lambda p: 1.0), key

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            options = group if self.key == "group" else self.defaults
            for p in group["params"]:
                if p.grad is not None:
                    p.mul_(1 - group["lr"] * options["weight_decay"] * self.share(p))
                    p.sub_(p.grad, alpha=group["lr"])


def by_share(share, model: Any = None):
    """An optimizer that decays each parameter by a share of what its group says."""

    def case():
        own = (model or net)()
        return codes(Shaped(own.parameters(), share=share), own)

    return case


def two_formats():
    """Weights in float32 and float64."""
    return nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False).double())


def two_groups(key):
    """Two groups, one of which says that nothing is decayed; read by the optimizer or not."""

    def case():
        model = net()
        groups = [{"params": matrices(model)}, {"params": rest(model), "weight_decay": 0.0}]
        return codes(Shaped(groups, key=key), model)

    return case


def fast(shrink):
    def case():
        model = net()
        return codes(
            after_each_step(torch.optim.SGD(matrices(model), lr=0.1), lambda p: p.mul_(1 - shrink)), model
        )

    return case


def sorted_groups(decayed, exempt):
    """Two groups, the first of which is decayed."""

    def case():
        model = net()
        groups = [
            {"params": decayed(model), "weight_decay": 0.1},
            {"params": exempt(model), "weight_decay": 0.0},
        ]
        return codes(torch.optim.AdamW(groups, lr=1e-3), model)

    return case


def multiplied(lrs):
    """Two groups whose multipliers are 1 and ½, at these learning rates."""

    def case():
        model = net()
        groups = [
            {"params": ps, "lr": lr, "lr_scale": scale, "weight_decay": 0.0}
            for ps, lr, scale in zip((matrices(model), rest(model)), lrs, (1.0, 0.5), strict=True)
        ]
        return codes(torch.optim.AdamW(groups), model)

    return case


def forgetting(parameters):
    def case():
        model = net()
        return codes(torch.optim.SGD(parameters(model), lr=0.1), model)

    return case


class Tied(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.head = nn.Linear(8, 20, bias=False)
        if how == "tied":
            self.head.weight = self.embedding.weight
        if how == "shared":
            self.head.weight = nn.Parameter(self.embedding.weight.data)


def tied(how, decay=1e-3):
    def case():
        model = Tied(how)
        return codes(torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=decay), model)

    return case


class Table(nn.Module):
    """A table of which a batch uses some rows, and a layer on it."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table, self.head = nn.Embedding(20, 8), nn.Linear(8, 3, bias=False)


def reached(rows, kind: Any = torch.optim.AdamW, keep=True, **options):
    """Two steps in which only these rows of the table are used; then the gradients are kept, or set to None."""

    def case():
        model = Table()
        optimizer = kind(model.parameters(), **{"lr": 1e-2, "weight_decay": 0.1, **options})
        if options.get("weight_decay") == 0:
            attach(optimizer, Decoupled(0.1), model=model, rows="touched")
        for _ in range(2):
            optimizer.zero_grad()
            model.head(model.table(torch.arange(rows))).square().sum().backward()
            optimizer.step()
        if not keep:
            optimizer.zero_grad()
        return codes(optimizer, model)

    return case


def masked(mask):
    """A layer whose gradient a hook multiplies by a mask."""

    def case():
        model = net()
        matrices(model)[0].register_hook(lambda grad: grad * mask)
        return codes(trained(model, adamw(model)), model)

    return case


def of(kind, **options):
    def case():
        model = net()
        return codes(kind(matrices(model), lr=1e-3, **options), model)

    return case


def affine(clocks):
    def case():
        model = net()
        optimizer = torch.optim.AdamW(matrices(model), lr=1e-2, weight_decay=0.1 if clocks == 2 else 0.0)
        return codes(after_each_step(optimizer, lambda p: p.mul_(1 - 1e-3)), model)

    return case


def loaded(kind, saved):
    def case():
        model = net()
        old = trained(model, saved(matrices(model), lr=1e-3, weight_decay=0.1))
        optimizer = kind(matrices(model), lr=1e-3, weight_decay=0.1)
        optimizer.load_state_dict(old.state_dict())
        return codes(optimizer, model)

    return case


def flagged(decoupled):
    """An AdamW whose groups say where the decay goes."""

    def case():
        model = net()
        optimizer = torch.optim.AdamW(matrices(model), lr=1e-3, weight_decay=0.1)
        optimizer.param_groups[0]["decoupled_weight_decay"] = decoupled
        return codes(optimizer, model)

    return case


def loaded_without_decay():
    model = net()
    old = trained(model, torch.optim.Adam(matrices(model), lr=1e-3))
    optimizer = torch.optim.AdamW(matrices(model), lr=1e-3, weight_decay=0.1)
    optimizer.load_state_dict(old.state_dict())
    return codes(optimizer, model)


class Lamb(torch.optim.Optimizer):
    """A step scaled by the norm of the weights; `always_adapt` as in timm's."""

    def __init__(self, params, lr, weight_decay=0.0, always_adapt=False):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "always_adapt": always_adapt})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    update = p.grad.sign() + group["weight_decay"] * p
                    scaled = group["weight_decay"] or group["always_adapt"]
                    p.sub_(update, alpha=group["lr"] * float(p.norm() / update.norm() if scaled else 1.0))


def lamb(always_adapt):
    def case():
        model = net()
        groups = [{"params": matrices(model), "weight_decay": 0.01}, {"params": rest(model)}]
        return codes(Lamb(groups, lr=1e-2, always_adapt=always_adapt), model)

    return case


def option(key):
    def case():
        model = net()
        return codes(torch.optim.SGD([{"params": matrices(model), key: 1e-3}], lr=0.1), model)

    return case


def lr_tensors(shared):
    def case():
        model = net()
        lr = torch.tensor(1e-3)
        groups = [{"params": ps, "lr": lr if shared else lr.clone()} for ps in (matrices(model), rest(model))]
        return codes(torch.optim.Adam(groups, lr=lr), model)

    return case


def compiled(lr):
    def case():
        model = net()
        optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
        scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, 50)
        optimizer.step = torch.compile(optimizer.step, backend="eager")
        return codes(optimizer, model, steps=50, scheduler=scheduler)

    return case


class Roles(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(10, 8)
        self.pos_embed = nn.Parameter(torch.randn(1, 5, 8))
        self.norm = nn.LayerNorm(8)
        self.mix = nn.Linear(8, 8)
        self.relative_attention_bias = nn.Linear(8, 8, bias=False)
        self.buckets_bias = nn.Embedding(4, 2)


def decayed(*names):
    def case():
        model = Roles()
        chosen = [p for name, p in model.named_parameters() if name in names]
        others = [p for name, p in model.named_parameters() if name not in names]
        groups = [{"params": chosen, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
        return codes(torch.optim.AdamW([g for g in groups if g["params"]], lr=1e-3), model)

    return case


MIXERS = ("mix.weight", "relative_attention_bias.weight")


def timed(decay, **told):
    def case():
        model = net()
        optimizer = torch.optim.AdamW(matrices(model), lr=0.1, weight_decay=decay)
        return codes(optimizer, model, **told)

    return case


def fading(scheduler):
    def case():
        model = net()
        optimizer = adamw(model, lr=1e-2)
        return codes(optimizer, model, steps=100, scheduler=scheduler(optimizer))

    return case


def sized(std):
    def case():
        model = net()
        with torch.no_grad():
            matrices(model)[0].normal_(0, std)
        return codes(sgd(model), model)

    return case


def invariant(norm):
    def case():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 5, bias=False), norm, nn.ReLU(), nn.Linear(5, 2))
        optimizer = torch.optim.AdamW(matrices(model), lr=1e-3, weight_decay=0.1)
        return codes(optimizer, model, inputs=torch.randn(16, 6))

    return case


def cosine(optimizer):
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)


def linear(optimizer):
    return torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0001, 100)
