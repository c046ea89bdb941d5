"""Winners and noise: known truths, real searches, and the advice on them."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import shrinkage as sh
from shrinkage import RequestError
from shrinkage.sweeps import _sweep_choice, choose, judge_settings

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def runs(truth, noise=0.0, blocks=5, seed=0, **more) -> list[dict[str, Any]]:
    """One row a run: the truth at each strength, the fold's own level, and noise."""
    rng = np.random.default_rng(seed)
    level = rng.normal(size=blocks)
    return [
        {"weight_decay": wd, "fold": j, "val_loss": truth(wd) + level[j] + noise * rng.normal(), **more}
        for wd in STRENGTHS
        for j in range(blocks)
    ]


def bowl(wd):
    return (np.log10(wd) + 2) ** 2


@pytest.mark.parametrize("settings, blocks", [(2, 5), (6, 3), (6, 5)])
@pytest.mark.parametrize("uneven", [False, True], ids=["one noise", "noises from 1 to 3"])
def test_noise_is_called_a_difference_in_fewer_than_one_sweep_in_twenty(settings, blocks, uneven):
    rng = np.random.default_rng(settings * blocks + uneven)
    wrong, sweeps = 0, 400
    for _ in range(sweeps):
        spread = 1 + 2 * rng.random((settings, 1)) if uneven else 1.0
        scores = rng.normal(size=blocks) + spread * rng.normal(size=(settings, blocks))
        wrong += len(judge_settings(list(scores), paired=True, test_share=0.0).tied) < settings
    assert wrong / sweeps <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / sweeps) * (not uneven) + 0.02 * uneven


def test_with_half_of_the_settings_worse_no_better_one_is_called_clearly_worse():
    rng = np.random.default_rng(1)
    truth = np.array([0, 0, 0, -1, -2, -3.0])
    wrong = 0
    for _ in range(300):
        scores = truth[:, None] + rng.normal(size=5) + 0.5 * rng.normal(size=(6, 5))
        found = judge_settings(list(scores), paired=True, test_share=0.0)
        wrong += any(truth[i] >= truth[found.best] for i in range(6) if i not in found.tied)
        assert 5 not in found.tied
    assert wrong / 300 < 0.05


def test_of_two_settings_it_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=8), rng.normal(size=8)
    found = judge_settings([a, b], paired=True, test_share=0.0)
    d = a - b
    assert found.margin == pytest.approx(student.ppf(1 - 0.03 / 2, 7) * d.std(ddof=1) / np.sqrt(8), rel=1e-3)


def test_shared_folds_see_what_unpaired_runs_cannot():
    paired = choose(runs(lambda wd: 0.1 * bowl(wd), noise=0.01))
    assert len(paired.tied) == 1
    unpaired = choose(
        [{k: v for k, v in row.items() if k != "fold"} for row in runs(lambda wd: 0.1 * bowl(wd), 0.01)]
    )
    assert len(unpaired.tied) > 1


def test_folds_are_corrected_for_the_rows_they_share_and_seeds_are_not():
    rows = runs(bowl, 0.1)
    by_fold, by_seed = choose(rows), choose([{**r, "seed": r["fold"], "fold": None} for r in rows], by="seed")
    assert by_fold.margin / by_seed.margin == pytest.approx(np.sqrt((1 / 5 + 1 / 4) / (1 / 5)))


def test_the_best_its_ties_and_the_strongest_within_one_error():
    flat = choose(runs(lambda wd: 0.0 if wd < 0.5 else 5.0, 0.3, seed=2))
    assert len(flat.tied) == 4
    assert flat.tied[0] == flat.best
    assert flat.one_se is not None
    assert flat.best["weight_decay"] <= flat.one_se["weight_decay"] < 1
    assert "can't distinguish it from 3 of the 4 others" in str(flat)


def test_a_best_at_the_edge_asks_for_the_next_value_beyond():
    found = choose(runs(lambda wd: -np.log10(wd), 0.01))
    assert found.at_edge == (("weight_decay", "high"),)
    assert (
        found.next == "Next: try weight_decay = 10, because the best lies at the high end of what was tried."
    )
    inner = choose(runs(bowl, 0.01))
    assert inner.at_edge == ()
    assert inner.next.startswith("Next: use weight_decay = 0.01, because it is better than all others")


def test_a_range_that_cannot_act_is_reported():
    found = choose(runs(lambda wd: 0.0, 0.1), convention="torch.optim.AdamW", lr=1e-4, steps=1000)
    assert found.range is not None
    assert found.range.acting == (0.1, 1.0)
    assert "3 of 5 values cannot act: 0.0001, 0.001, 0.01. Differences among them" in str(found)
    single = choose(runs(lambda wd: 0.0, 0.1), convention="torch.optim.AdamW", lr=1e-2, steps=1000)
    assert "1 of 5 values cannot act: 0.0001.\n" in str(single)
    dead = choose(runs(lambda wd: 0.0, 0.1), convention="torch.optim.AdamW", lr=1e-6, steps=100)
    assert dead.next == dead.range.next if dead.range else False


def test_one_run_a_setting_tells_no_winner():
    found = choose(runs(bowl, blocks=1))
    assert not found.known
    assert len(found.tied) == 5
    assert "3 seeds each" in found.next


