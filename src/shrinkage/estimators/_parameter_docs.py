"""The parameters and attributes that both estimators have, described once."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

__all__ = ["with_parameter_docs"]

PARAMETERS = """
Args:
    hidden_layer_sizes: units of each hidden layer; () for a linear model.
    lambdas: the λs, ≥ 0, in canonical units (the objective above); or their number; or `auto`: 0 and 19 values from
        1e-6 to 1. If the best λ is on the edge, the grid is extended by 4 values, spaced by its own ratio but at most a
        factor of 10. `evidence`: train one network per fold and one on all rows, and move λ during training to the
        strength that makes the training rows most likely; the folds only score it, so `search`, `fast`, `select` and
        `max_extensions` have no effect.
    strengths: with `lambdas="evidence"`, one λ for the whole `network`, or one for each of its `layers`; `lambda_` is
        then the single λ that gives the same penalty.
    rule: the rule that λ sets: a name from the rule catalogue (`l2`, `l1`, `weight_decay`, `decoupled`, …), a rule such
        as `shrinkage.Decoupled(0, clock="schedule")`, or a function of the strength. If the strength of a rule is a
        fraction of the weight, it gets the fraction that equals λ for plain SGD at `learning_rate_init`.
    trainer: `backprop`, or `swarm`: particle swarms, which need no gradient and are nearly always worse when there is
        one. An epoch is then 5 iterations, and solver, learning rate, momentum, batch size and initialization have no
        effect.
    swarm: a variant (`constriction`, `inertia`, `ring`, `spso2011`) or a `Swarm` with its own settings; None for
        Clerc's constriction with 30 particles.
    error: what a swarm minimizes along with the penalty: the `loss`, `accuracy` (as the share of wrong rows), or a
        function of predictions (K, n, C) and targets (n, C), both tensors, that returns the errors (K,) of K networks.
        Targets are in the form in which networks are trained: one-hot, a column of 0 and 1, or standardized values. The
        same error chooses λ.
    cv: number of folds, a splitter, or a list of (train, validation) row numbers, as in scikit-learn. A number with
        `groups` in `fit` keeps groups whole: `StratifiedGroupKFold` for a classifier, `GroupKFold` for a regressor. For
        rows in time order, `TimeSeriesSplit(5)` trains on the past and validates on what follows.
    restarts: number of networks with different initial weights for each (λ, fold), ≥ 1. Their errors are averaged; of
        the refitted networks, the one with the smallest objective is kept.
    select: `min`, the λ with the smallest mean validation loss; or `1se`, the largest within one standard error of it.
    stop: score and refit each λ after its `last` epoch, or at its `best` one (early stopping, chosen along with λ).
    search: `grid`, every λ in every fold; or `bracket`, a few λs over the whole range first, then finer ones around the
        minimum and, with `select="1se"`, toward the strongest λ within one standard error. It trains about four in ten
        of the grid's networks; `lambdas_` and `path_` contain only these.
    fast: after 3 folds (2 if there are 3), and after each further fold, drop each λ whose loss exceeds that of the
        leading λ by a paired t-test at 5 %. Dropped λs leave the path; the numbers of the others do not change. This
        saves about a fifth of the work and occasionally changes the chosen λ. `lambda_1se_` is chosen from the remaining
        λs, and only `select="1se"` protects it from being dropped. The first folds must represent the others: shuffle
        ordered rows, and turn this off if the training parts grow from fold to fold.
    inputs: how columns become inputs. `standard`: mean 0 and standard deviation 1. `bounded`: centred by the median,
        scaled by quantiles, bounded smoothly to ±3; two-valued columns become 0 and 1. `piecewise`: as `bounded`, plus 16
        piecewise-linear codes of every number. `deep` and `deep_piecewise`: as `bounded` and `piecewise`, with two hidden
        layers of half the units in place of each. `wide_piecewise`: as `piecewise`, with four times the units, up to 256
        per layer, at a lower learning rate. `linear` and `additive`: `standard` and `piecewise` without hidden layers.
        `periodic`: as `bounded`, and of every number x also 3 weighted sums of 16 cosines cos(ωx + φ), whose
        frequencies, phases and weights are trained. With several names each member is trained on the same folds, and
        the weighted mean of their predictions predicts: that of all sets of members whose loss on unseen rows is within
        1.5 standard errors of the best set's.
        `forms_` has their losses and weights; `path_`, `lambda_` and `coefs_` belong to the best network among them.
        `auto` is standard, bounded, piecewise, deep_piecewise, linear and additive; above 2,000 rows, wide_piecewise
        in place of deep_piecewise, unless there are more than 16 columns or a layer has more than 64 units; above 20,000
        rows standard, bounded, deep and linear; and `standard` alone for swarms, `network=`, `lambdas="evidence"` and
        models without hidden layers. From 2,000 rows, members that are 10 % worse than the best in both of the first
        folds are left out.
    embedding: how the numbers of a table reach the networks of `inputs="auto"`. `auto`: as `inputs` says; None:
        `standard`, `bounded`, `deep` and `linear`; `piecewise`: `piecewise`, `deep_piecewise`, `linear` and `additive`;
        `periodic`: `periodic` and `linear`. Columns of two values are not embedded. docs/automatic.md has the figures.
    activation: `relu`, `tanh`, `logistic` or `identity`.
    initialization: `he`, `glorot` or `auto` (He for relu).
    solver: `adam` or `sgd`.
    learning_rate_init: η, > 0; or `auto`: depends on the batch size, at most 0.02, and less with over 64 inputs.
    learning_rate: the schedule of η, `constant` or `cosine` (to 0 over all steps).
    momentum: μ of SGD, 0 ≤ μ < 1.
    nesterovs_momentum: use Nesterov's momentum.
    max_epochs: passes over the training rows, ≥ 1; or `auto`: from 200 for up to 500 rows to 20 for over 100,000.
    batch_size: rows per step; 1 is online training. `auto`: all rows if there are at most 128, then 64, and 256 from
        100,000 rows on. `budget_` has the choice, which follows a measured table (docs/speed.md).
    validate_every: number of epochs between two scorings of the validation rows, ≥ 1; the last epoch is always scored.
        Other epochs are not scored, so `stop="best"` cannot pick them.
    decay_biases: decay the biases too.
    standardize: scale the inputs, and the targets of a regression, to mean 0 and standard deviation 1.
    predict_by: what predicts: `refit`, the network of the chosen λ that was refitted on all rows (of the restarts, the
        one with the smallest objective); `restarts`, the mean over the refits of all restarts; or `folds`, the mean over
        the networks of the folds, each trained without its held-out rows. Probabilities are averaged, or values.
        `networks_`, `coefs_` and `predict(X, lam=…)` are of the refitted network in every case; `partial_fit` and
        `warm_start` need `refit`.
    preset: `fast`: `inputs="bounded"` and `cv=3`; `default`; or `best`: `cv=10` and `predict_by="folds"`. It sets the
        parameters that equal their defaults; any other value wins. docs/automatic.md has what each costs.
    out_of_fold: keep the networks of each fold and their predictions for its held-out rows, which `out_of_fold_`,
        `calibration_` and `predict_interval` need. Networks that are too large to keep (64 MB for the whole path), or
        stopped at their `best` epoch, are trained once more for it.
    calibrate: divide the classifier's logits by a temperature fitted to predictions of unseen rows: True, False, or
        `auto`: if that lowers the loss on them by more than its standard error. The predicted class never changes.
    keep_path: keep the refitted network of every λ in `lambdas_` for `predict(X, lam=…)`.
    max_extensions: maximum number of grid extensions, ≥ 0; 0 keeps the λs as given.
    keep_columns: names of frame columns to use even though they only number its rows, or as numbers although their names
        are those of codes (`store_id`).
    dtype: number format of training: `float32`, whatever the dtype of X, or `float64`, at about half the speed. Means
        and scales are always float64.
    device: `cpu`, `cuda`, … as in torch.
    n_jobs: number of processes, or of threads of the compiled engine, as in joblib; `auto` starts them only if the work
        is large enough.
    random_state: seed of initial weights and batches.
    scoring: choose λ by this score instead of the validation loss: the name of a scikit-learn scorer (`roc_auc`,
        `neg_mean_absolute_error`, …), or a function (estimator, X, y) that returns a number, greater being better. It is
        computed on each fold's held-out rows, predicted by the fold's networks after the last epoch, as `stop="last"`.
    network: a function of (inputs, outputs) that builds a torch.nn.Module to train instead of the perceptron; its outputs
        are logits (one for two classes) or values. `auto` is then 200 epochs, 32 rows per step and η = 0.005. For data
        that is not a table see `shrinkage.lambda_path`.
    warm_start: let a further `fit` continue from the previous networks for as many epochs, with the same λ and scales.
