"""Raw parameters of published architectures, by the names that their code gives them: what is decayed, and what isn't."""

import pytest
import torch
from torch import nn

from shrinkage.networks import places_of

ARCHITECTURES: dict[str, tuple[str, str, str, str]] = {
    # role: names with their shapes; the class that holds them matters where it is given
    "RWKV-7": ("bias", "", "w0:1,1,8 a0:1,1,8 v0:1,1,8", "x_r:1,1,8"),
    "RWKV-7, scales": ("scale", "", "x_r:1,1,8 k_k:1,1,8 r_k:2,4", ""),
    "RWKV-7, low ranks": ("weight", "", "w1:8,4 w2:4,8 g1:8,4", "x_r:1,1,8"),
    "xLSTM": ("scale", "", "learnable_skip:8", ""),
    "HGRN": ("scale", "", "lower_bounds:4,8", ""),
    "TTT": ("norm", "", "ttt_norm_weight:2,4", ""),
    "TTT, inner layer": ("bias", "", "b1:2,1,4", "W1:2,4,4"),
    "V-JEPA 2": ("token", "list", "mask_tokens:1,1,8", ""),
    "nanochat": ("scale", "", "resid_lambdas:12 x0_lambdas:12 smear_lambda:1 backout_lambda:1", ""),
    "modded-nanogpt": ("scale", "", "scalars:40 post_lambdas:3 skip_weights:6", ""),
    "mHC": ("scale", "", "alpha_pre:1 alpha_res:1 H_res_logits:4,4", ""),
    "mHC, biases": ("bias", "", "b_pre:4 b_res:4,4", ""),
    "mHC, weights": ("weight", "", "phi_pre:8,4", ""),
    "hyper-connections": ("scale", "", "static_alpha:4,5 static_beta:4 dynamic_alpha_scale:1", ""),
    "hyper-connections, weights": ("weight", "", "dynamic_alpha_fn:8,5", ""),
    "differential transformer": ("scale", "", "lambda_q1:8 lambda_k1:8 lambda_q2:8 lambda_k2:8", ""),
    "Wan": ("scale", "WanAttentionBlock", "modulation:1,6,8", ""),
    "LTX": ("token", "", "learnable_registers:16,8", ""),
    "Idefics": ("scale", "", "alpha_xattn:1,1,8 alpha_dense:1,1,8", ""),
    "Llama 3.2 Vision": ("scale", "", "cross_attn_attn_gate:1 gate_ffn:1 gate:1", ""),
    "Llama 3.2 Vision, positions": ("token", "MllamaPrecomputedPositionEmbedding", "embedding:10,8", ""),
    "SAM 2": (
        "token",
        "",
        "maskmem_tpos_enc:7,1,1,8 no_mem_embed:1,1,8 no_mem_pos_enc:1,1,8 no_obj_ptr:1,8 no_obj_embed_spatial:1,8 "
        "pos_embed_window:1,8,4,4",
        "",
    ),
    "S4D": ("scale", "", "log_dt:8 log_A_real:8,4 A_imag:8,4 D:8", ""),
    "S5": ("scale", "", "Lambda_re:8 Lambda_im:8 log_step:8,1 D:8", ""),
    "a dictionary": ("weight", "", "D:8,20", ""),
    "LRU": ("scale", "", "nu_log:8 theta_log:8 gamma_log:8", ""),
    "Evo 2": ("scale", "", "log_poles:8,4,1 residues:8,4", ""),
    "Hyena": ("scale", "Sin", "freq:1,8", ""),
    "BigVGAN": ("scale", "SnakeBeta", "alpha:8", "beta:8"),
    "KAN": ("scale", "", "scale_base:3,4 scale_sp:3,4 spline_scaler:3,4", ""),
    "KAN, weights": ("weight", "", "spline_weight:3,4,8 base_weight:3,4 coef:3,4,8", ""),
    "VAR": ("token", "", "pos_start:1,1,8 pos_1LC:1,9,8 cfg_uncond:1,1,8", ""),
    "VAR, scales": ("scale", "", "scale_mul_1H11:1,2,1,1 ada_gss:1,1,6,8", ""),
    "MAR": ("token", "", "encoder_pos_embed_learned:1,9,8 fake_latent:1,8", ""),
    "Hiera": ("token", "", "rel_pos_t:9,8 pos_embed_spatial:1,9,8 pos_embed_temporal:1,9,8", ""),
    "TimeSformer": ("token", "", "time_embed:1,8,4 temporal_embedding:1,8,4", ""),
    "DeepSeek-VL2": ("token", "", "view_seperator:8 image_newline:8", ""),
    "Qwen-VL's resampler": ("token", "Resampler", "query:16,8", ""),
    "attention": ("weight", "", "query:8,8 key:8,8 value:8,8", ""),
    "IA³": ("scale", "dict", "ia3_l:8,1", ""),
    "VeRA": ("scale", "dict", "vera_lambda_b:8 vera_lambda_d:8", ""),
    "BOFT": ("scale", "dict", "boft_s:8,1", ""),
    "RandLoRA": ("scale", "dict", "randlora_lambda:8,3 randlora_gamma:8,3", ""),
    "LoKr": ("weight", "dict", "lokr_w1:8,4 hada_w1_a:8,4", ""),
    "adaption prompt": ("token", "", "adaption_prompt:10,8", ""),
    "gpt-oss": ("bias", "", "sinks:8 gate_up_proj_bias:8,16 down_proj_bias:8,16", ""),
    "gpt-oss, weights": ("weight", "", "gate_up_proj:8,16,32 down_proj:8,16,16", ""),
    "DeepSeek-V3": ("bias", "", "e_score_correction_bias:8", ""),
    "CLAP": ("scale", "", "logit_scale_a:1 logit_scale_t:1", ""),
    "Derf": ("norm", "Derf", "gamma:8", "alpha:1 s:1 beta:8"),
    "filter response norm": ("norm", "FilterResponseNorm", "tau:1,8,1,1 gamma:1,8,1,1", "beta:1,8,1,1"),
    "ResMLP": ("norm", "Affine", "alpha:1,1,8", "beta:1,1,8"),
    "Glow": ("norm", "ActNorm", "scale:1,8,1,1", "loc:1,8,1,1"),
    "classifier-free guidance": ("token", "", "null_cond:1,8 y_null:8 null_kv:2,4,8", ""),
    "Titans": ("token", "", "persistent_memory:2,4,8 persist_mem:4,8", ""),
}


