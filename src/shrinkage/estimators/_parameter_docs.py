"""The parameters and attributes that both estimators have, described once."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

__all__ = ["documented"]

PARAMETERS = """
Args:
    hidden_layer_sizes: units of each hidden layer; () for a linear model.
    lambdas: the λs, ≥ 0, in canonical units (the objective above); a number of them; or `auto`: 0 and 19 values from
        1e-6 to 1. A best λ on the edge extends the grid, by 4 values in its own
        ratio (10 at most). `evidence`: one network a fold and one for all rows, in which λ moves to the strength that
        makes the training rows likeliest; the folds judge it and choose nothing, so that `search`, `fast`, `select` and
        `max_extensions` have no say.
    strengths: with `lambdas="evidence"`, one λ for the `network`, or one for each of its `layers`; `lambda_` is then the
        one λ of the same penalty.
    rule: what λ drives: a name of the rule catalogue (`l2`, `l1`, `weight_decay`, `decoupled`, …), a rule such as
        `shrinkage.Decoupled(0, clock="schedule")`, or a function of the strength. A rule whose strength is a fraction
        of the weight gets the fraction that equals λ for plain SGD at `learning_rate_init`.
    trainer: `backprop`, or `swarm`: particle swarms, which need no gradient and are nearly always the worse trainer
        where there is one; an epoch is then 5 iterations, and solver, learning rate, momentum, batch size and
        initialization have no say.
    swarm: a variant (`constriction`, `inertia`, `ring`, `spso2011`) or a `Swarm` with settings of its own; None for
        Clerc's constriction with 30 particles.
    error: what a swarm minimizes besides the penalty: the `loss`, `accuracy` (as the share of wrong rows), or a function
        of predictions (K, n, C) and targets (n, C), both tensors, that gives the errors (K,) of K networks; the targets
        are as the networks learn them: one-hot, a column of 0 and 1, or standardized values. λ is chosen by it too.
    cv: folds, a splitter or a list of (train, validation) row numbers, as scikit-learn means it. With `groups` in `fit`
        so many folds of whole groups: `StratifiedGroupKFold` of a classifier, `GroupKFold` of a regressor. For rows in
        the order of time `TimeSeriesSplit(5)` trains on the past and validates on what follows.
    restarts: networks of different initial weights for each (λ, fold), ≥ 1; their errors are averaged, and of the
        refitted ones that of the smallest objective is kept.
    select: `min`, the λ of the smallest mean validation loss; or `1se`, the largest within one standard error of it.
    stop: judge and refit each λ after its `last` epoch, or at its `best` one (early stopping chosen with λ).
    search: `grid`, every λ in every fold; or `bracket`, a few λs over the whole range first, then finer around the
        minimum and, where `select` is `1se`, toward the strongest λ within one standard error. What it trains are the
        grid's own networks, about four in ten of them; `lambdas_` and `path_` hold these alone.
    fast: drop λs on the way that look worse: after 3 folds (2 of 3), and after each further one, those whose loss
        exceeds that of the leading λ by a paired t-test at 5 %. They leave the path; the numbers of the others stay the
        same. It spares about a fifth of the work; now and then another λ is chosen than without, and `lambda_1se_` is of
        those left, with care taken for it only where `select` is `1se`. The first folds have to speak for the others:
        shuffle rows that lie in an order, and leave it off for training parts that grow from fold to fold.
    inputs: what the networks see of the columns. `standard`: mean 0 and standard deviation 1. `bounded`: centred by the
        median, scaled by quantiles, bounded smoothly to ±3, and two-valued columns at 0 and 1. `piecewise`: these, and 16
        piecewise-linear codes of every number beside them. `linear` and `additive`: `standard` and `piecewise` without
        hidden layers. Several names, or `auto` for all: each is trained on the same folds, and the set whose mean
        prediction is best on rows not seen predicts; `forms_` has their losses and weights. `path_`, `lambda_` and
        `coefs_` are of the best network among them. For swarms, `network=`, `lambdas="evidence"` and no hidden layers
        `auto` is `standard`.
    activation: `relu`, `tanh`, `logistic` or `identity`.
    initialization: `he`, `glorot` or `auto` (He for relu).
    solver: `adam` or `sgd`.
    learning_rate_init: η, > 0; or `auto`: one that goes with the batch, 0.02 at most, and less over 64 inputs.
    learning_rate: its schedule, `constant` or `cosine` (to 0 over all steps).
    momentum: of SGD, 0 ≤ μ < 1.
    nesterovs_momentum: with Nesterov's look-ahead.
    max_epochs: passes over the training rows, ≥ 1; or `auto`: from 200 of up to 500 rows to 20 of over 100,000.
    batch_size: rows a step; 1 is online training. `auto`: all rows up to 128 of them, then 64, and 256 from 100,000
        rows on. `budget_` has what was chosen, by a table that was measured (docs/speed.md).
    validate_every: epochs from one scoring of the validation rows to the next, ≥ 1; the last epoch always has one.
        Those in between are spared, and with `stop="best"` are no choice.
    decay_biases: pull the biases too.
    standardize: scale inputs, and the targets of a regression, to mean 0 and standard deviation 1.
    out_of_fold: keep what the networks of each fold predict for the rows it held out, and these networks, which
        `out_of_fold_`, `calibration_` and `predict_interval` need; trains as many networks more as there are folds.
    calibrate: divide the classifier's linear outputs by a temperature fitted to what networks say of rows they had not
        seen: True, False, or `auto`, where that lowers their loss by more than its standard error. No class changes.
    keep_path: keep the refitted network of every λ of `lambdas_` for `predict(X, lam=…)`.
    max_extensions: how often the grid may be extended, ≥ 0; 0 keeps the λs as given.
    keep_columns: names of columns of a frame that are used although they number its rows.
    dtype: what the networks train in: `float32`, whatever the type of X, or `float64`, at about half the speed. Means and
        scales are float64 in any case.
    device: `cpu`, `cuda`, … as torch names it.
    n_jobs: processes, or threads of the compiled engine, as joblib means it; `auto` starts them only for work that is
        worth it.
    random_state: seed of initial weights and batches.
    scoring: what chooses λ in place of the validation loss: the name of one of scikit-learn's scorers (`roc_auc`,
        `neg_mean_absolute_error`, …), or a function (estimator, X, y) that gives a number, the greater the better. It is
        asked of the rows that each fold held out, predicted by their networks after the last epoch, as `stop="last"`.
    network: a function of (inputs, outputs) that builds a torch.nn.Module, trained in place of the perceptron; its
        outputs are logits (one for two classes), or values. Here `auto` is 200 epochs, 32 rows a step and 0.005. For
        data that is no table see `shrinkage.lambda_path`.
    warm_start: a further `fit` goes on from the networks of the one before, for as many epochs, with its λ and scales.