"""

ATTRIBUTES = """
    lambda_: the chosen λ.
    lambda_min_, lambda_1se_: the λ with the smallest mean validation loss, and that of the one-standard-error rule.
    lambdas_: (L,) the λs of the path, ascending, including extensions but not those that `fast` dropped.
    path_: `PathResult`: curves of every (λ, fold, restart), means and standard errors.
        With `evidence`, its `trace` and `refit_trace` are the λ of each epoch.
    choice_: `Choice`: how λ and epoch were chosen, and which λs `fast` dropped.
    out_of_fold_: (n, C) probabilities, or (n,) or (n, k) values: the prediction for each row by networks that had not
        seen it; NaN for rows that no fold held out.
    calibration_: `Calibration`, for a classifier: the temperature, whether it is applied, and its gain.
    budget_: `Budget`: epochs, batch size and learning rate, and which of them were chosen automatically.
    preset_: the parameters that `preset` set, by name.
    predict_by_: what predicts: `refit`, `restarts` or `folds`.
    networks_: `FittedNetworks`: parameters and scales.
    forms_: `Forms`: the members given by `inputs`, their weights, and their losses on unseen rows.
    coefs_, intercepts_: weights and biases of the chosen network, layer by layer.
    n_iter_: number of epochs of the chosen network.
    loss_: training loss of the chosen network over all rows.
    preprocessor_: converts the columns of a table to inputs; None for a matrix of numbers.
    medians_: (D,) values that replace missing numbers in new rows; empty for a table.
    n_features_in_, feature_names_in_: as in scikit-learn.
