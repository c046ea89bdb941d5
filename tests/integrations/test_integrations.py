"""Each callback in its real framework, from the block of the page; and stopped runs that end with the same bits."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import shrinkage as sh
from shrinkage.attachment import attachments_of

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings("ignore")]

PAGE = (Path(__file__).parents[2] / "docs" / "integrations.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^## ([^\n]*)\n(?:(?!^## ).)*?```python\n(.*?)```", PAGE, re.S | re.M))
ROWS = 24


class Rows(Dataset[dict[str, Tensor]]):
    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x, self.y = (torch.randn(ROWS, n, generator=generator) for n in (3, 2))

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"x": self.x[index], "labels": self.y[index]}


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 2)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Any:
        out = self.layer(x)
        return out if labels is None else {"loss": (out - labels).square().mean(), "logits": out}


def run(title: str, **names: Any) -> dict[str, Any]:
    exec(compile(BLOCKS[title], "integrations.md", "exec"), names)
    return names


def test_the_transformers_block_logs_and_decays(tmp_path):
    pytest.importorskip("transformers")
    model = Tiny()
    trainer = run("transformers", folder=str(tmp_path), model=model, dataset=Rows())["trainer"]
    logged = [entry for entry in trainer.state.log_history if "shrink/group0" in entry]
    assert len(logged) >= 3
    handle = attachments_of(trainer.optimizer.optimizer)[0]
    assert handle.steps == 6
    assert {row.name: bool(row.how) for row in handle.table()} == {"layer.weight": True, "layer.bias": False}


@pytest.mark.parametrize(
    "rule", [sh.Decoupled(0.1), sh.L2SP(0.3), sh.ConstrainedNorm(0.9)], ids=lambda rule: rule.name
)
def test_a_resumed_trainer_ends_with_the_same_bits(rule, tmp_path):
    transformers = pytest.importorskip("transformers")
    from shrinkage.integrations.transformers import ShrinkageCallback

    def trainer(folder: Path) -> Any:
        arguments = transformers.TrainingArguments(
            output_dir=str(folder), max_steps=6, save_steps=3, report_to=[], use_cpu=True, learning_rate=0.01,
            disable_tqdm=True, label_names=["labels"], warmup_steps=2, per_device_train_batch_size=4,
        )  # fmt: skip
        callback = ShrinkageCallback(rule, audit=False)
        made = transformers.Trainer(model=Tiny(), args=arguments, train_dataset=Rows())
        callback.add_to(made)
        return made

    whole, again = trainer(tmp_path), trainer(tmp_path)
    whole.train()
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    assert attachments_of(again.optimizer.optimizer)[0].steps == 6
    assert torch.equal(whole.model.layer.weight, again.model.layer.weight)


def lightning_module() -> Any:
    lightning = pytest.importorskip("pytorch_lightning")

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = Tiny()

        def training_step(self, batch: Any) -> Tensor:
            return self.net(**batch)["loss"]

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=0.01, weight_decay=0)

    return Module()


def test_the_lightning_block_logs_and_decays(tmp_path):
    module = lightning_module()
    names = run("Lightning", folder=tmp_path, module=module, loader=DataLoader(Rows(), batch_size=4))
    trainer = names["trainer"]
    assert "shrink/group0" in trainer.logged_metrics
    assert attachments_of(trainer.optimizers[0])[0].steps == 6


@pytest.mark.parametrize(
    "rule", [sh.Decoupled(0.1), sh.L2SP(0.3), sh.ConstrainedNorm(0.9)], ids=lambda rule: rule.name
)
def test_a_resumed_lightning_run_ends_with_the_same_bits(rule, tmp_path):
    lightning = pytest.importorskip("pytorch_lightning")
    from shrinkage.integrations.lightning import ShrinkageCallback

    def fitted(epochs: int, checkpoint: str | None) -> Any:
        module = lightning_module()
        trainer = lightning.Trainer(
            max_epochs=epochs, callbacks=[ShrinkageCallback(rule, audit=False)], default_root_dir=tmp_path, logger=False,
            accelerator="cpu", enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(module, DataLoader(Rows(), batch_size=4), ckpt_path=checkpoint)
        trainer.save_checkpoint(tmp_path / f"{epochs}.ckpt")
        return module

    fitted(1, None)
    again = fitted(2, str(tmp_path / "1.ckpt"))
    whole = fitted(2, None)
    assert torch.equal(whole.net.layer.weight, again.net.layer.weight)


def test_the_skorch_block_records_and_decays():
    pytest.importorskip("skorch")
    data = Rows()
    net = run("skorch", model=Tiny, X=data.x.numpy(), y=data.y.numpy())["net"]
    assert net.history[-1, "lam/group0"] == 0.01
    handles = attachments_of(net.optimizer_)
    assert len(handles) == 1
    steps = handles[0].steps
    net.partial_fit(data.x.numpy(), data.y.numpy())
    assert attachments_of(net.optimizer_) == handles
    assert handles[0].steps == 2 * steps


def test_the_keras_block_logs_and_decays(monkeypatch):
    monkeypatch.setitem(os.environ, "KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "torch":
        pytest.skip("Keras was imported with another backend in this process")
    data = Rows()
    keras_model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    names = run("Keras 3, on torch", keras_model=keras_model, X=data.x.numpy(), y=data.y.numpy())
    assert names["history"].history["shrinkage/group0/lam"] == [0.1, 0.1]
    assert "apply" not in vars(keras_model.optimizer)


def test_a_rule_around_a_keras_step_is_the_rule_by_hand(monkeypatch):
    monkeypatch.setitem(os.environ, "KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "torch":
        pytest.skip("Keras was imported with another backend in this process")
    from shrinkage.integrations.keras import ShrinkageCallback

    data, ends = Rows(), []
    for by_hand in (True, False):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
        own = {"weight_decay": 0.5} if by_hand else {}
        optimizer = keras.optimizers.SGD(0.1, **own)
        if by_hand:
            optimizer.exclude_from_weight_decay(var_names=["bias"])
        model.compile(optimizer=optimizer, loss="mse")
        callbacks = [] if by_hand else [ShrinkageCallback(sh.Decoupled(0.5))]
        model.fit(
            data.x.numpy(),
            data.y.numpy(),
            batch_size=8,
            epochs=2,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        )
        ends.append(model.get_weights())
    for a, b in zip(*ends, strict=True):
        torch.testing.assert_close(torch.tensor(a), torch.tensor(b), rtol=1e-6, atol=1e-7)


def test_the_accelerate_block_and_a_resumed_run(tmp_path):
    pytest.importorskip("accelerate")

    def prepared() -> dict[str, Any]:
        return run("accelerate", torch=torch, model=Tiny(), loader=DataLoader(Rows(), batch_size=4))

    def train(names: dict[str, Any]) -> None:
        for batch in names["loader"]:
            names["optimizer"].zero_grad()
            names["accelerator"].backward(names["model"](**batch)["loss"])
            names["optimizer"].step()

    whole = prepared()
    train(whole)
    whole["accelerator"].save_state(str(tmp_path))
    train(whole)
    again = prepared()
    again["accelerator"].load_state(str(tmp_path))
    train(again)
    assert again["handle"].steps == whole["handle"].steps == 12
    assert torch.equal(whole["model"].layer.weight, again["model"].layer.weight)


def test_a_keras_optimizer_is_audited_and_left_as_it_was(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "torch":
        pytest.skip("Keras was imported with another backend")
    from shrinkage.integrations.keras import audit

    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)])
    optimizer = keras.optimizers.AdamW(2e-3, weight_decay=0.05)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer=optimizer, loss="mse")
    model.fit(torch.randn(8, 3).numpy(), torch.randn(8, 2).numpy(), verbose=0)
    held = [*model.trainable_variables, *optimizer.variables]
    before = [v.value.detach().clone() for v in held]
    found = audit(model, rows=1000, batch_size=10)
    by_name = {name.rpartition("/")[2]: g for g in found.groups for name in g.parameters}
    assert found.optimizer == "AdamW"
    assert by_name["kernel"].shrink == pytest.approx(1e-4, rel=1e-6)
    assert by_name["kernel"].rule.endswith("× lr")
    assert by_name["bias"].rule == "no decay"
    assert all(torch.equal(v.value, old) for v, old in zip(held, before, strict=True))
    with pytest.raises(sh.RequestError, match=r"integrations.keras.audit\(model\)"):
        sh.audit(optimizer)
    with pytest.raises(sh.RequestError, match="ShrinkageCallback"):
        sh.attach(optimizer, sh.Decoupled(0.1))
