"""What a raw parameter is for by its name alone, as published models name theirs.

Only parameters that a module of the model's own holds itself come here: those of linear layers, convolutions,
embeddings and normalizations are known by their module.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

__all__ = ["BIAS", "TOKEN", "role_of_name"]

BIAS = re.compile(r"(^|_)bias(es)?($|_)")
_POSITION = r"(abs_|rel_|relative_|absolute_)?pos(ition)?(al)?s?"
TOKEN = re.compile(
    rf"^(\w*_)?(cls|class|dist|distillation|mask|masked_spec|reg|register|storage|prompt|query|level|seg|segment)"
    rf"_?(tokens?|emb(ed(ding)?s?)?)_?\d*$"
    rf"|^(\w*_)?{_POSITION}(_?(emb(ed(ding)?s?)?|enc|encodings?|bias(es)?|tokens?)(_table)?|_[hw]|)$"
    rf"|^w[pt]?pe$|^(null|uncond)_(\w+_)?(token|emb(ed(ding)?)?)s?$|^image_newline$"
)
"""Positions and tokens, also as the name of an embedding's module."""
_EMBEDDED = r"emb(ed(ding)?s?)?"
_RAW_TOKEN = re.compile(
    rf"^(\w*_)?{_POSITION}_?({_EMBEDDED}|enc)_\w+$|^(\w*_)?{_POSITION}_t$|^\w*pos_enc$"
    rf"|^(\w*_)?(tempor\w*|time|frame|spatial|type|modality|view|tgt|task|bos|eos|sos|pad|sep|row|col)_{_EMBEDDED}$"
    r"|^(pos_start|start_pos|pos_1lc|cls|bos|eos|sos|fake_latent|reference_points)$"  # VAR, MAR, DETR
    rf"|^no_(\w+_)?({_EMBEDDED}|ptr)(_\w+)?$"  # SAM 2
    r"|^(cfg_uncond|null_\w+|\w+_null)$|^\w+_sep[ae]rator$|^(\w+_)?registers?$|^(\w+_)?prompts?$"
    r"|^(persist(ent)?|mem(ory)?|meta)_(mem(ory)?|kv|k|v)$"
)
_LEARNED_QUERY = re.compile(r"^(latents?|probe|\w+_tokens?|\w+_queries)$")
_SINK = re.compile(r"^(\w+_)?sinks?$")
_OTHER_THAN = r"(?!(\w+_)?(fn|proj|weight|kernel|w)$)"
_SCALE = re.compile(
    rf"^(logit_?scale|temperature|a_log|.*_?magnitude(_vector)?|layerscales?|(\w+_)?scales?(_{_OTHER_THAN}\w+)?|\w*scaler"
    rf"|(\w+_)?((gain|gamma|alpha|beta|lambda)s?(_?\d+)?|(alpha|beta|gamma|lambda)_{_OTHER_THAN}\w+)|ls_?\d*|ia3_l|boft_s"
    r"|s_?(qk|u|v|uv|z)|skip_weights|scalars?"  # nGPT, modded-nanogpt
    r"|time_(decay|first|faaaa|mix|maa)(_\w+)?|x_[rwkvag]|k_[ka]|r_k"  # RWKV 4 to 7
    r"|log_(dt|step|a_real|poles)|inv_(dt|a_real)|a_(imag|real)|(nu|theta)_log|residues"  # S4, S5, LRU, Evo 2
    r"|recurrent_param|gru_rel_pos_const|grep_a"  # RG-LRU, WavLM, BEATs
    r"|h_(res|pre|post)_logits|modulation|ada_gss|lower_bounds?|learnable_(skip|token_idx)"  # mHC, Wan, VAR, HGRN, xLSTM
    r"|tau|(\w+_)?temps?|freqs?|omega|t_shift)$"
)
_GAIN = re.compile(r"^(\w+_)?(norm|ln|rms)_?(weight|gain|scale|w|g)$")

Named = Literal["weight", "bias", "norm", "scale", "token"]


def role_of_name(name: str, beside: Collection[str], *, is_flat: bool) -> tuple[Named, str]:
    """The role and what it was recognized by, with `{}` for the module; a weight where the name says nothing.

    Args:
        name: of the parameter in its module.
        beside: names of all parameters of that module.
        is_flat: whether at most one axis is longer than 1.
    """
    lower = name.lower()
    if TOKEN.match(lower) or _RAW_TOKEN.match(lower):
        return "token", "position or class token of {}, by its name"
    if _LEARNED_QUERY.match(lower) or (lower in ("query", "queries") and "key" not in beside):
        return "token", "learned query of {}, by its name"
    if _SINK.match(lower):
        return "bias", "attention sink of {}, by its name"
    if _GAIN.match(lower):
        return "norm", "gain of {}, by its name"
    if _is_bias(name, beside, is_flat=is_flat):
        return "bias", "bias of {}, by its name"
    if _SCALE.match(lower) or (name == "D" and is_flat):
        return "scale", "scale of {}, by its name"
    return "weight", "parameter of {}"


def _is_bias(name: str, beside: Collection[str], *, is_flat: bool) -> bool:
    if BIAS.search(name) or (name == "beta" and {"alpha", "gamma"} & set(beside)):
        return True
    of_weight = name[:1] == "b" and len(name) < 4 and {"w" + name[1:], "W" + name[1:]} & set(beside)
    of_rwkv = name in ("w0", "a0", "v0") and is_flat and {"x_r", "r_k"} & set(beside)
    return bool(of_weight or of_rwkv or name in ("b_pre", "b_post", "b_res"))  # mHC