"""

OF_CLASS = {
    "MLPClassifierCV": """
    class_weight: weights of the classes, which multiply the weights of their rows in training, in the loss that chooses
        λ, and in the report: a dictionary, or `balanced`, which gives the classes equal weight in each fold's training
        rows. Probabilities are then those of a population with these weights.
""",
    "MLPRegressorCV": """
    loss: `squared_error`: r², best constant prediction the mean; `absolute_error`: `|r|`, the median; `huber`: r² up to
        `|r| = 1`, one standard deviation of the target, and `2|r| − 1` beyond; `quantile`: max(−q·r, (1 − q)·r);
        `poisson`, for counts and rates y ≥ 0: the deviance 2(y log(y/ŷ) − y + ŷ) with ŷ = exp of the outputs, the targets
        divided by their mean instead of standardized. The same loss chooses λ and is shown. A `linear` or `additive`
        member of `inputs` is solved to its minimum if the loss has no kinks (squared error, Huber, Poisson), and
        trained otherwise.
    quantile: q, between 0 and 1, of `loss="quantile"`. A list of Q ascending levels trains one network with an output
        for each, for one target: the loss is the mean of the levels' losses, and `predict` gives (n, Q). Each row of
        predictions is sorted, so that quantiles never cross; sorting never raises the loss.
""",
}
"""Parameters of one class only."""

T = TypeVar("T", bound=type)


def with_parameter_docs(cls: T) -> T:
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
