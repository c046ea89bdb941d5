"""The rivals at their defaults, and ours: each fits one split and predicts its new rows.

CatBoost and pytabkit are installed by hand: `pip install catboost`, `pip install --no-deps pytabkit`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tables.collection import Split

__all__ = ["CONTENDERS"]


def _linear(split: Split) -> Any:
    from sklearn.linear_model import LogisticRegressionCV, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from skrub import TableVectorizer

    if split.task == "regression":
        model: Any = RidgeCV(alphas=np.logspace(-3, 5, 30))
    else:
        model = LogisticRegressionCV(
            Cs=np.logspace(-4, 4, 20).tolist(), scoring="neg_log_loss", max_iter=2000
        )
    return _fitted(make_pipeline(TableVectorizer(), _imputer(), StandardScaler(), model), split)


def _grid_search(split: Split) -> Any:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.model_selection import GridSearchCV
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from skrub import TableVectorizer

    regression = split.task == "regression"
    net = (MLPRegressor if regression else MLPClassifier)(max_iter=200, random_state=split.seed)
    search: Any = GridSearchCV(
        make_pipeline(TableVectorizer(), _imputer(), StandardScaler(), net),
        {f"{type(net).__name__.lower()}__alpha": np.logspace(-4, 3, 8)},
        scoring="neg_root_mean_squared_error" if regression else "neg_log_loss",
    )
    return _fitted(
        TransformedTargetRegressor(search, transformer=StandardScaler()) if regression else search, split
    )


def _imputer() -> Any:
    from sklearn.impute import SimpleImputer

    return SimpleImputer()


def _fitted(model: Any, split: Split) -> Any:
    model.fit(split.X, split.y)
    return model.predict(split.X_new) if split.task == "regression" else model.predict_proba(split.X_new)


def _realmlp(name: str) -> Callable[[Split], Any]:
    def fit(split: Split) -> Any:
        import pytabkit

        kind = "Regressor" if split.task == "regression" else "Classifier"
        model = getattr(pytabkit, f"RealMLP_{name}_{kind}")(
            random_state=split.seed, device="cpu", n_threads=1
        )
        return _fitted(model, split)

    return fit


def _catboost(split: Split) -> Any:
    from catboost import CatBoostClassifier, CatBoostRegressor

    X, X_new = split.X.copy(), split.X_new.copy()
    words = [column for column in X if not np.issubdtype(np.asarray(X[column]).dtype, np.number)]
    for frame in (X, X_new):
        frame[words] = frame[words].astype(object).fillna("missing").astype(str)
    kind: Any = CatBoostRegressor if split.task == "regression" else CatBoostClassifier
    model = kind(
        verbose=0, random_seed=split.seed, thread_count=1, allow_writing_files=False, cat_features=words
    )
    model.fit(X, split.y)
    return model.predict(X_new) if split.task == "regression" else model.predict_proba(X_new)


def _ours(**settings: Any) -> Callable[[Split], Any]:
    def fit(split: Split) -> Any:
        import shrinkage as sh

        kind = sh.MLPRegressorCV if split.task == "regression" else sh.MLPClassifierCV
        return _fitted(kind(random_state=split.seed, n_jobs=1, **settings), split)

    return fit


def _defaults_of_0_1(split: Split) -> Any:
    """One network on standardized columns, the whole grid, 200 epochs of 32 rows at 0.005."""
    rows = len(split.y)
    batch = rows if rows <= 128 else 32
    given = {"inputs": "standard", "search": "grid", "max_epochs": 200}
    return _ours(**given, batch_size=batch, learning_rate_init=5e-3)(split)


CONTENDERS: dict[str, Callable[[Split], Any]] = {
    "linear": _linear,
    "grid search": _grid_search,
    "RealMLP-TD-S": _realmlp("TD_S"),
    "RealMLP-TD": _realmlp("TD"),
    "CatBoost": _catboost,
    "ours": _ours(),
    "ours, defaults of 0.1": _defaults_of_0_1,
}
"""By the names in the table: what each predicts for the new rows."""
