"""Other frameworks' optimizers do with their number what the registry says, and converted numbers train alike."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import io
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from shrinkage.strength import Quantities, conventions
from shrinkage.sweeps import convert
from strength_cases import (
    COSINE,
    MOMENTUM,
    PEAK,
    ROWS,
    STEPS,
    Run,
    assert_same,
    by_keras,
    by_optax,
    by_torch,
    converted,
    flat,
    stated,
    task,
    timm,
)

os.environ.setdefault("KERAS_BACKEND", "torch")
pytestmark = [
    pytest.mark.frameworks,
    # Keras 3.15 with numpy 2.4, in Nadam and in fit.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning"),
    # optimi, of a number that is large on purpose.
    pytest.mark.filterwarnings("ignore:You are using weight_decay up to:UserWarning"),
]
NUMBER = 0.3


@pytest.fixture(autouse=True)
def doubles() -> Iterator[None]:
    """float64 in Keras and jax, and back again afterwards."""
    jax, keras = pytest.importorskip("jax"), pytest.importorskip("keras")
    before = jax.config.jax_enable_x64, keras.config.floatx()
    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    yield
    jax.config.update("jax_enable_x64", before[0])
    keras.config.set_floatx(before[1])


def imported(package: str, name: str):
    return lambda *args, **options: getattr(pytest.importorskip(package), name)(*args, **options)


def optax(name: str, argument: str = "weight_decay", **options):
    """`optax.<name>` as a function of its schedule and its number."""

    def build(lr, number):
        module = pytest.importorskip("optax")
        for part in name.split("."):
            module = getattr(module, part)
        return module(lr, **{argument: number}, **options)

    return build


def decayed_sgd(lr, number):
    library = pytest.importorskip("optax")
    return library.chain(library.add_decayed_weights(number), library.sgd(lr, momentum=MOMENTUM))


def averaged_sgd(lr, number):
    return pytest.importorskip("optax").contrib.schedule_free_sgd(PEAK, weight_decay=number or None)


def quiet_prodigy(*args, **options):
    with contextlib.redirect_stdout(io.StringIO()):
        return pytest.importorskip("prodigyopt").Prodigy(*args, **options)


def muon_with_adam(*, use_muon: bool):
    """All weights in one group, Muon's or the auxiliary AdamW's."""

    def build(weights, lr, weight_decay):
        group = {"params": weights, "lr": lr, "weight_decay": weight_decay, "use_muon": use_muon}
        return pytest.importorskip("muon").SingleDeviceMuonWithAuxAdam([group])

    return build


KERAS = [c.name.rpartition(".")[2] for c in conventions("keras.optimizers.") if c.kind == "decoupled"]
KOZISTR = ("AdaBelief", "Lion", "SGDW")

RUNS: dict[str, Run] = {
    **{f"keras.optimizers.{name}": by_keras(name) for name in KERAS},
    **{
        f"optax.{name}": by_optax(optax(name))
        for name in (
            "adamw",
            "nadamw",
            "adamaxw",
            "adan",
            "lion",
            "adadelta",
            "contrib.muon",
            "contrib.madgrad",
            "contrib.ademamix",
            "contrib.simplified_ademamix",
            "contrib.acprop",
            "contrib.galore",
        )
    },
    "optax.add_decayed_weights": by_optax(decayed_sgd),
    "optax.adafactor": by_optax(optax("adafactor", "weight_decay_rate")),
    **{f"pytorch_optimizer.{name}": by_torch(imported("pytorch_optimizer", name)) for name in KOZISTR},
    **{
        f"pytorch_optimizer.{name}:fixed_decay=True": by_torch(
            imported("pytorch_optimizer", name), fixed_decay=True
        )
        for name in ("AdaBelief", "Lion")
    },
    "pytorch_optimizer.AdaBelief:weight_decouple=False": by_torch(
        imported("pytorch_optimizer", "AdaBelief"), weight_decouple=False
    ),
    "lion_pytorch.Lion": by_torch(imported("lion_pytorch", "Lion")),
    "lion_pytorch.Lion:decoupled_weight_decay=True": by_torch(
        imported("lion_pytorch", "Lion"), decoupled_weight_decay=True
    ),
    # Its d stays 1, so that the lr typed is the lr of the step.
    "prodigyopt.Prodigy": by_torch(quiet_prodigy, d0=1.0, growth_rate=1.0),
    "prodigyopt.Prodigy:decouple=False": by_torch(quiet_prodigy, d0=1.0, growth_rate=1.0, decouple=False),
    "muon.SingleDeviceMuonWithAuxAdam": by_torch(muon_with_adam(use_muon=True)),
    "muon.SingleDeviceMuonWithAuxAdam:use_muon=False": by_torch(muon_with_adam(use_muon=False)),
    "optax.contrib.schedule_free_sgd": by_optax(averaged_sgd),
    "optimi.SGD": by_torch(imported("optimi", "SGD"), momentum=MOMENTUM),
    "optimi.SGD:decouple_wd=True": by_torch(imported("optimi", "SGD"), momentum=MOMENTUM, decouple_wd=True),
    "optimi.SGD:decouple_lr=True": by_torch(imported("optimi", "SGD"), momentum=MOMENTUM, decouple_lr=True),
    "optimi.Adam": by_torch(imported("optimi", "Adam")),
    "optimi.AdamW": by_torch(imported("optimi", "AdamW")),
    "optimi.AdamW:decouple_lr=True": by_torch(imported("optimi", "AdamW"), decouple_lr=True),
    "schedulefree.SGDScheduleFree": by_torch(imported("schedulefree", "SGDScheduleFree")),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_package_does_what_the_registry_says_under_a_schedule(name):
    run = RUNS[name]
    number = (
        0.01
        if any(word in name for word in ("fixed_decay", "decouple_lr", "decoupled_weight_decay=True"))
        or name == "optax.adafactor"
        else NUMBER
    )
    ours = run(number)
    assert_same(ours, stated(name, run, number))
    assert not np.allclose(ours, run(0.0), rtol=1e-6)


FINE: dict[str, Any] = {
    "eps": 1e-16
}  # eps stands inside or outside the bias correction: small enough, it does not matter
SGD, HEAVY = by_torch(torch.optim.SGD), by_torch(torch.optim.SGD, momentum=MOMENTUM)
ADAMW = by_torch(torch.optim.AdamW, **FINE)
CONSTANT = Quantities(schedule="constant", steps=STEPS, lr=PEAK)
MU: dict[str, Any] = {"momentum": MOMENTUM}

PAIRS = [
    ("torch.optim.AdamW", ADAMW, "keras.optimizers.AdamW", by_keras("AdamW", epsilon=1e-16), {}),
    ("torch.optim.AdamW", ADAMW, "keras.optimizers.Adam", by_keras("Adam", epsilon=1e-16), {}),
    ("torch.optim.AdamW", ADAMW, "optax.adamw", by_optax(optax("adamw", **FINE)), {}),
    (
        "torch.optim.AdamW",
        ADAMW,
        "timm.optim.AdamWLegacy",
        by_torch(timm("adamw", "AdamWLegacy"), **FINE),
        {},
    ),
    ("torch.optim.SGD", HEAVY, "optax.add_decayed_weights", by_optax(decayed_sgd), MU),
    ("torch.optim.SGD", SGD, "keras.optimizers.SGD", by_keras("SGD"), {}),
    ("torch.optim.SGD", SGD, "timm.optim.SGDW", by_torch(timm("sgdw", "SGDW")), {}),
    ("torch.optim.SGD", SGD, "pytorch_optimizer.SGDW", by_torch(imported("pytorch_optimizer", "SGDW")), {}),
    (
        "keras.optimizers.SGD",
        by_keras("SGD", **MU),
        "timm.optim.SGDW",
        by_torch(timm("sgdw", "SGDW"), **MU),
        MU,
    ),
    (
        "torch.optim.AdamW",
        ADAMW,
        "optimi.AdamW:decouple_lr=True",
        by_torch(imported("optimi", "AdamW"), decouple_lr=True, betas=(0.9, 0.999), **FINE),
        {},
    ),
    ("keras.optimizers.Lion", by_keras("Lion"), "optax.lion", by_optax(optax("lion")), {}),
    ("optax.lion", by_optax(optax("lion")), "timm.optim.Lion", by_torch(timm("lion", "Lion")), {}),
    (
        "timm.optim.Lion",
        by_torch(timm("lion", "Lion")),
        "pytorch_optimizer.Lion",
        RUNS["pytorch_optimizer.Lion"],
        {},
    ),
]


@pytest.mark.parametrize(
    "source, source_run, target, target_run, options", PAIRS, ids=[f"{pair[0]}-{pair[2]}" for pair in PAIRS]
)
def test_a_converted_number_trains_to_the_same_weights(source, source_run, target, target_run, options):
    # Keras keeps the old rate in the velocity: with momentum the two agree at a constant rate.
    schedule = CONSTANT if source == "keras.optimizers.SGD" else COSINE
    number = converted(NUMBER, source, target, **options)
    assert_same(source_run(NUMBER, schedule=schedule), target_run(number, schedule=schedule))


def test_keras_fit_with_a_regularizer_is_torch_with_its_converted_number():
    import keras

    problem = task()
    number = converted(NUMBER, "torch.optim.SGD", "keras.regularizers.L2", **MU)
    layer = functools.partial(
        keras.layers.Dense, use_bias=False, kernel_regularizer=lambda w: keras.regularizers.L2(number)(w)
    )
    model = keras.Sequential([keras.Input((4,)), layer(6, activation="tanh"), layer(3)])
    model.compile(keras.optimizers.SGD(PEAK, **MU), keras.losses.CategoricalCrossentropy(from_logits=True))
    model.set_weights(problem.start)
    model.fit(problem.X, problem.Y, batch_size=ROWS, epochs=STEPS, shuffle=False, verbose="0")
    assert_same(HEAVY(NUMBER, schedule=CONSTANT), flat(model.get_weights()))


def test_every_optimizer_of_keras_is_in_the_registry():
    import keras

    bases = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"}
    public = {name for name, kind in vars(keras.optimizers).items() if isinstance(kind, type)} - bases
    assert public <= {c.name.rpartition(".")[2] for c in conventions("keras.optimizers.")}


def test_every_optimizer_of_bitsandbytes_is_in_the_registry():
    library = pytest.importorskip("bitsandbytes").optim
    public = {name for name, kind in vars(library).items() if isinstance(kind, type)}
    aside = {"GlobalOptimManager", "PytorchLARS"}
    assert public - aside == {c.name.rpartition(".")[2] for c in conventions("bitsandbytes.optim.")}


@pytest.mark.parametrize(
    "package", ["bitsandbytes", "keras", "lion_pytorch", "optax", "optimi", "prodigyopt"]
)
def test_a_note_states_the_default_of_the_installed_package(package):
    pytest.importorskip(package, reason="needs the extra 'frameworks'")
    rows = {
        c.name: c
        for c in conventions(f"{package}.")
        if ":" not in c.name and c.family and c.kind != "no scalar"
    }
    for name, row in rows.items():
        module, _, kind = name.rpartition(".")
        arguments = inspect.signature(getattr(importlib.import_module(module), kind)).parameters
        number = next(
            (p.default for key, p in arguments.items() if key in ("weight_decay", "weight_decay_rate")), 0
        )
        said = re.findall(r"[Dd]efaults? (?:to )?(\d[\d.e-]*\d|\d)", row.note)
        assert float(said[0] if said else 0) == float(number or 0), name


def test_schedule_free_adamw_of_keras_never_decays_the_sequence_that_the_gradients_move():
    import keras

    w = keras.Variable(np.ones(3), dtype="float64")
    optimizer = keras.optimizers.ScheduleFreeAdamW(0.1, weight_decay=0.3)
    optimizer.build([w])
    for _ in range(20):
        optimizer.apply([torch.zeros(3, dtype=torch.float64)], [w])
    z, y = (v.value.detach().numpy()[0] for v in (optimizer._momentums[0], w))
    assert z == 1.0
    assert y - 0.97**20 > 0.1


BITSANDBYTES = [
    f"{name}{bits}"
    for name in ("Adam", "AdamW", "Lion", "SGD", "RMSprop", "Adagrad")
    for bits in ("", "8bit", "32bit")
]


@pytest.mark.parametrize("name", BITSANDBYTES)
def test_bitsandbytes_on_the_cpu_does_what_the_registry_says(name):
    # Its kernels compute in float32, so 1e-5 is what they hold.
    # States of fewer than 4096 numbers have 32 bits in the 8-bit classes, too.
    options = MU if name.startswith("SGD") else {}
    run = by_torch(
        lambda *args, **kwargs: getattr(pytest.importorskip("bitsandbytes").optim, name)(*args, **kwargs),
        **options,
    )
    ours = run(NUMBER)
    assert_same(ours, stated(f"bitsandbytes.optim.{name}", run, NUMBER), rel=1e-5)
    assert not np.allclose(ours, run(0.0), rtol=1e-3)


def test_novograd_shrinks_through_its_first_moment():
    import jax.numpy as jnp

    library, number, lr = pytest.importorskip("optax"), 1e-3, 0.1
    transform = library.novograd(lr, weight_decay=number)
    w = jnp.ones(3)
    state, sizes = transform.init(w), []
    for _ in range(120):
        updates, state = transform.update(jnp.zeros(3), state, w)
        w = w + updates
        sizes.append(float(w[0]))
    shrink = convert(number, "optax.novograd", "shrink", lr=lr)
    assert shrink.value == pytest.approx(1 - sizes[-1] / sizes[-2], rel=2e-2)
    assert not shrink.exact
