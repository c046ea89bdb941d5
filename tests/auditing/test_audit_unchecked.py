"""What an audit could not look at is said: an optimizer's state alone gets no all-clear."""

import json

import pytest
import torch
from torch import nn

from auditing_cases import adamw, matrices, net, rest, trained
from shrinkage.auditing import CHECKS, audit, audit_checkpoint, audit_step

Optim = torch.optim


def bare(tmp_path, build, steps=0, dtype=torch.float32):
    """The audit of a file that holds an optimizer's state and nothing else."""
    model = net().to(dtype)
    optimizer = build(model)
    for _ in range(steps):
        model(torch.randn(8, 12, dtype=dtype)).square().mean().backward()
        optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "o.pt")
    return audit_checkpoint(tmp_path / "o.pt")


def unasked(audit):
    return {code for part in audit.unchecked for code in part.codes}


def sound(model):
    return Optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)


def test_of_a_state_alone_finding_nothing_is_no_all_clear(tmp_path):
    audit = bare(tmp_path, sound)
    assert audit.findings == []
    asked = len(CHECKS) - len(unasked(audit))
    blind = f"this is not an all-clear: only {asked} of {len(CHECKS)} checks could run"
    assert audit.headline == f"AdamW: nothing found; {blind}"
    assert audit.verdict == "no all-clear"
    assert {"norm-decayed", "matrix-exempt", "bias-decayed", "in-no-group", "outsized"} <= unasked(audit)
    text = str(audit)
    assert text.index("unnamed in the file") < text.index("group  parameters")
    assert "assumed to be float32" in text


@pytest.mark.parametrize(
    "build, codes",
    [
        (lambda m: Optim.AdamW(m.parameters(), 1e-4, weight_decay=1e-4), {"rounded-away"}),
        (lambda m: Optim.Adam(m.parameters(), weight_decay=0.1), {"adam-l2"}),
        (
            lambda m: Optim.SGD([{"params": [*m.parameters()], "weight_decay": -1e-3}], 0.1),
            {"grows", "negative-strength"},
        ),
    ],
)
def test_what_its_numbers_allow_is_judged(tmp_path, build, codes):
    assert {f.code for f in bare(tmp_path, build).findings} == codes


@pytest.mark.parametrize("dtype, codes", [(torch.bfloat16, {"rounded-away"}), (torch.float32, set())])
def test_the_moments_tell_the_format(tmp_path, dtype, codes):
    audit = bare(tmp_path, lambda m: Optim.AdamW(matrices(m), 1e-3, weight_decay=0.1), steps=2, dtype=dtype)
    assert {f.code for f in audit.findings} == codes
    assert "assumed to be float32" not in str(audit)


def test_the_moments_tell_biases_by_their_shape(tmp_path):
    audit = bare(tmp_path, sound, steps=2)
    (found,) = audit.findings
    assert (found.code, len(found.parameters)) == ("bias-decayed", 4)
    assert "bias-decayed" not in unasked(audit)
    assert bare(tmp_path, adamw, steps=2).findings == []


def test_flat_parameters_are_not_taken_for_biases(tmp_path):
    audit = bare(tmp_path, lambda m: Optim.AdamW(rest(m), 1e-3, weight_decay=0.1), steps=2)
    assert audit.findings == []
    assert "bias-decayed" in unasked(audit)


def test_a_decay_of_zero_in_a_file_is_not_called_lost(tmp_path):
    assert bare(tmp_path, lambda m: Optim.AdamW(m.parameters(), weight_decay=0.0)).findings == []


def test_a_misspelt_option_does_not_hide_the_class(tmp_path):
    audit = bare(tmp_path, lambda m: Optim.SGD([{"params": [*m.parameters()], "weight_deacy": 1e-3}], 0.1))
    assert audit.optimizer == "SGD"
    assert [f.code for f in audit.findings] == ["misspelt-option"]


@pytest.mark.filterwarnings("ignore:optimizer contains a parameter group with duplicate")
def test_a_parameter_listed_twice_is_found_by_its_number(tmp_path):
    audit = bare(tmp_path, lambda m: Optim.SGD([*matrices(m), *matrices(m)], 0.1, weight_decay=1e-3))
    assert [f.code for f in audit.findings] == ["decayed-twice"]


def test_names_in_the_groups_are_roles_once_moments_tell_shapes(tmp_path):
    audit = bare(tmp_path, lambda m: Optim.AdamW(m.named_parameters(), 1e-3, weight_decay=0.1), steps=2)
    assert {f.code: f.parameters for f in audit.findings} == {
        "bias-decayed": ("0.bias", "3.bias"),
        "norm-decayed": ("1.weight", "1.bias"),
    }
    assert "outsized" in unasked(audit)
    assert "norm-decayed" not in unasked(audit)


def test_weights_of_usual_size_stand_in_and_are_not_judged(tmp_path):
    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            self.wide = nn.Linear(40_000, 2, bias=False)

    model = Wide()
    optimizer = Optim.AdamW(model.named_parameters(), 1e-3, weight_decay=0.1)
    model.wide(torch.ones(1, 40_000)).sum().backward()
    optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "o.pt")
    assert audit_checkpoint(tmp_path / "o.pt").findings == []  # 0.05 · √40,000 = 10 would be outsized


