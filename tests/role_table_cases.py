"""The architectures whose roles are kept in tests/data/roles, built on the meta device, without weights.

`python tests/role_table_cases.py [PACKAGE]` writes the tables anew; look at what changed before it is committed.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import types
from collections.abc import Callable, MutableSequence
from pathlib import Path

import torch
from torch import nn

from shrinkage.networks import places_of

FOLDER = Path(__file__).parent / "data" / "roles"

TRANSFORMERS = [
    "bert",
    "roberta",
    "distilbert",
    "albert",
    "electra",
    "deberta-v2",
    "xlm-roberta",
    "gpt2",
    "gpt_neo",
    "gpt_neox",
    "gptj",
    "opt",
    "bloom",
    "llama",
    "mistral",
    "mixtral",
    "qwen2",
    "qwen3",
    "qwen2_moe",
    "gemma2",
    "gemma3_text",
    "phi3",
    "falcon",
    "gpt_oss",
    "deepseek_v3",
    "olmo2",
    "mamba",
    "mamba2",
    "rwkv",
    "jamba",
    "recurrent_gemma",
    "t5",
    "bart",
    "longformer",
    "xlnet",
    "modernbert",
    "clip",
    "siglip",
    "vit",
    "beit",
    "swinv2",
    "convnextv2",
    "dinov2",
    "segformer",
    "mask2former",
    "wav2vec2",
    "wavlm",
    "whisper",
    "blip-2",
    "sam",
    "perceiver",
    "patchtst",
]
TIMM = [
    "vit_base_patch16_224",
    "vit_so150m_patch16_reg4_map_256",
    "deit3_small_patch16_224",
    "eva02_base_patch14_224",
    "convnext_tiny",
    "convnextv2_tiny",
    "resnet50",
    "efficientnet_b0",
    "mobilenetv3_large_100",
    "swin_tiny_patch4_window7_224",
    "maxvit_tiny_tf_224",
    "cait_s24_224",
    "coat_tiny",
    "mixer_b16_224",
    "regnety_016",
    "beitv2_base_patch16_224",
    "hiera_tiny_224",
]


def of_transformers(name: str) -> nn.Module:
    """The model of that type with its default configuration."""
    import transformers

    with torch.device("meta"):
        return transformers.AutoModel.from_config(transformers.CONFIG_MAPPING[name]())


def of_timm(name: str) -> nn.Module:
    """The model of that name; timm asks for torchvision when it is imported, and its networks don't need it."""
    parts = ("", ".ops", ".ops.misc", ".transforms", ".transforms.functional", ".datasets")
    hollow = {f"torchvision{part}": _Hollow(f"torchvision{part}") for part in parts}
    missing = importlib.util.find_spec("torchvision") is None
    if missing:
        sys.modules.update(hollow)
    try:
        import timm
    finally:
        if missing:
            for part in hollow:
                del sys.modules[part]

    with torch.device("meta"):
        return timm.create_model(name, pretrained=False)


class _Anything(type):
    """A class of which every attribute is its own name, as of an enumeration."""

    def __getattr__(cls, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class _Hollow(types.ModuleType):
    """A module in which every name is an empty class."""

    __path__: MutableSequence[str] = []  # noqa: RUF012  (what makes it a package)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return sys.modules.get(f"{self.__name__}.{name}") or _Anything(name, (nn.Module,), {})


BUILDERS: dict[str, Callable[[str], nn.Module]] = {"transformers": of_transformers, "timm": of_timm}
ARCHITECTURES = [("transformers", n) for n in TRANSFORMERS] + [("timm", n) for n in TIMM]


def role_table(model: nn.Module) -> list[str]:
    """`role name` for every kind of parameter, numbers in names as #, in order."""
    lines = {f"{place.role.name:9} {re.sub(r'[0-9]+', '#', place.name)}" for place in places_of(model)}
    return sorted(lines)


def kept_tables(package: str) -> dict[str, list[str]]:
    """The tables of `package` by architecture, as they were written."""
    text = (FOLDER / f"{package}.txt").read_text(encoding="utf-8")
    sections = (section.splitlines() for section in text.split("\n\n"))
    return {lines[0].strip("[]"): lines[1:] for lines in sections}


if __name__ == "__main__":
    for package in sys.argv[1:] or BUILDERS:
        build = BUILDERS[package]
        tables = {name: role_table(build(name)) for kind, name in ARCHITECTURES if kind == package}
        sections = ["\n".join([f"[{name}]", *lines]) for name, lines in tables.items()]
        (FOLDER / f"{package}.txt").write_text("\n\n".join(sections) + "\n", encoding="utf-8")
