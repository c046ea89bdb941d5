"""What the name of a column says: a strength, a score and which way it is better, a fold, a seed, a name of a run.

Names come as trackers write them: `config.optim.weight_decay`, `params_weight_decay`, `hyperparams.Args.wd`,
`val/loss`, `valLoss`, `Weight Decay`, `log10_wd`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection

from shrinkage._errors import RequestError, called, shown

__all__ = [
    "UNFINISHED",
    "direction_of",
    "falls",
    "is_config",
    "is_group",
    "is_hyperparameter",
    "is_progress",
    "is_run_id",
    "is_seed",
    "is_spread_of",
    "is_strength",
    "is_summary",
    "key_of",
    "log_base",
    "may_be_setting",
    "score_column",
]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_STRENGTHS = _set("""
weight_decay weightdecay wd l2 l1 lam lambda alpha reg_lambda reg_alpha reg_l2 reg_l1 l2_reg l1_reg decay reg
regularization penalty c l2_penalty l2_regularization kernel_regularizer l2_leaf_reg
""")
_SETTINGS = _set("""
lr learning_rate eta eta0 dropout dropout_rate momentum beta1 beta2 eps batch_size width depth hidden hidden_size units
n_layers num_layers layers epochs max_epochs warmup warmup_steps gamma n_estimators max_depth subsample temperature
label_smoothing optimizer activation l1_ratio clip grad_clip max_iter n_iter_no_change step_size
""")
"""Names of hyperparameters, which may be another number in every run."""
_PREFIXES = _set("params param config hparams hyperparameters hyperparams hyperparameter hp args cfg attrs")
_CONFIG = re.compile(
    r"^(run\.)?(params?|config|cfg|hparams|hyperparam(eter)?s?|hp|args|general)[._/]", re.IGNORECASE
)
_LOGS = {"log10": 10.0, "log2": 2.0, "ln": math.e, "log": math.nan}

_GROUPS = _set("fold folds split seed seeds cv replicate repeat repetition rep restart state")
_BESIDE = _set("random trial data model init rng index idx id no number num outer inner cv k test val global")
_SEEDS = _set("seed seeds state restart rep repeat repetition replicate")
_LOWER = _set("""
loss losses error errors err rmse rmsle mse mae mape smape nll perplexity ppl deviance logloss brier wer cer bce xent
entropy crossentropy fid regret ece fpr fnr eer msle smape mase crps pinball hinge rmsd nmse nrmse bpc bpb divergence
misclassification
""")
_HIGHER = _set("""
acc accuracy accuracies scores auc auroc roc f1 fbeta score r2 map bleu rouge iou miou dice precision recall kappa
mcc reward top1 top5 psnr
ssim ndcg mrr spearman pearson auprc aucpr prauc jaccard specificity sensitivity likelihood loglik elbo gini success
""")
_NEUTRAL = _set("score scores")
"""Higher is better, unless another word says which score: `brier_score`."""
_UNNAMED = _set("value values_0 objective objective_value metric target result final_metric")
_OF_TRAINING, _OF_SPREAD = _set("train training"), _set("std stderr se sem rank time var")
_SPREADS = _set("std stderr sd se sem")
_SUMMARIES = _set("mean avg average median std all total overall summary")
_ASIDE = _set("""
id name state status created created_at runtime duration user notes tags group timestamp step runtime epoch number sweep
hostname run run_id trial trial_id time start_time end_time date pid node_ip logdir done hash experiment_id artifact_uri
datetime_start datetime_complete type project started updated iteration training_iteration checkpoint_dir_name
time_this_iter_s time_total_s time_since_restore iterations_since_restore best_step run_name commit
""")
_MEASURED = _set("""
time runtime duration elapsed epoch step iteration iter memory mem params flops throughput util utilization fps
""")
"""The last word of what a run measures of itself: `best_epoch`, `mean_fit_time`, `n_params`."""
_OF_OTHERS = ("system_attrs", "user_attrs", "tags.", "system/", "system.", "sys/", "monitoring/")
UNFINISHED = _set("""
failed fail crashed killed running pruned waiting scheduled error errored invalid abandoned preempted preempting
early_stopped queued in_progress aborted pending
""")
"""States of a run, in lower case, whose score is none of a finished run."""
_LETTERS = {"λ": "lambda", "α": "alpha", "η": "eta", "²": "2", "^2": "2"}
_R2 = re.compile(r"(?<![a-z])r[ _-]?(squared|square|sq)(?![a-z])", re.IGNORECASE)
_RUN_IDS = _set("run_id id trial_id run name trial hash run_name run_hash uid number")
_PROGRESS = _set("epoch step iteration training_iteration global_step iter n_resources resource rung")


def key_of(name: str) -> str:
    """The name without where it stands: `config.optim/weightDecay` and `params_weight_decay` are `weight_decay`."""
    name = re.sub(r"\((?![^)]*(log|ln))[^)]*\)", "", name, flags=re.IGNORECASE)  # `Weight decay (AdamW)`
    parts = [part for part in re.split(r"[./]|__", name) if re.search(r"\w", part)]
    words = _split(parts[-1]) if parts else []
    while len(words) > 1 and words[0] in _PREFIXES:
        words = words[1:]
    return "_".join(words)


def _split(text: str) -> list[str]:
    for letter, word in _LETTERS.items():
        text = text.replace(letter, word)
    text = _R2.sub("r2", text)
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def _words(name: str) -> set[str]:
    return set(_split(name))


def log_base(name: str) -> float | None:
    """The base of logarithms in a column, NaN for `log`; None for plain numbers."""
    words = key_of(name).split("_")
    found = [word for word in (words[0], words[-1]) if word in _LOGS and len(words) > 1]
    return _LOGS[found[0]] if found else None


def is_strength(name: str) -> bool:
    """Whether a column is named like a strength, or its logarithm."""
    words = [word for word in key_of(name).split("_") if word not in _LOGS]
    return "_".join(words) in _STRENGTHS


def falls(name: str) -> bool:
    """Whether the strength falls with the number, as with C."""
    return key_of(name) == "c"


def is_config(name: str) -> bool:
    """Whether a tracker lists the column as part of a configuration."""
    return bool(_CONFIG.match(name))


def is_group(name: str) -> bool:
    """Whether a column numbers folds, seeds or repeats."""
    words = set(key_of(name).split("_"))
    return bool(words & _GROUPS) and words <= _GROUPS | _BESIDE and key_of(name) != "state"


def is_seed(name: str) -> bool:
    """Of such a column: whether it numbers seeds, which share no rows, and no folds."""
    return bool(_words(key_of(name)) & _SEEDS)


def is_spread_of(name: str, score: str) -> bool:
    """Whether a column is the standard deviation or error of a score: `val_loss_std`, or just `std`."""
    words = _words(name)
    return bool(words & _SPREADS) and words - _SPREADS <= _words(score)


def is_summary(value: object) -> bool:
    """Whether a cell in a column of folds or seeds is the name of a mean over all of them."""
    return isinstance(value, str) and value.strip().lower() in _SUMMARIES


def is_run_id(name: str) -> bool:
    """Whether a column names a run."""
    return key_of(name) in _RUN_IDS


def is_progress(name: str) -> bool:
    """Whether a column says how far a run has come."""
    return key_of(name) in _PROGRESS


def is_hyperparameter(name: str) -> bool:
    """Whether a column is a hyperparameter by its name alone."""
    return is_strength(name) or is_config(name) or key_of(name) in _SETTINGS


def may_be_setting(name: str, unique: bool) -> bool:
    """Whether a column that varies may be a setting; `unique` if it has another value in every run."""
    key = key_of(name)
    unnamed = key.startswith("unnamed") or key in ("index", "")
    of_others = name.lower().startswith(_OF_OTHERS)
    measured = key in ("weight_norm", "max_weight") or _words(name) & {"metric", "metrics", "se", "std"}
    if is_group(name) or unnamed or of_others or (measured and not is_config(name)):
        return False
    if is_hyperparameter(name):
        return True
    if key.rpartition("_")[2] in _MEASURED:
        return False
    return key not in _ASIDE and not _words(name) & (_LOWER | _HIGHER) and not unique


def score_column(columns: Collection[str], has_numbers: Callable[[str], bool]) -> str:
    """The one column that names a score: of validation first, then of test."""
    named = [c for c in columns if _words(c) & (_LOWER | _HIGHER) and not is_config(c) and not is_strength(c)]
    known = [c for c in named if not _words(c) & (_OF_TRAINING | _OF_SPREAD) and has_numbers(c)]
    for wanted in ({"val", "valid", "validation", "eval", "dev"}, {"test"}, set[str]()):
        found = [c for c in known if not wanted or _words(c) & wanted]
        if len(found) == 1:
            return found[0]
        known = found or known
    unnamed = [c for c in columns if key_of(c) in _UNNAMED and has_numbers(c)]
    if not known and len(unnamed) == 1:
        return unnamed[0]
    what = f"several look like one: {', '.join(known)}" if known else "no column looks like one"
    if not known and named:
        what += f" ({', '.join(named[:3])} are of training, or no numbers)"
    raise RequestError(
        f'{called("score", of="choose")}: which column is the score? {what[0].upper()}{what[1:]}. Give score="COLUMN".'
    )


def direction_of(score: str, columns: Collection[str] = ()) -> str:
    """Whether a higher score is better, by its name."""
    words = _words(score)
    lower, higher = words & _LOWER, words & (_HIGHER - _NEUTRAL)
    if words & {"neg", "negative"} and not (lower and higher):
        return "minimize" if higher else "maximize"
    # Keras Tuner's `score` and the lists beside Optuna's `value` may be losses.
    neutral = words & (_LOWER | _HIGHER) <= _NEUTRAL and any(
        key_of(c) in ("best_step", "value") for c in columns
    )
    if (lower and higher) or not words & (_LOWER | _HIGHER) or neutral:
        what = f"score in the columns named {shown(score)}" if is_group(score) else shown(score)
        raise RequestError(
            f"{called('direction', of='choose')}: is a higher {what} better? Give "
            'direction="maximize" or "minimize".'
        )
    return "minimize" if lower else "maximize"
