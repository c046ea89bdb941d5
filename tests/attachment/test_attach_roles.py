"""Roles come from the module and the place, never from names alone or the number of axes."""

import copy
import json
import math

import pytest
import torch
from torch import nn

from shrinkage._errors import RequestError
from shrinkage.attachment import attach, places_of
from shrinkage.rules import Decoupled


class LlamaRMSNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))


class Unnamed(nn.Module):
    """Keeps an epsilon and a gain: a norm, whatever it is called."""

    def __init__(self):
        super().__init__()
        self.eps = 1e-6
        self.gain = nn.Parameter(torch.ones(4))


class NormLinear(nn.Linear):
    """Called a norm, but it mixes features."""


class Mamba(nn.Module):
    def __init__(self):
        super().__init__()
        self.A_log = nn.Parameter(torch.zeros(4, 2))
        self.D = nn.Parameter(torch.ones(4))
        self.dt_bias = nn.Parameter(torch.zeros(4))
        self.mixer = nn.Parameter(torch.zeros(4, 4))


class Vision(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 4))
        self.pos_embed = nn.Parameter(torch.zeros(1, 3, 4))
        self.logit_scale = nn.Parameter(torch.zeros(()))
        self.relative_position_bias_table = nn.Parameter(torch.zeros(9, 2))
        self.position_embeddings = nn.Embedding(5, 4)
        self.relative_attention_bias = nn.Embedding(5, 2)
        self.tokens = nn.Embedding(5, 4)
        self.gamma = nn.Parameter(torch.ones(4))


