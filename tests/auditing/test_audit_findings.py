"""Every finding: one set-up that provokes it, one that is as near as can be and stays silent."""

import math
import re

import pytest
import torch
from torch import nn

from auditing_cases import adamw, codes, matrices, net, rest, sgd
from auditing_provocation_cases import (
    MIXERS,
    Eager,
    affine,
    by_share,
    compiled,
    cosine,
    decayed,
    eager,
    fading,
    fast,
    flagged,
    forgetting,
    frozen,
    invariant,
    kept_at_norm,
    lamb,
    linear,
    loaded,
    loaded_without_decay,
    lr_tensors,
    masked,
    multiplied,
    negative,
    of,
    option,
    penalized,
    pushed,
    reached,
    rounded,
    rounded_later,
    sized,
    sorted_groups,
    summed,
    summed_later,
    tied,
    timed,
    twice,
    two_formats,
    two_groups,
    with_loss,
)
from shrinkage.auditing import CHECKS, SEVERITIES, audit

Optim = torch.optim
CASES = {
    "grows": (penalized(-1e-3), penalized(1e-3)),
    "grows#loss": (with_loss(-1e-3), with_loss(1e-3)),
    "grows#l1": (pushed(-1e-3), pushed(1e-3)),
    "grows#l1 momentum": (pushed(-1e-3, momentum=0.9), pushed(1e-3, momentum=0.9)),
    "grows#l1 adam": (pushed(-1e-3, Optim.Adam), pushed(1e-3, Optim.Adam)),
    "grows#l1 rmsprop": (pushed(-1e-3, Optim.RMSprop), pushed(1e-3, Optim.RMSprop)),
    "grows#l1 in the loss": (with_loss(-1e-3, size=torch.abs), with_loss(1e-3, size=torch.abs)),
    "grows#a norm that is kept is no growth": (penalized(-1e-3), kept_at_norm(0.7)),
    "grows#beyond 0": (negative(30.0), negative(1.0)),
    "negative-strength": (negative(-1e-3), negative(1e-3)),
    "not-applied": (by_share(lambda p: 0.0), by_share(None)),
    "not-applied#by axes": (by_share(lambda p: float(p.dim() < 2)), by_share(None)),
    "not-applied#by format": (
        by_share(lambda p: float(p.dtype == torch.float64), two_formats),
        by_share(None, two_formats),
    ),
    "other-number": (by_share(lambda p: 2.0), by_share(None)),
    "other-number#by axes": (by_share(lambda p: 1.3 ** (p.dim() - 1)), by_share(None)),
    "default-instead": (two_groups("defaults"), two_groups("group")),
    "vanishes": (fast(0.02), fast(0.005)),
    "swapped-groups": (sorted_groups(rest, matrices), sorted_groups(matrices, rest)),
    "unread-multiplier": (multiplied((1e-3, 1e-3)), multiplied((1e-3, 5e-4))),
    "rounded-away": (rounded(1e-4, 1e-4), rounded(1e-2, 1e-2)),
    "rounded-away#just above what is lost": (rounded(2.9e-4, 1e-4), rounded(3.1e-4, 1e-4)),
    "rounded-up": (rounded(3.1e-4, 1e-4), rounded(2.9e-4, 1e-4)),
    "rounded-up#once it can be shown": (rounded(3.1e-4, 1e-4), rounded(6.2e-4, 1e-4)),
    "rounded-away#bfloat16": (rounded(1e-2, 0.1, torch.bfloat16), rounded(0.1, 0.5, torch.bfloat16)),
    "rounded-away#summed": (
        summed(0.1, 1e-4, 5e-2, torch.bfloat16),
        summed(1e-4, 1e-4, 1e-2, torch.float32),  # the decay's own rounding, 1e-8 < 2⁻²⁵, is not what counts
    ),
    "rounded-away#summed momentum": (
        summed(0.1, 1e-4, 1e-2, torch.bfloat16, momentum=0.9),
        summed(0.1, 0.1, 1e-2, torch.bfloat16, momentum=0.9),
    ),
    "rounded-away#summed float32": (
        summed(1e-4, 1e-4, 1e3, torch.float32),
        summed(1e-4, 1e-4, 1e1, torch.float32),
    ),
    "rounded-away#summed, too weak to follow": (
        summed(1e-3, 1e-4, 1e-1, torch.bfloat16, Optim.Adam),
        summed(1e-3, 1e-2, 1e-3, torch.bfloat16, Optim.Adam),
    ),
    "rounded-away-later": (rounded_later(2e-4), rounded_later(0.2)),
    "rounded-away-later#summed": (
        summed_later(Optim.SGD, 0.1, 0.1, 5e-2),
        summed_later(Optim.SGD, 0.1, 0.1, 5e-2, end=0.2),
    ),
    "rounded-away-later#summed momentum": (
        summed_later(Optim.SGD, 0.1, 0.01, 1e-2, momentum=0.9),
        summed_later(Optim.SGD, 0.1, 0.01, 1e-2, torch.float32, momentum=0.9),
    ),
    "rounded-away-later#summed adam": (
        summed_later(Optim.Adam, 1e-2, 1e-2, 1e-3),
        summed_later(Optim.Adam, 1e-2, 1e-2, 1e-3, end=0.2),
    ),
    "decayed-twice": (twice, eager(Optim.SGD)),
    "frozen-decayed": (frozen(stale=True), frozen(stale=False)),
    "none-grad-decayed": (eager(Eager), eager(Optim.SGD)),
    "zero-grad-decayed": (reached(7), reached(20)),
    "zero-grad-decayed#state": (reached(7, keep=False), reached(20, keep=False)),
    "zero-grad-decayed#sgd": (reached(7, Optim.SGD), reached(7, Optim.SGD, weight_decay=0.0)),
    "zero-grad-decayed#touched rows": (reached(7), reached(7, weight_decay=0.0)),
    "zero-grad-decayed#frozen by a hook": (masked(0.0), masked(0.5)),
    "in-no-group": (forgetting(matrices), forgetting(nn.Module.parameters)),
    "shared-memory": (tied("shared"), tied("tied")),
    "shared-memory#decayed": (tied("shared"), tied("shared", decay=0.0)),
    "tied": (tied("tied"), tied("apart")),
    "two-penalties": (with_loss(1e-3), with_loss(1e-3, decay=0.0)),
    "two-penalties#l1": (with_loss(1e-3, size=torch.abs), with_loss(1e-3, decay=0.0, size=torch.abs)),
    "two-penalties#clocks": (affine(2), affine(1)),
    "adam-l2": (of(Optim.Adam, weight_decay=0.1), of(Optim.AdamW, weight_decay=0.1)),
    "adam-l2#rmsprop": (of(Optim.RMSprop, weight_decay=0.1), of(Optim.RMSprop)),
    "adam-is-adamw": (loaded(Optim.Adam, Optim.AdamW), loaded(Optim.Adam, Optim.Adam)),
    "adamw-is-adam": (loaded_without_decay, loaded(Optim.AdamW, Optim.AdamW)),
    "adamw-is-adam#flag": (flagged(False), flagged(True)),
    "trust-ratio-off": (lamb(False), lamb(True)),
    "misspelt-option": (option("weight_deacy"), option("weight_decay")),
    "misspelt-option#of another's": (option("weight_deacy"), option("curriculum")),
    "misspelt-option#short": (option("wd"), option("lr_scale")),
    "shared-lr-tensor": (lr_tensors(True), lr_tensors(False)),
    "compiled-float-lr": (compiled(1e-3), compiled(torch.tensor(1e-3))),
    "bias-decayed": (decayed(*MIXERS, "mix.bias"), decayed(*MIXERS)),
    "norm-decayed": (decayed(*MIXERS, "norm.weight"), decayed(*MIXERS)),
    "token-decayed": (decayed(*MIXERS, "pos_embed"), decayed(*MIXERS)),
    "embedding-decayed": (decayed(*MIXERS, "tokens.weight"), decayed(*MIXERS)),
    "matrix-exempt": (decayed("mix.weight"), decayed(*MIXERS)),
    "matrix-exempt#table": (
        decayed(*MIXERS, "tokens.weight"),
        decayed(*MIXERS, "tokens.weight", "buckets_bias.weight"),
    ),
    "timescale-short": (timed(0.5, rows=1000, batch_size=10), timed(0.05, rows=1000, batch_size=10)),
    "timescale-short#in epochs": (timed(0.5, rows=1000, batch_size=10), timed(0.5, rows=1000)),
    "timescale-long": (timed(1e-2, steps=500), timed(1e-2, steps=1500)),
    "fades": (fading(cosine), fading(linear)),
    "outsized": (sized(4.0), sized(1 / math.sqrt(12))),
    "scale-invariant": (invariant(nn.BatchNorm1d(5)), invariant(nn.Identity())),
}