def test_a_setting_that_diverged_is_neither_best_nor_tied_nor_shakes_the_rest():
    rows = runs(lambda wd: 1e6 if wd == 1.0 else bowl(wd), 0.01)
    rows[-1]["val_loss"] = float("inf")
    rows[-2]["val_loss"] = 3.0
    found = choose(rows)
    assert found.best == {"weight_decay": 0.01}
    assert len(found.tied) == 1


def test_a_grid_search_of_scikit_learn():
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(LogisticRegression(max_iter=5000), {"C": [1e-4, 1e-2, 1.0]}, cv=5).fit(X, y)
    found = choose(search)
    assert found.best == search.best_params_
    assert found.score == pytest.approx(search.best_score_)
    assert found.sweep.test_share == pytest.approx(1 / 4)
    assert found.one_se is not None
    assert found.one_se["C"] <= found.best["C"]
    assert choose(search.cv_results_).best == found.best


def test_an_optuna_study():
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=0))
    rng = np.random.default_rng(0)

    def objective(trial: optuna.Trial) -> float:
        wd = trial.suggest_float("weight_decay", 1e-5, 1.0, log=True)
        folds = [float(bowl(wd) + 0.1 * rng.normal()) for _ in range(5)]
        trial.set_user_attr("folds", folds)
        return float(np.mean(folds))

    study.optimize(objective, n_trials=12)
    found = choose(study)
    assert found.best == study.best_params
    assert found.known
    assert 1 <= len(found.tied) < 12
    assert found.sweep.searched == {"weight_decay": (1e-5, 1.0)}


def test_a_table_of_a_tracker_is_read_by_its_names():
    import pandas as pd

    rows = runs(bowl, 0.01, lr=1e-3)
    table = pd.DataFrame(
        {
            "name": [f"run-{i}" for i in range(len(rows))],
            "config.optim.weight_decay": [r["weight_decay"] for r in rows],
            "config.lr": 1e-3,
            "seed": [r["fold"] for r in rows],
            "train/loss": 0.0,
            "val/loss": [r["val_loss"] for r in rows],
            "_runtime": np.arange(len(rows)),
        }
    )
    found = choose(table)
    assert found.best == {"config.optim.weight_decay": 0.01}
    assert (found.sweep.blocks, found.sweep.direction, found.strength) == (
        "seed",
        "minimize",
        "config.optim.weight_decay",
    )


def test_runs_without_a_score_and_settings_without_all_folds_are_noted():
    rows = runs(bowl, 0.01)
    rows[0]["val_loss"] = None
    found = choose(rows)
    assert "1 of 25 runs have no score" in str(found)
    assert "1 of 5 settings miss some of the 5 blocks" in str(found)


@pytest.mark.parametrize(
    "results, options, sentence",
    [
        (3, {}, "must be a cv_results_, an Optuna study, or a table"),
        ([{"a": 1, "b": 2}], {}, 'Give score="COLUMN"'),
        ([{"wd": 1, "val_loss": 2, "val_acc": 1}], {}, "Several look like one: val_loss, val_acc"),
        ([{"wd": 1, "quality": 2}], {"score": "quality"}, 'Give direction="maximize" or "minimize"'),
        ([{"wd": 1, "val_loss": 2}], {"direction": "up"}, "direction=…"),
        ([{"wd": 1, "val_loss": 2}], {"score": "x"}, "no column 'x'"),
        ([{"wd": 1, "val_loss": 2}], {"by": "x"}, "no column 'x'"),
        ([{"wd": 1, "val_loss": None}], {"score": "val_loss"}, "no run has a number"),
        ([{"wd": 1, "val_loss": float("inf")}], {}, "no setting has finite scores"),
        ([{"name": 1, "val_loss": 2.0}], {}, "no column varies"),
        ([{"wd": 1, "val_loss": 2}], {"lr": 0.1}, "only with convention=…"),
        ([{"size": 1, "val_loss": 2}, {"size": 2, "val_loss": 2}], {"convention": "lam"}, "which column"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(results, options, sentence):
    with pytest.raises(RequestError, match=sentence):
        choose(results, **options)


def test_the_page_and_the_plot_hold_every_setting(tmp_path):
    found = sh.choose(runs(bowl, 0.1), convention="torch.optim.AdamW", lr=1e-3, steps=1000)
    page = found.report(tmp_path / "sweep.html").read_text()
    assert found.next.split(",")[0].removeprefix("Next: ")[:20] in page
    assert page.count("worse by more than noise") > 1
    assert sum(len(trace.x) for trace in found.plot().data) == 5


def test_names_are_harmless_on_the_page(tmp_path):
    found = choose([{"wd": "<script>x</script>", "val_loss": 1.0}, {"wd": "b", "val_loss": 2.0}])
    assert "<script>x" not in found.report(tmp_path / "sweep.html").read_text()


def test_the_example_runs():
    outcome = doctest.testmod(_sweep_choice)
    assert outcome.attempted >= 1
    assert outcome.failed == 0


def test_one_setting_and_two_are_put_in_words():
    rows = [{"wd": wd, "val_loss": wd + 0.001 * i} for wd in (0.1, 0.2) for i in range(3)]
    assert "It is better than the only other setting by more than noise." in str(choose(rows))
    assert "There is only one setting: nothing to compare it with." in str(choose(rows[:3]))
    assert "better than" not in str(choose(rows[:3])).partition("\n")[2]
