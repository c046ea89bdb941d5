"""scikit-learn, liblinear and LIBSVM."""

from __future__ import annotations

from shrinkage.strength._convention import Beside, Convention, Form, Norm, linear, reciprocal, same

__all__ = ["ENTRIES"]

_MLP = "sklearn/neural_network/_multilayer_perceptron.py, _compute_loss_grad"
_SGD = "sklearn/linear_model/_sgd_fast.pyx.tp"
_RIDGE = "sklearn/linear_model/_ridge.py: ‖y − Xw‖² + v·‖w‖²"
_CD = "sklearn/linear_model/_coordinate_descent.py"
_LOGISTIC = "sklearn/linear_model/_logistic.py"
_LIBLINEAR = "liblinear README: w'w/2 + C·Σ loss"
_BY_BATCH = linear(lambda q: 1 / q.batch())
_BY_ROWS = linear(lambda q: 1 / q.get("rows"))
_INVERSE_C = reciprocal(lambda q: 1 / q.get("rows"))
_L2_SHARE = linear(lambda q: 1 - q.l1_ratio)
_L1_SHARE = linear(lambda q: q.l1_ratio)


def _entry(
    name: str,
    beside: Beside,
    form: Form,
    formula: str,
    source: str,
    note: str = "",
    *,
    needs: tuple[str, ...] = (),
    family: str | None = None,
    norm: Norm = "l2",
    default: str = "",
    solved: bool = False,
) -> Convention:
    return Convention(
        name=name,
        formula=formula,
        kind="objective",
        form=form,
        family=family,
        needs=needs,
        beside=beside,
        norm=norm,
        default=default,
        solved=solved,
        source=source,
        note=note,
    )


def _mlp(name: str, beside: Beside) -> list[Convention]:
    full, needs = f"sklearn.neural_network.{name}", ("batch_size",)
    batch = "Divided by the rows of each mini-batch: a smaller last batch decays more."
    rows = "A full-batch solver: divided by n."
    return [
        _entry(
            full, beside, _BY_BATCH, "λ = v/B", _MLP, batch, needs=needs, family="adam", default="solver=adam"
        ),
        _entry(f"{full}:solver=sgd", beside, _BY_BATCH, "λ = v/B", _MLP, batch, needs=needs, family="sgd"),
        _entry(f"{full}:solver=lbfgs", beside, _BY_ROWS, "λ = v/n", _MLP, rows, needs=("rows",), solved=True),
    ]


def _sgd(name: str, beside: Beside) -> list[Convention]:
    full = f"sklearn.linear_model.{name}"
    return [
        _entry(
            full,
            beside,
            _L2_SHARE,
            "λ = v·(1 − l1_ratio)",
            _SGD,
            "l1_ratio applies only with penalty=elasticnet.",
        ),
        _entry(f"{full}:penalty=l1", beside, same, "λ₁ = v", _SGD, norm="l1"),
    ]


def _inverse_c(name: str, source: str, note: str, norm: Norm = "l2") -> Convention:
    formula = "λ = 1/(v·n)" if norm == "l2" else "λ₁ = 1/(v·n)"
    return _entry(
        name, "likelihood", _INVERSE_C, formula, source, note, needs=("rows",), norm=norm, solved=True
    )


def _ridge(name: str) -> Convention:
    note = "The loss is a sum over the rows. The intercept is not decayed."
    return _entry(
        f"sklearn.linear_model.{name}",
        "regression",
        _BY_ROWS,
        "λ = v/n",
        _RIDGE,
        note,
        needs=("rows",),
        solved=True,
    )


_NET = "sklearn.linear_model.ElasticNet"
_REGRESSION = "sklearn.linear_model.LogisticRegression"

ENTRIES = [
    *_mlp("MLPClassifier", "likelihood"),
    *_mlp("MLPRegressor", "regression"),
    *_sgd("SGDClassifier", "likelihood"),
    *_sgd("SGDRegressor", "regression"),
    _ridge("Ridge"),
    _ridge("RidgeClassifier"),
    _entry("sklearn.linear_model.Lasso", "regression", same, "λ₁ = v", _CD, norm="l1", solved=True),
    _entry(_NET, "regression", _L2_SHARE, "λ = v·(1 − l1_ratio)", _CD, "Its L2 part.", solved=True),
    _entry(
        f"{_NET}:part=l1",
        "regression",
        _L1_SHARE,
        "λ₁ = v·l1_ratio",
        _CD,
        "Its L1 part.",
        norm="l1",
        solved=True,
    ),
    _inverse_c(_REGRESSION, _LOGISTIC, "The intercept is not decayed."),
    _inverse_c(f"{_REGRESSION}:solver=liblinear", _LIBLINEAR, "The intercept is decayed too."),
    _inverse_c(f"{_REGRESSION}:penalty=l1", _LOGISTIC, "With saga: the intercept is not decayed.", "l1"),
    _inverse_c("sklearn.svm.LinearSVC", _LIBLINEAR, "The intercept is decayed too."),
    _inverse_c("sklearn.svm.SVC", "LIBSVM: w'w/2 + C·Σ ξ", "The loss is the hinge loss."),
    _inverse_c("liblinear", _LIBLINEAR, "A bias (option -B) is decayed unless -R is given."),
    _inverse_c("libsvm", "LIBSVM: w'w/2 + C·Σ ξ", "The loss is the hinge loss."),
]
