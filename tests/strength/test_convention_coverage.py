"""Every convention is held against something: a package, a formula, a closed form; or it is said here why not."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest
import test_verified_formulas as formulas
import test_verified_frameworks as frameworks
import test_verified_sklearn as solvers
import test_verified_timm as timm
import test_verified_torch as trained

from shrinkage.strength import conventions

SUITES = {
    *trained.RUNS,
    *frameworks.RUNS,
    *timm.RUNS,
    *formulas.TWINS,
    *solvers.OPTIMA,
    *(f"bitsandbytes.optim.{name}" for name in frameworks.BITSANDBYTES),
}
"""The registries of the suites that train with each convention."""
TEXT = "\n".join(
    p.read_text(encoding="utf-8") for p in Path(__file__).parent.glob("test_*.py") if p != Path(__file__)
)
"""A convention may also be quoted in a closed form of its own."""

ONLY_READ = {
    "apex.optimizers.*": "built with CUDA",
    "bitsandbytes.optim.Paged*": "paged memory needs CUDA; the code of the step is that of the class without it",
    "bitsandbytes.optim.AdEMAMix*": "has no kernel for the CPU",
    "bitsandbytes.optim.LA*": "no scalar: the norms of the run take part",
    "fastai.optimizer.*": "the same step as the forms that are trained, with another order of decay",
    "muon.Muon*": "needs a process group; SingleDeviceMuonWithAuxAdam has the same lines and is trained",
    "keras.optimizers.ScheduleFreeAdamW": "no scalar; what it does not decay is tested beside the frameworks",
    "optax.contrib.mechanize": "no scalar: norms and a learned step size take part",
    "shrinkage.Decoupled:clock=corrected": "trained as timm's corrected forms, and in the suite of rules",
    "sklearn.neural_network.MLPRegressor:solver=*": "tested by solver in the suite of scikit-learn",
    "sklearn.linear_model.SGD*:penalty=l1": "its definition is the formula",
    "torch.optim.Adam:reduction=sum": "the same line as in torch.optim.SGD:reduction=sum, which is trained",
    **{c.name: "torch's own class" for c in conventions("timm.optim.") if c.note == "torch's own class."},
    **{c.name: "no scalar" for c in conventions("timm.optim.") if c.kind == "no scalar"},
    "schedulefree.AdamWScheduleFree": "held by its formula once the first steps are forgotten",
    "transformers.*": "torch's AdamW, and a learning rate by the weights' size",
    "torchtitan.AdamW": "torch's own class",
    "pytabkit.TabM": "torch's own class",
    "tabm.TabM": "torch's own class",
    "libsvm": "what sklearn.svm.SVC wraps",
    "sklearn.linear_model.RidgeClassifier": "Ridge on ±1",
    "tf.nn.l2_loss": "its definition is the formula",
    "paddle.regularizer.L1Decay": "no wheel; its definition is the formula",
    "chainer.optimizer_hooks.WeightDecay": "no longer maintained; one line",
    "laplace.marglik_training": "its definition is the formula of prior_precision",
}
"""Why a convention is not trained here, by the pattern of its name."""


def reason(name: str) -> str | None:
    return next((why for pattern, why in ONLY_READ.items() if fnmatch(name, pattern)), None)


@pytest.mark.parametrize("entry", list(conventions()), ids=lambda c: c.name)
def test_a_convention_is_in_a_suite_or_has_a_reason(entry):
    assert entry.name in SUITES or f'"{entry.name}"' in TEXT or reason(entry.name)


def test_no_reason_is_left_over():
    names = [c.name for c in conventions() if c.name not in SUITES]
    assert all(any(fnmatch(name, pattern) for name in names) for pattern in ONLY_READ)