def test_weights_alone_are_no_all_clear_for_an_optimizer(tmp_path):
    torch.save(net().state_dict(), tmp_path / "w.pt")
    audit = audit_checkpoint(tmp_path / "w.pt")
    assert audit.headline == (
        "no optimizer in w.pt: nothing found; this is not an all-clear: only 1 of "
        f"{len(CHECKS)} checks could run"
    )
    assert unasked(audit) == CHECKS.keys() - {"outsized"}


def test_a_live_audit_lists_the_arguments_not_given():
    model = net()
    optimizer = trained(model, adamw(model))
    audit_ = audit(optimizer, model)
    assert audit_.headline == "AdamW: nothing found"
    assert audit_.verdict == audit_.to_dict()["verdict"] == "clear"
    told = {part.because: {*part.codes, *part.partly} for part in audit_.unchecked}
    assert {frozenset(codes) for codes in told.values()} == {
        frozenset({"timescale-short"}),
        frozenset({"rounded-away-later", "compiled-float-lr", "timescale-long", "fades"}),
        frozenset({"grows", "two-penalties", "adam-l2"}),
        frozenset({"scale-invariant"}),
    }
    assert "steps=… was not given: rounded-away-later" in str(audit_).replace("\n ", "")


def test_with_every_argument_nothing_is_unchecked():
    model = net()
    optimizer = trained(model, adamw(model))
    x = torch.randn(8, 12)
    audit_ = audit(
        optimizer,
        model,
        rows=1000,
        batch_size=10,
        steps=100_000,
        scheduler=Optim.lr_scheduler.ConstantLR(optimizer),
        loss=lambda: model(x).square().mean(),
        inputs=x,
    )
    assert audit_.unchecked == []
    assert "not checked" not in str(audit_)


def test_it_is_in_the_json_and_on_the_page(tmp_path):
    audit = bare(tmp_path, sound)
    told = json.loads(json.dumps(audit.to_dict()))["unchecked"]
    assert "norm-decayed" in told[0]["codes"]
    audit.to_html(tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "nothing found; this is not an all-clear" in page
    assert "does not contain the live model" in page


def test_a_step_says_what_it_does_not_tell():
    audit = audit_step(lambda weights, gradients: weights, [torch.randn(4, 3)])
    assert {"bias-decayed", "rounded-away", "timescale-short", "fades"} <= unasked(audit)
    assert "grows" not in unasked(audit)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_a_check_that_lacks_what_it_needs_is_silent(check):
    from shrinkage.auditing._facts import Facts

    for need in check.needs:
        assert check(Facts(optimizer="none", parameters=[], lacks={need: "it is not there"})) == []


def test_every_view_has_the_same_order(tmp_path):
    """Findings, what was not checked, what happens to the weights; whether or not much was left out."""
    model = net()
    for audit_ in (audit(Optim.Adam(model.parameters(), weight_decay=0.1), model), bare(tmp_path, sound)):
        audit_.to_html(tmp_path / "a.html")
        page, keys = (tmp_path / "a.html").read_text(encoding="utf-8"), list(audit_.to_dict())
        assert keys.index("findings") < keys.index("unchecked") < keys.index("groups")
        text, reasons = " ".join(str(audit_).split()), [part.because for part in audit_.unchecked]
        assert sorted(map(text.index, reasons)) == [text.index(because) for because in reasons]
        assert text.index(reasons[-1]) < text.index("group parameters")
        assert [because for because in reasons if because.partition(":")[0] in page] == reasons
        assert page.index(reasons[-1]) < page.index("What happens to the weights")


def with_hook(strength):
    """SGD, and a hook that adds a penalty to its gradients."""
    model = nn.Linear(12, 16)
    optimizer = Optim.SGD(model.parameters(), 1e-2)

    def add_penalty(optimizer, args, kwargs):
        for p in optimizer.param_groups[0]["params"]:
            if p.grad is not None:
                p.grad = p.grad.add(p.detach(), alpha=strength)

    optimizer.register_step_pre_hook(add_penalty)
    return audit(
        trained(model, optimizer),
        model,
        steps=9000,
        scheduler=Optim.lr_scheduler.CosineAnnealingLR(optimizer, 9000),
    )


@pytest.mark.parametrize("strength, is_told", [(1e-2, False), (1e-6, True)])
def test_a_hooks_penalty_that_is_too_weak_to_follow_is_not_passed_over(strength, is_told):
    told = {code: part.because for part in with_hook(strength).unchecked for code in part.partly}
    assert ("rounded-away-later" in told) == is_told
    if is_told:
        assert "too weak to measure" in told["rounded-away-later"]


def test_what_rounding_does_to_a_penalty_in_the_loss_is_not_passed_over():
    model = net()
    x = torch.randn(8, 12)

    def loss():
        return model(x).square().mean() + 0.01 * sum(p.square().sum() for p in model.parameters())

    optimizer = trained(model, Optim.SGD(model.parameters(), 0.1))
    told = {
        code: part.because for part in audit(optimizer, model, loss=loss).unchecked for code in part.partly
    }
    assert told["rounded-away"] == "a penalty in the loss is rounded before the optimizer sees it"


def test_a_penalty_that_adam_turns_outward_is_reported():
    """Gradients that fade leave a running size that the penalty raises more than it pulls."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer, x = Optim.Adam(model.parameters(), lr=0.01, weight_decay=0.01), torch.randn(64, 8)
    for _ in range(100):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    turned = [g for g in audit(optimizer, model).groups if (g.shrink or 0) < 0]
    assert turned
    assert all(g.rule.endswith("which pushes it outward at present") for g in turned)