def module_of(kind: str, *parameters: str) -> nn.Module:
    """A module whose class is `kind`, with these parameters; in lists or dicts where it is `list` or `dict`."""
    module = type(kind if kind[:1].isupper() else "Block", (nn.Module,), {})()
    for text in parameters:
        name, _, shape = text.partition(":")
        parameter = nn.Parameter(torch.zeros(*map(int, shape.split(","))))
        held = {
            "list": lambda p=parameter: nn.ParameterList([p]),
            "dict": lambda p=parameter: nn.ParameterDict({"default": p}),
        }
        setattr(module, name, held[kind]() if kind in held else parameter)
    return module


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_names_of_a_published_architecture(name: str):
    role, kind, judged, beside = ARCHITECTURES[name]
    module = module_of(kind, *judged.split(), *beside.split())
    wanted = {text.partition(":")[0] for text in judged.split()}
    found = {p.name.partition(".")[0]: p.role.name for p in places_of(module)}
    assert {name: found[name] for name in wanted} == dict.fromkeys(wanted, role)


def test_an_entry_of_a_dict_is_known_by_its_own_name_first():
    module = nn.Module()
    module.parts = nn.ParameterDict({"w": torch.zeros(3, 3), "bias": torch.zeros(3), "gamma": torch.zeros(3)})
    assert {p.name: p.role.name for p in places_of(module)} == {
        "parts.w": "weight",
        "parts.bias": "bias",
        "parts.gamma": "scale",
    }


def test_a_list_in_a_list_is_known_by_the_name_of_the_outer():
    module = nn.Module()
    module.mask_tokens = nn.ParameterList([nn.ParameterList([torch.zeros(4)])])  # pyright: ignore[reportArgumentType]
    (place,) = places_of(module)
    assert place.role.name == "token"
    assert place.module is module
