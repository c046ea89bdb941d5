"""Real set-ups of other packages: what an audit finds in each, written down."""

import importlib
import importlib.util
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

from auditing_cases import codes
from shrinkage.auditing import audit, audit_step

pytestmark = [
    pytest.mark.frameworks,
    pytest.mark.filterwarnings("ignore"),  # of the packages about each other
]


def classifier():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(32, 4))


def split(model):
    """Matrices decayed, the rest exempt."""
    decayed = [p for p in model.parameters() if p.dim() > 1]
    exempt = [p for p in model.parameters() if p.dim() < 2]
    return [{"params": decayed, "weight_decay": 0.01}, {"params": exempt, "weight_decay": 0.0}]


# Hugging Face's Trainer: exempt by name (bias, norm patterns) and by the type nn.LayerNorm

TINY = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1}


def bert(hf):
    config = hf.BertConfig(**TINY, num_attention_heads=2, intermediate_size=32, max_position_embeddings=16)
    return hf.BertForSequenceClassification(config)


def t5(hf):
    return hf.T5ForConditionalGeneration(
        hf.T5Config(vocab_size=50, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    )


def mamba(hf):
    return hf.MambaForCausalLM(hf.MambaConfig(**TINY, state_size=4))


def resnet(hf):
    return hf.ResNetForImageClassification(
        hf.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
    )


TRAINED = {
    bert: {"token-decayed": 1, "embedding-decayed": 2},
    t5: {"matrix-exempt": 2, "tied": 1, "embedding-decayed": 1},  # relative_attention_bias, by its name
    mamba: {"norm-decayed": 3, "tied": 1, "embedding-decayed": 1},  # A_log, D and the last norm
    resnet: {"norm-decayed": 8},  # nn.BatchNorm2d called `normalization`
}


@pytest.mark.parametrize("build", TRAINED, ids=lambda build: build.__name__)
def test_trainer(build, tmp_path):
    hf = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    model = build(hf)
    arguments = hf.TrainingArguments(output_dir=str(tmp_path), weight_decay=0.01, report_to=[], use_cpu=True)
    trainer = hf.Trainer(model=model, args=arguments)
    trainer.create_optimizer()
    found = {f.code: len(f.parameters) for f in audit(trainer.optimizer, model).findings}
    assert found == TRAINED[build]


# timm


def timm_optim(monkeypatch):
    """timm.optim without the rest of timm, which wants torchvision."""
    spec = importlib.util.find_spec("timm")
    if spec is None:
        pytest.skip("timm is not installed")
    root = types.ModuleType("timm")
    root.__path__ = list(spec.submodule_search_locations or ())
    models = types.ModuleType("timm.models")
    models.group_parameters = None  # pyright: ignore[reportAttributeAccessIssue] of layer-wise decay, unused here
    for name in [name for name in sys.modules if name.partition(".")[0] == "timm"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "timm", root)
    monkeypatch.setitem(sys.modules, "timm.models", models)
    return importlib.import_module("timm.optim")


@pytest.mark.parametrize(
    "kind, expected",
    [
        ("adamw", set()),
        ("sgdw", set()),
        ("sgd", set()),
        ("adam", {"adam-l2"}),
        ("lamb", {"trust-ratio-off"}),
        ("lars", {"trust-ratio-off"}),
    ],
)
def test_timm_create_optimizer(monkeypatch, kind, expected):
    optim = timm_optim(monkeypatch)
    model = classifier()
    optimizer = optim.create_optimizer_v2(model, opt=kind, lr=1e-2, weight_decay=0.05, momentum=0.9)
    assert codes(optimizer, model) == expected


# trainers and wrappers


def test_lightning():
    lightning = pytest.importorskip("pytorch_lightning")

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Linear(6, 3)

        def training_step(self, batch, index):
            return self.net(batch[0]).square().mean()

        def configure_optimizers(self):
            optimizer = torch.optim.Adam(self.parameters(), lr=1e-3, weight_decay=1e-2)
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1)]

    module = Module()
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = lightning.Trainer(max_steps=2, accelerator="cpu", **quiet)
    trainer.fit(
        module, torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(8, 6)), batch_size=4)
    )
    expected = {"adam-l2", "bias-decayed"}
    assert codes(trainer.optimizers[0], module) == expected
    assert codes(module.optimizers(), module) == expected


def test_accelerate():
    accelerate = pytest.importorskip("accelerate")
    model = classifier()
    model, optimizer = accelerate.Accelerator(cpu=True).prepare(
        model, torch.optim.AdamW(split(model), lr=1e-3)
    )
    assert codes(optimizer, model) == set()