@pytest.mark.parametrize("name, cases", CASES.items(), ids=CASES)
def test_the_provocation_is_found(name, cases):
    assert name.partition("#")[0] in cases[0]()


@pytest.mark.parametrize("name, cases", CASES.items(), ids=CASES)
def test_its_neighbour_stays_silent(name, cases):
    assert name.partition("#")[0] not in cases[1]()


@pytest.mark.parametrize("lr, words", [(1e-4, "0 % of a shrink of 1e-08"), (3.1e-4, "more than requested")])
def test_rounding_findings_quote_what_was_measured(lr, words):
    model = net()
    found = audit(Optim.AdamW(matrices(model), lr=lr, weight_decay=1e-4)).findings[0]
    assert words in found.measured
    shares = [int(share) for share in re.findall(r"\d+(?= to| %)", found.measured)]
    assert all((share > 150) == ("more" in found.measured) for share in shares)


def test_every_check_is_provoked():
    assert {name.partition("#")[0] for name in CASES} == set(CHECKS)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_every_check_explains_itself(check):
    assert check.severity in SEVERITIES
    assert len(check.explanation) > 60
    assert check.title
    assert not check.title.endswith(".")


@pytest.mark.parametrize("build", [sgd, adamw])
def test_a_set_up_by_the_book_is_silent(build):
    model = net()
    assert codes(build(model), model, rows=1000, batch_size=10, steps=100_000) == set()


