"""Made-up fits for the reports: curves in closed form, the shape of a real path, no training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page
from scipy.special import expit

from shrinkage.evaluation import (
    Dependence,
    Effects,
    Importance,
    LinearPath,
    OutOfFold,
    Uncertainty,
    calibrate,
    uncertainty,
)
from shrinkage.path import Choice, PathResult
from shrinkage.reporting import ColumnSummary, FitStory, StrengthElsewhere

LAMBDAS = np.concatenate([[0.0], np.logspace(-5, 0, 16)])
HOSTILE = [
    "<script>window.pwned=1</script>",
    "\"'><img src=x onerror=window.pwned=1>",
    '<a href="javascript:window.pwned=1">click</a>',
    "</script></style></textarea><script>window.pwned=1</script>",
    "<b>bold</b> &amp; &lt;i&gt; %{x} {{ 7*7 }} $\\alpha$ ` @ink",
    "tab\tnewline\nnull\x00bidi\u202etxt.exe\u2028line \ud800 lone",
    "javascript:window.pwned=1//" + "x" * 5000,
]


@dataclass
class Visit:
    """A page opened in the browser, and everything it said or asked for."""

    page: Page
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def violations(self) -> list[str]:
        return self.page.evaluate("window.violations")

    def drawn(self) -> Visit:
        self.page.wait_for_selector("html[data-drawn]", state="attached", timeout=60_000)
        return self


OpenPage = Callable[..., Visit]


def made_path(
    *,
    lambdas: NDArray[np.float64] = LAMBDAS,
    folds: int = 5,
    restarts: int = 1,
    epochs: int = 60,
    metric: str = "accuracy",
) -> PathResult:
    """Loss over (λ, epoch): a floor that too strong a λ lifts, overfitting that a weak one lets grow with time."""
    rng = np.random.default_rng(7)
    time = np.arange(1, epochs + 1) / epochs
    strength = lambdas[:, None]
    start = 0.85 * np.exp(-9 * time)
    bias = 0.55 * strength / (strength + 0.25)
    train = 0.004 + start + bias + 0.05 * np.exp(-4 * time) * (1 - bias)
    overfit = 0.34 * time**1.6 / (1 + (strength / 4e-4) ** 0.8)
    validation = 0.075 + start + bias + overfit + 0.06 * np.exp(-4 * time)
    shape = (len(lambdas), folds, restarts, epochs)
    fold = rng.normal(1, 0.2, (1, folds, restarts, 1))
    train_loss = np.broadcast_to(train[:, None, None], shape) * (1 + 0.3 * (fold - 1))
    validation_loss = validation[:, None, None] * fold * (1 + 0.01 * rng.normal(size=shape))
    size = 26 / (1 + (lambdas / 2e-5) ** 0.45)
    per_net = np.broadcast_to(size[:, None, None], shape[:3])
    return PathResult(
        lambdas=lambdas,
        loss_name="cross-entropy" if metric == "accuracy" else "mean squared error",
        metric_name=metric,
        train_loss=train_loss,
        train_metric=np.exp(-0.4 * train_loss),
        validated=np.arange(1, epochs + 1),
        validation_loss=validation_loss,
        validation_metric=np.exp(-0.4 * validation_loss),
        final_train_loss=0.9 * train_loss[..., -1],
        final_train_metric=np.exp(-0.36 * train_loss[..., -1]),
        max_weight=per_net,
        weight_norm=3 * per_net,
        final_penalty=lambdas[:, None, None] * per_net,
    )


def made_choice(path: PathResult, *, select: str = "min", stop: str = "last") -> Choice:
    """Minimum and 1-SE λ, by their definition."""
    mean, se = path.over_folds(path.validation_loss)
    last = np.full(len(mean), len(path.validated) - 1)
    places = np.where(np.isfinite(mean), mean, np.inf).argmin(axis=1) if stop == "best" else last
    rows, epochs = np.arange(len(mean)), path.validated[places]
    judged, error = mean[rows, places], np.nan_to_num(se[rows, places])
    judged = np.where(np.isfinite(judged), judged, np.inf)
    smallest = int(judged.argmin())
    within = int(np.flatnonzero(judged <= judged[smallest] + error[smallest]).max())
    index = smallest if select == "min" else within
    lam_min, lam_1se = float(path.lambdas[smallest]), float(path.lambdas[within])
    return Choice(
        select=select,
        stop=stop,
        index=index,
        index_min=smallest,
        index_1se=within,
        lam=float(path.lambdas[index]),
        lam_min=lam_min,
        lam_1se=lam_1se,
        epoch=int(epochs[index]),
        epochs=epochs.astype(np.intp),
        extended=0,
        at_edge=False,
        diverged=tuple(float(lam) for lam in path.lambdas[np.isinf(judged)]),
    )


def made_linear(path: PathResult) -> LinearPath:
    """A linear model a little behind the chosen λ on every fold."""
    losses = np.linspace(0.2, 0.22, path.n_folds) * np.array([[1.5], [1.0], [2.0]])
    name = "logistic regression" if path.metric_name == "accuracy" else "ridge regression"
    return LinearPath(name=name, lambdas=np.array([1e-4, 1e-2, 1.0]), losses=losses)


def made_uncertainty(task: str, n_targets: int) -> Uncertainty:
    """Probabilities that are a little too sure, or errors of a normal distribution."""
    rng = np.random.default_rng(5)
    if task == "regression":
        residuals = np.abs(rng.normal(scale=30, size=(500, n_targets)))
        unseen = OutOfFold(
            z=residuals,
            Y=residuals,
            row=np.arange(500),
            fold=np.arange(500) % 5,
            weight=None,
            n_rows=500,
            loss="squared_error",
        )
        return uncertainty(unseen, residuals, None)
    z = rng.normal(scale=4, size=(500, 1))
    Y = (rng.random((500, 1)) < expit(z / 2)).astype(float)
    fold = np.arange(500) % 5
    unseen = OutOfFold(z=z, Y=Y, row=np.arange(500), fold=fold, weight=None, n_rows=500, loss="logistic")
    scores = np.where(Y > 0.5, 1 - expit(z / 2), expit(z / 2))
    return uncertainty(unseen, scores, calibrate(z, Y, fold))


def made_effects(task: str, class_names: Sequence[str], target_names: Sequence[str]) -> Effects:
    """A number and a category that matter, and columns that do not."""
    lines = len(target_names) if task == "regression" else 1 if len(class_names) == 2 else len(class_names)
    grid = np.linspace(0, 1, 30)
    number = np.array([(i + 1) * grid / lines for i in range(lines)])
    importance = Importance(
        names=("mean radius", "clinic", *(f"column {i}" for i in range(28))),
        mean=np.array([0.3, 0.2, *np.linspace(0.02, -0.01, 28)]),
        se=np.full(30, 0.02),
    )
    dependences = (
        Dependence(name="mean radius", values=tuple(float(x) for x in grid), predicted=number),
        Dependence(name="clinic", values=("east", "west", "north"), predicted=number[:, :3]),
    )
    return Effects(importance=importance, dependences=dependences)


def made_weights(path: PathResult, n_weights: int = 6000) -> list[NDArray[np.floating]]:
    """Heavy-tailed weights whose largest is what the path says."""
    draws = np.random.default_rng(3).standard_t(3, n_weights)
    return [draws / np.abs(draws).max() * size for size in path.max_weight.mean(axis=(1, 2))]


def made_story(
    task: Literal["classification", "regression"] = "classification",
    *,
    path: PathResult | None = None,
    choice: Choice | None = None,
    n_rows: int = 569,
    class_names: Sequence[str] = ("benign", "malignant"),
    target_names: Sequence[str] = ("diagnosis",),
    **changes: Any,
) -> FitStory:
    """A whole story of either task; `changes` replaces fields."""
    path = path or made_path(metric="accuracy" if task == "classification" else "R²")
    truth, held_out = _predictions(task, n_rows, len(class_names), len(target_names))
    story = FitStory(
        title="Breast cancer: benign or malignant",
        source_name="breast_cancer.csv",
        task=task,
        target_names=target_names,
        class_names=class_names if task == "classification" else None,
        n_rows=n_rows,
        n_features=30,
        path=path,
        choice=choice or made_choice(path),
        weights=made_weights(path),
        truth=truth,
        held_out=held_out,
        columns=_columns(),
        constant_losses=np.full(path.n_folds, 0.66),
        linear=made_linear(path),
        uncertainty=made_uncertainty(task, len(target_names)),
        effects=made_effects(task, class_names, target_names),
        notes=["Column “remarks” holds free text and was left out."],
        strengths=_strengths(),
        reproduce={
            "Command": "shrinkage fit breast_cancer.csv --target diagnosis --select min --seed 0",
            "Seed": "0",
            "Data (SHA-256)": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "Versions": "shrinkage 0.1.0, torch 2.13.0, scikit-learn 1.7.2, Python 3.11.2",
        },
    )
    return replace(story, **changes)


def hostile_story(task: Literal["classification", "regression"] = "classification") -> FitStory:
    """Every text of the story is an attack."""
    columns = [ColumnSummary(name=text, kind=text, treatment=text, missing=1, levels=3) for text in HOSTILE]
    strengths = [StrengthElsewhere(framework=t, argument=t, value=t, note=t) for t in HOSTILE]
    return made_story(
        task,
        class_names=HOSTILE,
        target_names=HOSTILE if task == "regression" else HOSTILE[:1],
        title=HOSTILE[0],
        source_name=HOSTILE[1],
        columns=columns,
        strengths=strengths,
        notes=HOSTILE,
        reproduce={text: text for text in HOSTILE},
    )


def _predictions(
    task: str, n_rows: int, n_classes: int, n_targets: int
) -> tuple[NDArray[np.integer] | NDArray[np.floating], NDArray[np.integer] | NDArray[np.floating]]:
    rng = np.random.default_rng(11)
    if task == "regression":
        truth = 152 + 77 * rng.normal(size=(n_rows, n_targets))
        return truth, 152 + 0.8 * (truth - 152) + 30 * rng.normal(size=truth.shape)
    chance = np.array([0.63, *([0.37 / max(n_classes - 1, 1)] * (n_classes - 1))])
    truth = rng.choice(n_classes, size=n_rows, p=chance / chance.sum())
    wrong = rng.random(n_rows) < 0.03
    return truth, np.where(wrong, rng.integers(n_classes, size=n_rows), truth)


def _columns() -> list[ColumnSummary]:
    numbers = [
        f"{kind} {what}" for kind in ("mean", "worst") for what in ("radius", "texture", "area", "symmetry")
    ]
    return [
        *(
            ColumnSummary(name=n, kind="number", treatment="standardized", missing=i % 3)
            for i, n in enumerate(numbers)
        ),
        ColumnSummary(name="clinic", kind="category", treatment="one-hot", missing=4, levels=12),
        ColumnSummary(name="smoker", kind="boolean", treatment="0 or 1", missing=0, levels=2),
        ColumnSummary(name="visit", kind="date", treatment="year, month, day", missing=0),
        ColumnSummary(name="remarks", kind="text", treatment="left out", missing=17),
        ColumnSummary(name="diagnosis", kind="target", treatment="2 classes", missing=0, levels=2),
    ]


def _strengths() -> list[StrengthElsewhere]:
    return [
        StrengthElsewhere(
            framework="PyTorch", argument="torch.optim.SGD(weight_decay=…)", value=0.0046, note="always"
        ),
        StrengthElsewhere(
            framework="scikit-learn", argument="MLPClassifier(alpha=…)", value=0.147, note="batch_size=32"
        ),
        StrengthElsewhere(
            framework="PyTorch",
            argument="torch.optim.AdamW(weight_decay=…)",
            value="no equivalent",
            note="AdamW's pull is decoupled from the gradient",
        ),
    ]
