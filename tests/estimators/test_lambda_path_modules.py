"""`lambda_path` of modules in mixed precision, and of tied weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, load_model
from torch import Tensor, nn

import shrinkage as sh
from shrinkage import RequestError


def quick(make: Any, X: Tensor, y: Tensor, **changes: Any) -> Any:
    settings: dict[str, Any] = {
        "lambdas": [0, 1e-2],
        "cv": 2,
        "max_epochs": 2,
        "max_extensions": 0,
        "keep_path": False,
        "n_jobs": 1,
        "random_state": 0,
    }
    return sh.lambda_path(make, X, y, **(settings | changes))


def convolution() -> nn.Module:
    return nn.Sequential(nn.Conv1d(1, 4, 3), nn.BatchNorm1d(4), nn.ReLU(), nn.Flatten(), nn.Linear(24, 2))


def test_modules_that_can_be_stacked_in_full_precision_alone_are_found_before_training() -> None:
    X = torch.randn(40, 1, 8, generator=torch.Generator().manual_seed(0))
    y = (X[:, 0, 0] > 0).long()
    with pytest.raises(RequestError, match="can't be stacked, because in mixed precision"):
        quick(convolution, X, y, stacked=True, autocast="bfloat16")
    auto, alone = (
        quick(convolution, X, y, stacked=form, autocast="bfloat16").path_ for form in ("auto", False)
    )
    np.testing.assert_array_equal(auto.validation_loss, alone.validation_loss)
    plain = quick(convolution, X, y, stacked=False).path_
    np.testing.assert_allclose(auto.validation_loss, plain.validation_loss, rtol=0.02)


class TiedWords(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.out = nn.Embedding(11, 4), nn.Linear(4, 11, bias=False)
        self.out.weight = self.words.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.words(x).tanh()).mT


def test_tied_weights_are_loaded_by_torch_and_by_safetensors(tmp_path: Path) -> None:
    words = torch.randint(0, 11, (24, 5), generator=torch.Generator().manual_seed(0))
    r = quick(TiedWords, words, words)
    r.save(tmp_path)
    one, other = TiedWords(), TiedWords()
    one.load_state_dict(load_file(tmp_path / "module.safetensors"))
    load_model(other, tmp_path / "module.safetensors", strict=False)
    for module in (one, other):
        assert module.out.weight is module.words.weight
        assert torch.equal(module.out.weight, r.module_.out.weight)