"""

ATTRIBUTES = """
    lambda_: the chosen λ.
    lambda_min_, lambda_1se_: the λ of the smallest mean validation loss, and the one-standard-error one.
    lambdas_: (L,) the λs of the path, ascending, extensions included, without those that `fast` dropped.
    path_: `PathResult`: curves of every (λ, fold, restart), means and standard errors.
        Under `evidence` its `trace` and `refit_trace` are the λ of each epoch.
    choice_: `Choice`: how λ and epoch were chosen, and which λs `fast` dropped.
    out_of_fold_: (n, C) probabilities, or (n,) or (n, k) values: each row as predicted by the networks that had not
        seen it; NaN for rows that no fold held out.
    calibration_: `Calibration`, of a classifier: the temperature, whether it is applied, and what it gains.
    budget_: `Budget`: epochs, batch and learning rate, and which of them were chosen.
    networks_: `FittedNetworks`: parameters and scales.
    forms_: `Forms`: the members that `inputs` asked for, their weights, and their losses on rows not seen.
    coefs_, intercepts_: weights and biases of the chosen network, layer by layer.
    n_iter_: epochs of the chosen network.
    loss_: its training loss over all rows.
    preprocessor_: what turns a table's columns into inputs; None for a matrix of numbers.
    medians_: (D,) of plain numbers: what a gap in new rows is filled with; empty for a table.
    n_features_in_, feature_names_in_: as in scikit-learn.
"""

OF_CLASS = {
    "MLPClassifierCV": """
    class_weight: weights of the classes, by which the weights of their rows are multiplied in training, in the loss that
        chooses λ, and in the report: a dictionary, or `balanced`, by which the classes of a fold's training rows have
        equal weight. Probabilities are then those of such a population.
""",
    "MLPRegressorCV": """
    loss: `squared_error`, whose best constant is the mean: r²; `absolute_error`, the median: `|r|`; `huber`: r² up to
        `|r| = 1`, one standard deviation of the target, and `2|r| − 1` beyond; `quantile`: max(−q·r, (1 − q)·r);
        `poisson`, for counts and rates y ≥ 0: the deviance 2(y log(y/ŷ) − y + ŷ) with ŷ = exp of the outputs, the targets
        divided by their mean instead of standardized. λ is chosen, and shown, by the same loss. A `linear` or
        `additive` member of `inputs` is found at its minimum under a loss without kinks (squares, Huber's,
        Poisson's), else trained.
    quantile: q, between 0 and 1, of `loss="quantile"`.
""",
}
"""What only one of them has."""

T = TypeVar("T", bound=type)


def documented(cls: T) -> T:
    """Put the shared parameters and attributes in the class's docstring, and the parameters in its signature."""
    doc, own = inspect.cleandoc(cls.__doc__ or ""), OF_CLASS.get(cls.__name__, "")
    cls.__doc__ = doc.replace("{parameters}", PARAMETERS.rstrip() + own.rstrip() + "\n").replace(
        "{attributes}", ATTRIBUTES.strip("\n") + "\n"
    )
    if "__init__" in vars(cls):
        _show_all_parameters(cls)
    return cls


def _show_all_parameters(cls: type) -> None:
    """Replace `**shared` in the signature by what the base class takes: scikit-learn reads the parameters there."""
    own = inspect.signature(cls.__init__)
    named = [p for p in own.parameters.values() if p.kind != inspect.Parameter.VAR_KEYWORD]
    shared = inspect.signature(cls.__mro__[2].__init__).parameters
    rest = [p for name, p in shared.items() if name not in {each.name for each in named}]
    init: Any = cls.__init__
    init.__signature__ = own.replace(parameters=[*named, *rest])
