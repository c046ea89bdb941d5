"""Lightning, Accelerate and the Hugging Face Trainer drive the optimizer; the rule does what it does without them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from shrinkage._errors import RequestError
from shrinkage.attachment import Attachment, attach
from shrinkage.rules import L2, Cautious, Decoupled, Rule

pytestmark = [pytest.mark.frameworks, pytest.mark.filterwarnings("ignore")]

RULES = [L2(0.3), Decoupled(rate=0.3, clock="schedule"), Cautious(Decoupled(0.3))]
NAMES = [rule.name for rule in RULES]
ROWS, BATCH = 24, 4


class Table(Dataset[dict[str, Tensor]]):
    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(ROWS, 3, generator=generator)
        self.y = torch.randn(ROWS, 2, generator=generator)

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"x": self.x[index], "labels": self.y[index]}


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)
        with torch.no_grad():
            self.layer.weight.copy_(torch.arange(6.0).reshape(2, 3) / 6)
            self.layer.bias.fill_(0.5)

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        out = self.layer(x)
        return {"loss": (out - labels).square().mean(), "logits": out}


def sgd(model: nn.Module, rule: Rule) -> tuple[torch.optim.Optimizer, Attachment]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return optimizer, attach(optimizer, rule, model=model, lower=False)


def expected(rule: Rule, accumulate: int = 1) -> Tensor:
    model = Tiny()
    optimizer, _ = sgd(model, rule)
    for i, batch in enumerate(DataLoader(Table(), batch_size=BATCH)):
        (model(**batch)["loss"] / accumulate).backward()
        if (i + 1) % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
    return model.layer.weight.detach()


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_lightning(rule: Rule, accumulate: int, tmp_path):
    lightning = pytest.importorskip("pytorch_lightning")

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = Tiny()

        def training_step(self, batch: Any) -> Tensor:
            return self.net(**batch)["loss"]

        def configure_optimizers(self) -> torch.optim.Optimizer:
            optimizer, self.handle = sgd(self, rule)
            return optimizer

    module = Module()
    trainer = lightning.Trainer(
        max_epochs=1, accelerator="cpu", devices=1, logger=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path, accumulate_grad_batches=accumulate,
    )  # fmt: skip
    trainer.fit(module, DataLoader(Table(), batch_size=BATCH))
    torch.testing.assert_close(module.net.layer.weight.detach(), expected(rule, accumulate))
    assert module.handle.steps == ROWS // BATCH // accumulate
    saved = torch.load(next(tmp_path.rglob("*.ckpt")), weights_only=False)
    assert "net.layer.weight" in saved["optimizer_states"][0]["shrinkage"]["parameters"]


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_accelerate(rule: Rule, accumulate: int):
    accelerate = pytest.importorskip("accelerate")
    accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=accumulate)
    model = Tiny()
    optimizer, handle = sgd(model, rule)
    model, optimizer, loader = accelerator.prepare(model, optimizer, DataLoader(Table(), batch_size=BATCH))
    for batch in loader:
        with accelerator.accumulate(model):
            accelerator.backward(model(**batch)["loss"])
            optimizer.step()
            optimizer.zero_grad()
    torch.testing.assert_close(
        accelerator.unwrap_model(model).layer.weight.detach(), expected(rule, accumulate)
    )
    assert handle.steps == ROWS // BATCH // accumulate
    with pytest.raises(RequestError, match="Give the optimizer inside it"):
        attach(optimizer, rule, model=model)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_the_hugging_face_trainer(rule: Rule, tmp_path):
    transformers = pytest.importorskip("transformers")
    model = Tiny()
    optimizer, handle = sgd(model, rule)
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), per_device_train_batch_size=BATCH, num_train_epochs=1, use_cpu=True,
        report_to=[], max_grad_norm=0.0, save_strategy="no", disable_tqdm=True, label_names=["labels"],
    )  # fmt: skip
    constant = torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)

    class InOrder(transformers.Trainer):
        def get_train_dataloader(self) -> DataLoader[Any]:
            return DataLoader(Table(), batch_size=BATCH)

    InOrder(model=model, args=arguments, train_dataset=Table(), optimizers=(optimizer, constant)).train()
    torch.testing.assert_close(model.layer.weight.detach(), expected(rule))
    assert handle.steps == ROWS // BATCH