@pytest.mark.parametrize(
    "kind, options, product, grows",
    [
        (Optim.SGD, {}, 1.9, False),
        (Optim.SGD, {}, 2.1, True),
        (Optim.SGD, {}, 40.0, True),
        (Optim.AdamW, {}, 1.9, False),
        (Optim.AdamW, {}, 2.1, True),
        (Optim.Adam, {}, 40.0, False),
        (Optim.SGD, {"momentum": 0.9}, 3.7, False),
        (Optim.SGD, {"momentum": 0.9}, 3.9, True),
        (Optim.SGD, {"momentum": 0.9}, 20.0, True),
    ],
)
def test_overshooting_zero_is_distinguished_from_a_wrong_sign(kind, options, product, grows):
    """w ← (1 − lr·λ)·w grows for lr·λ > 2, and with momentum μ for lr·λ > 2 (1 + μ)."""
    model = net()
    optimizer = kind(matrices(model), lr=0.1, weight_decay=product / 0.1, **options)
    shown = audit(optimizer, model, rows=1000, batch_size=10)
    found = [f for f in shown.findings if f.code == "grows"]
    assert bool(found) is grows
    if grows:
        assert found[0].measured.startswith(
            f"{product:.3g} of each weight is removed per step, so each step overshoots 0"
        )
        assert found[0].parameters == ("0.weight", "3.weight")
        assert shown.groups[0].rule.endswith(", beyond 0")


@pytest.mark.parametrize("given, severity", [({}, "note"), ({"weight_decay": 0.1}, "warning")])
def test_groups_without_decay_are_a_note_where_nobody_wanted_another_strength(given, severity):
    """Hugging Face's Trainer at its defaults: groups with 0, and AdamW built without a strength of its own."""
    model = net()
    groups = [{"params": matrices(model), "weight_decay": 0.0}, {"params": rest(model), "weight_decay": 0.0}]
    found = audit(torch.optim.AdamW(groups, lr=1e-3, **given), model).findings
    assert [f.severity for f in found if f.code == "adamw-is-adam"] == [severity]


@pytest.mark.parametrize("keep", [True, False], ids=["gradient", "state"])
@pytest.mark.parametrize("used, severity", [(7, "note"), (0, "warning")])
def test_unused_embedding_rows_are_a_note_and_an_unused_table_is_a_warning(
    keep: bool, used: int, severity: str
):
    """Fine-tuning, begun or resumed: most of the vocabulary is in no batch; a whole table is not trained at all."""
    torch.manual_seed(0)
    words = nn.Embedding(20, 8)
    model = nn.Sequential(words, nn.Linear(8, 3, bias=False))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.arange(7)).square().sum().backward()
        assert words.weight.grad is not None
        words.weight.grad[used:] = 0
        optimizer.step()
    if not keep:
        optimizer.zero_grad()
    found = [f for f in audit(optimizer, model).findings if f.code == "zero-grad-decayed"]
    assert [f.severity for f in found] == [severity]