CASES = {
    "linear": (nn.Linear(3, 2), {"weight": "weight", "bias": "bias"}),
    "conv": (nn.Conv2d(1, 2, 3), {"weight": "weight", "bias": "bias"}),
    "layer norm of two axes": (nn.LayerNorm([3, 4]), {"weight": "norm", "bias": "norm"}),
    "batch norm": (nn.BatchNorm2d(3), {"weight": "norm", "bias": "norm"}),
    "group norm": (nn.GroupNorm(1, 3), {"weight": "norm", "bias": "norm"}),
    "rms norm": (nn.RMSNorm(3), {"weight": "norm"}),
    "custom norm": (LlamaRMSNorm(), {"weight": "norm"}),
    "unnamed norm": (Unnamed(), {"gain": "norm"}),
    "a linear layer called norm": (NormLinear(3, 2), {"weight": "weight", "bias": "bias"}),
    "weight norm": (
        nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)),
        {"bias": "bias", "parametrizations.weight.original0": "scale", "parametrizations.weight.original1": "weight"},
    ),
    "spectral norm": (
        nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2)),
        {"bias": "bias", "parametrizations.weight.original": "weight"},
    ),
    "attention": (
        nn.MultiheadAttention(4, 2, add_bias_kv=True),
        {
            "in_proj_weight": "weight", "in_proj_bias": "bias", "bias_k": "bias", "bias_v": "bias",
            "out_proj.weight": "weight", "out_proj.bias": "bias",
        },
    ),
    "lstm": (
        nn.LSTM(3, 2),
        {"weight_ih_l0": "weight", "weight_hh_l0": "weight", "bias_ih_l0": "bias", "bias_hh_l0": "bias"},
    ),
    "prelu": (nn.PReLU(), {"weight": "scale"}),
    "mamba": (Mamba(), {"A_log": "scale", "D": "scale", "dt_bias": "bias", "mixer": "weight"}),
    "vision": (
        Vision(),
        {
            "cls_token": "token", "pos_embed": "token", "logit_scale": "scale", "gamma": "scale",
            "relative_position_bias_table": "token", "position_embeddings.weight": "token",
            "relative_attention_bias.weight": "embedding", "tokens.weight": "embedding",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_roles(case: str):
    module, expected = CASES[case]
    assert {place.name: place.role.name for place in places_of(module)} == expected


class OnItsOwn(nn.Module):
    """A raw parameter called `name`, and others whose names look like half of a pair."""

    def __init__(self, *names: str):
        super().__init__()
        for name in names:
            self.register_parameter(name, nn.Parameter(torch.ones(2, 2)))


@pytest.mark.parametrize(
    "names", [("w_v",), ("w_g",), ("w_k", "w_v"), ("w", "w_g", "w_v"), ("original0",), ("original1",)]
)
def test_half_a_pair_is_a_weight(names):
    assert {place.role.name for place in places_of(OnItsOwn(*names))} == {"weight"}


RAW = {
    "scale": (
        "x_r",
        "k_a",
        "r_k",
        "alpha",
        "static_beta",
        "resid_lambdas",
        "skip_weights",
        "ls1",
        "s_qk",
        "boft_s",
    ),
    "token": ("null_text_embed", "image_newline", "img_queries"),
    "weight": ("x", "k_proj", "alphas_normal", "lora_A", "s", "queries_weight", "null"),
}


@pytest.mark.parametrize("role, name", [(role, name) for role, names in RAW.items() for name in names])
def test_raw_parameters_are_known_by_the_names_that_models_use(role, name):
    assert [place.role.name for place in places_of(OnItsOwn(name))] == [role]


def test_the_shift_beside_a_gain_is_a_bias():
    roles = {place.name: place.role.name for place in places_of(OnItsOwn("alpha", "beta"))}
    assert roles == {"alpha": "scale", "beta": "bias"}


def test_a_parametrized_parameter_of_a_module_of_ones_own():
    module = OnItsOwn("w")
    nn.utils.parametrizations.weight_norm(module, "w")
    roles = {place.name: place.role.name for place in places_of(module)}
    assert roles == {"parametrizations.w.original0": "scale", "parametrizations.w.original1": "weight"}


def test_the_old_weight_norm_too():
    with pytest.warns(FutureWarning):
        module = nn.utils.weight_norm(nn.Linear(3, 2))
    roles = {place.name: place.role.name for place in places_of(module)}
    assert roles == {"bias": "bias", "weight_g": "scale", "weight_v": "weight"}


def compiled(model: nn.Module) -> nn.Module:
    return torch.compile(model, backend="eager")  # pyright: ignore[reportReturnType] a module gives a module


@pytest.mark.parametrize("wrap", [nn.DataParallel, compiled], ids=["DataParallel", "compile"])
def test_wrapping_changes_neither_names_nor_roles(wrap):
    model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
    bare = [(p.name, p.role) for p in places_of(model)]
    assert [(p.name, p.role) for p in places_of(wrap(copy.deepcopy(model)))] == bare


def pulled(model: nn.Module, **options) -> set[str]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer, Decoupled(0.5), model=model, **options)
    return {row.name for row in handle.table() if row.how}


def test_the_default_leaves_out_what_is_added_and_what_scales():
    assert pulled(Vision()) == {"relative_attention_bias.weight", "tokens.weight"}
    assert pulled(Mamba()) == {"mixer"}


@pytest.mark.parametrize(
    "exempt, expected",
    [
        ((), {"0.weight", "0.bias", "1.weight", "1.bias", "2.weight"}),
        (("bias",), {"0.weight", "1.weight", "2.weight"}),
        (("norm",), {"0.weight", "0.bias", "2.weight"}),
        (("embedding",), {"0.weight", "0.bias", "1.weight", "1.bias"}),
        (("2",), {"0.weight", "0.bias", "1.weight", "1.bias"}),
        (("*.bias", nn.LayerNorm), {"0.weight", "2.weight"}),
        (("0.weight",), {"0.bias", "1.weight", "1.bias", "2.weight"}),
    ],
)
def test_words_names_globs_and_types(exempt, expected):
    assert (
        pulled(nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Embedding(2, 3)), exempt=exempt) == expected
    )


def test_only():
    assert pulled(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3)), only=("1",)) == {"1.weight"}


@pytest.mark.parametrize("where", ["exempt", "only"])
@pytest.mark.parametrize("pattern", ["haed.*", nn.Conv1d], ids=["name", "type"])
def test_a_pattern_that_matches_nothing_is_an_error(where, pattern):
    with pytest.raises(RequestError, match=r"matches no parameter"):
        pulled(nn.Linear(2, 3), **{where: (pattern,)})