def test_skorch():
    skorch = pytest.importorskip("skorch")
    options = {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9, "optimizer__weight_decay": 1e-3}
    net = skorch.NeuralNetClassifier(
        nn.Linear(4, 2), criterion=nn.CrossEntropyLoss, train_split=None, verbose=0, max_epochs=1, **options
    )
    net.fit(np.ones((16, 4), np.float32), np.zeros(16, np.int64))
    assert codes(net.optimizer_, net.module_) == {"bias-decayed"}


# Keras 3 on torch: weight_decay is decay beside the gradient in every optimizer, SGD with momentum too


@pytest.mark.parametrize("kind, options, lam", [("SGD", {"momentum": 0.9}, 0.01), ("Adam", {}, None)])
def test_keras(monkeypatch, kind, options, lam):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    held = []

    def step(weights, gradients, lr):
        if not held:
            variables = [keras.Variable(w, dtype="float64") for w in weights]
            held.extend((getattr(keras.optimizers, kind)(lr, weight_decay=0.1, **options), variables))
            held[0].build(variables)
        optimizer, variables = held
        for variable, w in zip(variables, weights, strict=True):
            variable.assign(w)
        optimizer.apply_gradients(
            list(zip(map(keras.ops.convert_to_tensor, gradients), variables, strict=True))
        )
        return [keras.ops.convert_to_numpy(variable) for variable in variables]

    found = audit_step(step, [np.random.default_rng(0).normal(size=(6, 5))], lr=0.01, reset=held.clear)
    assert found.findings == []
    assert found.groups[0].rule == "decay beside the gradient, × lr"
    assert found.groups[0].shrink == pytest.approx(0.01 * 0.1, rel=1e-4)
    assert found.groups[0].lam == (None if lam is None else pytest.approx(lam, rel=1e-3))


# fastai: no torch optimizer, and decoupled by default, SGD with momentum too


def test_fastai():
    optimizers = pytest.importorskip("fastai.optimizer")
    weights = [nn.Parameter(torch.randn(6, 5, dtype=torch.float64))]
    optimizer = optimizers.SGD(weights, lr=0.1, mom=0.9, wd=0.01)
    found = audit_step(optimizer.step, weights, reset=optimizer.clear_state)
    assert found.findings == []
    assert found.groups[0].shrink == pytest.approx(1e-3, rel=1e-6)


# third-party optimizers


@pytest.mark.parametrize(
    "kind, expected",
    [
        ("Lion", set()),
        ("Adan", set()),
        ("AdEMAMix", {"adam-l2"}),
        ("LARS", set()),
        ("SophiaH", set()),  # wants gradients that it can differentiate again
    ],
)
def test_pytorch_optimizer(kind, expected):
    package = pytest.importorskip("pytorch_optimizer")
    model = classifier()
    assert codes(getattr(package, kind)(split(model), lr=1e-2), model) == expected


@pytest.mark.parametrize(
    "kind, expected",
    [("Adam", {"adam-is-adamw"}), ("AdamW", set()), ("Lion", set()), ("RMSprop", {"adam-l2"})],
)
def test_bitsandbytes(kind, expected):
    package = pytest.importorskip("bitsandbytes")
    model = nn.Sequential(nn.Linear(80, 40), nn.ReLU(), nn.Linear(40, 4))
    groups = [{**group, "weight_decay": 10 * group["weight_decay"]} for group in split(model)]
    assert codes(getattr(package.optim, kind)(groups, lr=1e-2), model) == expected


@pytest.mark.parametrize("kind", ["AdamWScheduleFree", "SGDScheduleFree"])
def test_schedule_free_has_one_decay_while_it_runs_too(kind):
    package = pytest.importorskip("schedulefree")
    model = classifier()
    optimizer = getattr(package, kind)(split(model), lr=1e-2)
    optimizer.train()
    for _ in range(5):
        for p in model.parameters():
            p.grad = torch.randn_like(p)
        optimizer.step()
    assert "two-penalties" not in {f.code for f in audit(optimizer, model).findings}


def test_schedule_free_decays_its_average_at_half_the_pace():
    package = pytest.importorskip("schedulefree")
    model = classifier()
    found = audit(package.AdamWScheduleFree(split(model), lr=1e-2), model)
    assert found.findings == []
    # The weights that train are 0.1 z + 0.9 x, and the average x moves half as fast as z at first.
    assert found.groups[0].rule == "decay before the step, × lr, spread by averaging"
    assert found.groups[0].shrink == pytest.approx((0.1 + 0.9 / 2) * 1e-2 * 0.01, rel=0.05)
