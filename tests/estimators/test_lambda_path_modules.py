"""`lambda_path` of modules in mixed precision and of tied weights, of data in any number format, and what it saves."""

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


def quick(make: Any, X: Any, y: Any, **changes: Any) -> Any:
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


def linear() -> nn.Module:
    return nn.Linear(4, 2)


INPUTS = torch.randn(40, 4, generator=torch.Generator().manual_seed(0))
ROWS = INPUTS, (INPUTS[:, 0] > 0).long()


@pytest.mark.parametrize(
    "targets", [np.uint16, np.uint32, np.uint64, np.uint8, np.int16, bool], ids=lambda t: t.__name__
)
def test_class_numbers_of_any_format_give_the_same_path(targets: Any) -> None:
    X, y = ROWS
    found = quick(linear, X, y.numpy().astype(targets))
    np.testing.assert_array_equal(found.path_.validation_loss, quick(linear, X, y).path_.validation_loss)


@pytest.mark.parametrize(
    "convert",
    [
        lambda X: X.numpy().astype(np.longdouble),
        lambda X: X.to(torch.complex64).conj().real,
        lambda X: torch.complex(torch.zeros_like(X), -X).conj().imag,
        lambda X: X.numpy().astype(">f4"),
        lambda X: np.asfortranarray(X.numpy()),
    ],
    ids=["long double", "conjugate", "negated view", "big-endian", "by columns"],
)
def test_inputs_of_any_format_give_the_same_path(convert: Any) -> None:
    X, y = ROWS
    found = quick(linear, convert(X), y)
    np.testing.assert_array_equal(found.path_.validation_loss, quick(linear, X, y).path_.validation_loss)


class Sum(nn.Module):
    """With an argument that may be left out."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 2)

    def forward(self, a: Tensor, b: Tensor | None = None) -> Tensor:
        return self.linear(a if b is None else a + b)


@pytest.mark.parametrize("given", [lambda X: (X, None), lambda X: {"a": X, "b": None}], ids=["tuple", "dict"])
def test_none_is_an_argument_that_is_left_out(given: Any) -> None:
    X, y = ROWS
    found = quick(Sum, given(X), y)
    np.testing.assert_array_equal(found.path_.validation_loss, quick(Sum, X, y).path_.validation_loss)
    assert [name for name, _ in found.row_shapes_][-1] == "y"


@pytest.mark.parametrize("switch", ["keep_path", "decay_biases"])
def test_a_switch_is_true_or_false(switch: str) -> None:
    with pytest.raises(RequestError, match=f"{switch}=…: must be True or False, got 'no'"):
        quick(linear, *ROWS, **{switch: "no"})


@pytest.mark.parametrize("lam", ["0.1", None, True])
def test_a_module_is_asked_for_by_a_number(lam: Any) -> None:
    with pytest.raises(RequestError, match=r"module\(lam=…\): must be a number, one of lambdas_"):
        quick(linear, *ROWS).module(lam)


def test_what_the_users_progress_raises_is_not_the_modules() -> None:
    def progress(done: float, total: float) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        quick(linear, *ROWS, progress=progress)


def test_a_dataset_with_random_numbers_of_its_own_is_warned_of() -> None:
    class Noisy(torch.utils.data.Dataset[Any]):
        def __init__(self, own: Any) -> None:
            self.own = own

        def __len__(self) -> int:
            return 40

        def __getitem__(self, i: int) -> Any:
            return ROWS[0][i] + torch.randn(4, generator=self.own), ROWS[1][i]

    with pytest.warns(UserWarning, match="another one if it is read again with the same seeds"):
        quick(linear, Noisy(torch.Generator().manual_seed(0)), None)
    quick(linear, Noisy(None), None)


def test_a_module_that_no_file_holds_is_refused_before_a_file_is_written(tmp_path: Path) -> None:
    class Waves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 2, dtype=torch.complex128)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x.to(torch.complex128)).abs()

    with pytest.raises(RequestError, match="safetensors has no complex128, which linear"):
        quick(Waves, *ROWS).save(tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_file_in_the_place_of_the_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("")
    with pytest.raises(RequestError, match="can't be made a folder: File exists"):
        quick(linear, *ROWS).save(tmp_path / "r")
    with pytest.raises(RequestError, match="is no folder, so no blocks can be kept there"):
        quick(linear, *ROWS, blocks=tmp_path / "r")
