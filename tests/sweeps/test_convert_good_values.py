"""`convert` says where good values lie in the run, in the words and numbers of `useful_range`."""

import pytest

from shrinkage import conventions, convert, useful_range
from shrinkage.sweeps import good_words

RUN = {
    "lr": 0.01,
    "steps": 4000,
    "schedule": "cosine",
    "loss": "cross_entropy",
    "rows": 64_000,
    "batch_size": 32,
}


def targets() -> list[str]:
    """Every convention that an L2 penalty of torch's SGD can be converted to."""
    return [
        row.name for row in conventions() if row.norm == "l2" and not row.name.startswith("torch.optim.SGD")
    ]


@pytest.mark.parametrize("target", ["torch.optim.AdamW", "keras.optimizers.AdamW", "optax.adamw", "rate"])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_good_values_are_those_of_useful_range(target: str, schedule: str):
    if target == "rate":
        target = "tfa.optimizers.AdamW"
    run = {"lr": 1e-3, "steps": 10_000, "schedule": schedule}
    found = convert(0.1, "torch.optim.AdamW", target, **run)
    good = useful_range(target, **run).good
    assert good is not None
    assert found.good == good
    assert found.note.endswith(f" In this run {good_words(good)}.")


@pytest.mark.parametrize(
    "run",
    [
        {},
        {"lr": 1e-3},
        {"steps": 100},
        {"lr": 1e-3, "epochs": 3},
    ],
    ids=["nothing", "lr", "steps", "epochs"],
)
def test_without_the_run_nothing_is_said(run):
    found = convert(0.1, "torch.optim.AdamW", "optax.adamw", **run)
    assert found.good is None
    assert "good values" not in found.note


def test_epochs_rows_and_batch_size_tell_the_length_of_the_run():
    by_epochs = convert(
        0.1, "torch.optim.AdamW", "optax.adamw", lr=1e-3, epochs=2, rows=64_000, batch_size=32
    )
    assert by_epochs.good is not None
    steps = {"lr": 1e-3, "steps": 4000, "rows": 64_000, "batch_size": 32}
    assert by_epochs.good == pytest.approx(useful_range("optax.adamw", **steps).good)


def test_a_solver_has_none():
    found = convert(
        1e-4,
        "torch.optim.SGD",
        "sklearn.linear_model.Ridge",
        **{**RUN, "loss": "squared_error", "outputs": 1},
    )
    assert found.good is None


def test_every_convention_gets_what_useful_range_finds():
    said = 0
    for name in targets():
        try:
            found = convert(1e-4, "torch.optim.SGD", name, approximate=True, **RUN)
        except ValueError:
            continue
        try:
            good = useful_range(name, **RUN).good
        except ValueError:
            good = None
        assert found.good == good, name
        said += good is not None
    assert said > 50