def test_no_weight_decay_is_honoured():
    class Timm(nn.Sequential):
        def no_weight_decay(self):
            return {"0.weight"}

    model = Timm(nn.Linear(2, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    setattr(model[2].weight, "_no_weight_decay", True)  # noqa: B010 the mark that Mamba sets
    assert pulled(model) == {"1.weight"}
    assert pulled(nn.DataParallel(Timm(nn.Linear(2, 3), nn.Linear(3, 3)))) == {"1.weight"}


def test_tied_weights_are_pulled_once():
    table, head = nn.Embedding(4, 3), nn.Linear(3, 4, bias=False)
    head.weight = table.weight
    model = nn.Sequential(table, head)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer, Decoupled(0.5), model=model)
    before = table.weight.detach().clone()
    model(torch.tensor([0])).sum().mul(0).backward()
    optimizer.step()
    torch.testing.assert_close(table.weight.detach(), 0.95 * before)
    assert [row.name for row in handle.table()] == ["0.weight"]


def test_a_parameter_of_another_model_is_an_error():
    stray = nn.Parameter(torch.zeros(3, 2))
    model = nn.Linear(2, 3)
    with pytest.raises(
        RequestError, match=r"parameter 0 of group 0, of shape \[3, 2\], is not one of the model's"
    ):
        attach(torch.optim.SGD([stray], lr=0.1), Decoupled(0.1), model=model)


def test_a_stack_of_models_has_stacked_biases_and_a_strength_each():
    models = [nn.Linear(2, 3) for _ in range(4)]
    parameters, _ = torch.func.stack_module_state(models)  # pyright: ignore[reportArgumentType] a list of modules
    before = {name: p.detach().clone() for name, p in parameters.items()}
    optimizer = torch.optim.SGD(list(parameters.values()), lr=0.1)
    strengths = torch.tensor([0.0, 0.1, 0.2, 0.4])
    attach(optimizer, Decoupled(strengths), model=models[0], parameters=parameters)
    for p in parameters.values():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    expected = before["weight"] * (1 - 0.1 * strengths)[:, None, None]
    torch.testing.assert_close(parameters["weight"].detach(), expected)
    assert torch.equal(parameters["bias"].detach(), before["bias"])


def test_norms_of_a_stack_are_norms_of_its_models():
    from shrinkage.rules import Projection

    models = [nn.Linear(2, 3, bias=False) for _ in range(4)]
    parameters, _ = torch.func.stack_module_state(models)  # pyright: ignore[reportArgumentType] a list of modules
    optimizer = torch.optim.SGD(list(parameters.values()), lr=0.1)
    attach(optimizer, Projection(0.5, onto="sphere"), model=models[0], parameters=parameters)
    parameters["weight"].grad = torch.zeros_like(parameters["weight"])
    optimizer.step()
    norms = parameters["weight"].detach().flatten(1).norm(dim=1)
    torch.testing.assert_close(norms, torch.full((4,), 0.5))


def test_the_table_prints_every_parameter():
    model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
    handle = attach(
        torch.optim.SGD(model.parameters(), lr=0.1), Decoupled(rate=0.5, clock="schedule"), model=model
    )
    text = str(handle.table())
    assert len(handle.table()) == 4
    assert "Decoupled rate 0.5 × lr/lr_max" in text
    assert "gain of LayerNorm" in text
    assert handle.table()["0.weight"].shape == (3, 2)
    assert math.prod(handle.table()["1.bias"].shape) == 3


def test_tensors_may_stand_for_some_of_the_parameters():
    """A head that is trained outside of its model is known by its name; the others are the model's own."""
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3))
    head = nn.Parameter(torch.ones(3, 3))
    optimizer = torch.optim.SGD([*model[0].parameters(), head], lr=0.1)
    handle = attach(optimizer, Decoupled(0.5), model=model, parameters={"1.weight": head})
    assert {row.name for row in handle.table() if row.how} == {"0.weight", "1.weight"}
    head.grad = torch.zeros_like(head)
    optimizer.step()
    torch.testing.assert_close(head.detach(), torch.full((3, 3), 0.95))


def test_a_layer_that_is_used_twice_is_pulled_once():
    layer = nn.Linear(3, 3)
    model = nn.Sequential(layer, nn.Tanh(), layer)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    handle = attach(optimizer, Decoupled(0.5), model=model)
    before = layer.weight.detach().clone()
    model(torch.ones(1, 3)).sum().mul(0).backward()
    optimizer.step()
    torch.testing.assert_close(layer.weight.detach(), 0.95 * before)
    assert [(place.name, place.tied) for place in places_of(model)] == [("0.weight", []), ("0.bias", [])]
    assert [row.name for row in handle.table()] == ["0.weight", "0.bias"]


def test_a_place_without_a_module_and_a_number_of_its_own():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_module("extra", None)
            self.warmth = nn.Parameter(torch.tensor(1.0))
            self.mixing = nn.Parameter(torch.ones(2, 2))

    assert pulled(Scaled()) == {"mixing"}


def test_the_table_as_plain_dicts():
    model = nn.Linear(2, 3)
    handle = attach(torch.optim.SGD(model.parameters(), lr=0.1), Decoupled(0.5), model=model)
    rows = handle.table().to_dict()
    assert [(row["name"], row["role"], row["how"]) for row in rows] == [
        ("weight", "weight", "hook"),
        ("bias", "bias", ""),
    ]
    assert json.loads(json.dumps(rows))[0]["shape"] == [3, 2]
