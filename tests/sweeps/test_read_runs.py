"""Tables of runs as trackers export them, and as people write them: the same sweep is read from each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shrinkage import RequestError, choose
from shrinkage.sweeps import judge_settings

WD = (1e-4, 1e-3, 1e-2, 1e-1)
BEST = 1e-2


def sweep() -> pd.DataFrame:
    """Losses that are least at `BEST`, by seed, with little noise."""
    rng = np.random.default_rng(0)
    rows = [
        {"wd": wd, "seed": s, "loss": 0.1 * (np.log10(wd) + 2) ** 2 + s + 1e-3 * rng.normal()}
        for wd in WD
        for s in range(3)
    ]
    return pd.DataFrame(rows)


def names(d: pd.DataFrame) -> list[str]:
    return [f"bold-cat-{i}" for i in range(len(d))]


def mlflow(d: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run_id": [f"{i:032x}" for i in range(len(d))],
            "experiment_id": "0",
            "status": "FINISHED",
            "start_time": pd.date_range("2026-01-01", periods=len(d), freq="h", tz="UTC"),
            "metrics.train_loss": d.loss / 2,
            "metrics.val_loss": d.loss,
            "params.weight_decay": d.wd.map(str),
            "params.seed": d.seed.map(str),
            "params.epochs": "30",
            "tags.mlflow.runName": names(d),
        }
    )


def wandb(d: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Name": names(d),
            "State": "finished",
            "Created": "2026-01-01T00:00:00.000Z",
            "Runtime": range(10, 10 + len(d)),
            "weight_decay": d.wd,
            "seed": d.seed,
            "epoch": 29,
            "train_loss": d.loss / 2,
            "val_loss": d.loss,
            "_step": 29,
        }
    )


def wandb_api(d: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "summary": [{"val_loss": v, "_runtime": 3.2, "_step": 29} for v in d.loss],
            "config": [{"weight_decay": w, "seed": int(s)} for w, s in zip(d.wd, d.seed, strict=True)],
            "name": names(d),
        }
    )


def ray(d: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "loss": d.loss,
            "timestamp": range(1700, 1700 + len(d)),
            "training_iteration": 10,
            "trial_id": [f"abc_{i:05d}" for i in range(len(d))],
            "time_total_s": np.linspace(3, 5, len(d)),
            "pid": range(len(d)),
            "config/wd": d.wd,
            "config/seed": d.seed,
            "logdir": names(d),
        }
    )


def optuna(d: pd.DataFrame) -> pd.DataFrame:
    """As `trials_dataframe()`; one trial a setting, with its scores among the user attributes."""
    of_seed = d.pivot_table(index="wd", columns="seed", values="loss")
    return pd.DataFrame(
        {
            "number": range(len(WD)),
            "value": of_seed.mean(axis=1).to_numpy(),
            "datetime_start": pd.date_range("2026-01-01", periods=len(WD), freq="h"),
            "duration": pd.to_timedelta(range(len(WD)), unit="s"),
            "params_weight_decay": of_seed.index,
            "user_attrs_fold_losses": of_seed.to_numpy().tolist(),
            "state": "COMPLETE",
        }
    )


def clearml(d: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "NAME": names(d),
            "STATUS": "completed",
            "hyperparams.Args.weight_decay": d.wd.map(str),
            "hyperparams.Args.seed": d.seed.map(str),
            "last_metrics.validation.loss.value": d.loss,
        }
    )


def aim(d: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run.hash": names(d),
            "run.hparams.weight_decay": d.wd,
            "run.hparams.seed": d.seed,
            "metric.name": "loss",
            "value": d.loss,
        }
    )


def wide(d: pd.DataFrame) -> pd.DataFrame:
    table = d.pivot_table(index="wd", columns="seed", values="loss")
    table.columns = [f"val_loss_fold{c}" for c in table.columns]
    return table.reset_index()


def epochs(d: pd.DataFrame) -> pd.DataFrame:
    """A row an epoch; early on the strongest decay is far ahead."""
    early = d.assign(loss=d.loss + 50 - 400 * d.wd)
    return pd.concat([early.assign(epoch=1), d.assign(epoch=2)]).rename(columns={"loss": "val_loss"})


def lightning(d: pd.DataFrame) -> pd.DataFrame:
    """Steps without a score between, and a last row after the last validation."""
    rows = [
        {
            "epoch": e,
            "step": 10 * e + 9,
            "train_loss": t,
            "val_loss": v,
            "lr-AdamW": 1e-3 / (e + 1),
            "wd": w,
            "seed": s,
        }
        for w, s, loss in d.itertuples(index=False)
        for e, t, v in [
            (0, None, loss + 300 * w),
            (0, 0.3, None),
            (1, None, loss),
            (1, 0.2, None),
            (2, 0.1, None),
        ]
    ]
    return pd.DataFrame(rows)


def twice(d: pd.DataFrame) -> pd.DataFrame:
    """A strength in two columns, beside what runs measure of themselves."""
    measured = {"best_epoch": [3, 4] * 6, "n_params": [9, 8, 9] * 4, "fit_time": range(12)}
    return d.assign(**{"optimizer.weight_decay": d.wd}, **measured)


FORMS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], dict[str, Any]]] = {
    "MLflow": (mlflow, {}),
    "W&B": (wandb, {}),
    "W&B's API": (wandb_api, {}),
    "Ray Tune": (ray, {}),
    "Optuna": (optuna, {}),
    "ClearML": (clearml, {}),
    "Aim": (aim, {"direction": "minimize"}),
    "a column a fold": (wide, {}),
    "a row an epoch": (epochs, {}),
    "a row a step": (lightning, {}),
    "a strength in two columns": (twice, {}),
    "Greek letters": (
        lambda d: d.assign(**{"R²": 1 - d.loss}).drop(columns="loss").rename(columns={"wd": "λ"}),
        {},
    ),
    "thousands": (
        lambda d: d.assign(val_ppl=[f"{1000 + v:,.4f}" for v in d.loss]).drop(columns="loss"),
        {},
    ),
    "per cent with commas": (
        lambda d: d.assign(val_acc=[f"{90 - v:.4f} %".replace(".", ",") for v in d.loss]).drop(
            columns="loss"
        ),
        {},
    ),
    "camel case": (lambda d: d.rename(columns={"wd": "weightDecay", "loss": "valLoss"}), {}),
    "spaces": (
        lambda d: d.rename(columns={"wd": "Weight Decay", "loss": "Validation Loss", "seed": "Random Seed"}),
        {},
    ),
    "per cent": (
        lambda d: d.assign(val_acc=[f"{100 - v:.3f} %" for v in d.loss]).drop(columns="loss"),
        {},
    ),
    "decimal commas": (
        lambda d: d.assign(val_loss=[f"{v:.5f}".replace(".", ",") for v in d.loss]).drop(columns="loss"),
        {},
    ),
}


@pytest.mark.parametrize("by_file", [False, True], ids=["frame", "CSV"])
@pytest.mark.parametrize("name", FORMS)
def test_the_same_sweep_is_read_from_every_export(name: str, by_file: bool, tmp_path: Path) -> None:
    form, options = FORMS[name]
    table: Any = form(sweep())
    if by_file:
        table.to_csv(tmp_path / "runs.csv", index=name != "W&B")
        table = tmp_path / "runs.csv"
    found = choose(table, **options)
    assert list(found.best.values()) == [BEST]
    assert len(found.tied) == 1
    assert found.strength is not None
    assert found.sweep.blocks in ("seed", "fold")
    assert len(found.sweep.scores[0]) == 3


def test_runs_that_did_not_finish_are_left_out() -> None:
    for state in ("CRASHED", "killed", "TrialState.PRUNED", "running"):
        table = wandb(sweep())
        table.loc[0, ["State", "val_loss"]] = [state, -100.0]
        found = choose(table)
        assert found.best == {"weight_decay": BEST}
        assert "1 of 12 runs are not finished and are left out." in str(found)
    with pytest.raises(RequestError, match="none of the 12 runs is finished, by State"):
        choose(wandb(sweep()).assign(State="failed"))


@pytest.mark.parametrize(
    "lose",
    [
        lambda d: d.assign(val_loss=d.val_loss.where(d.wd < 0.1)),
        lambda d: d.assign(state=np.where(d.wd < 0.1, "finished", "crashed")),
    ],
    ids=["without a score", "crashed"],
)
def test_settings_that_failed_were_tried(lose: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    found = choose(lose(sweep().rename(columns={"loss": "val_loss"})))
    assert found.best == {"wd": BEST}
    assert found.at_edge == ()
    assert found.next.startswith("Next: use wd = 0.01")


def test_a_run_that_diverged_is_not_counted_by_an_earlier_epoch() -> None:
    log = epochs(sweep())
    log.loc[(log.wd == 0.1) & (log.epoch == 2), "val_loss"] = np.nan
    found = choose(log)
    assert found.best == {"wd": BEST}
    assert len(found.sweep.settings) == len(WD) - 1


def test_what_a_table_has_and_is_not_used_is_said() -> None:
    table = pd.DataFrame({"wd": WD, "val_acc": [f"{0.9 - 0.01 * i:.3f} ± 0.020" for i in range(4)]})
    found = choose(table)
    assert found.score == pytest.approx(0.9)
    assert not found.known
    assert "val_acc_std is not used" in str(found)
    missing = choose(sweep().rename(columns={"loss": "val_loss"}).replace({"wd": {0.1: None}}))
    assert "wd is missing in 1 of 4 settings" in str(missing)


def test_equal_scores_are_suspected() -> None:
    found = choose(sweep().assign(loss=0.5))
    assert found.at_edge == ()
    assert "All 4 settings have the same score" in str(found)
    assert found.next.startswith("Next: check that loss is the right column")


def test_a_best_setting_that_misses_a_fold_stays_the_best() -> None:
    table = sweep().rename(columns={"loss": "val_loss"})
    found = choose(table.drop(index=[i for i in table.index if table.wd[i] == BEST and table.seed[i] == 0]))
    assert found.best == {"wd": BEST}
    assert found.score == pytest.approx(table.val_loss[table.wd == BEST].mean(), abs=0.01)
    assert "1 of 4 settings miss some of the 3 blocks" in str(found)


def test_settings_without_a_score_in_most_runs_are_not_the_best() -> None:
    table = sweep().rename(columns={"loss": "val_loss"})
    table.loc[(table.wd == 0.1), "val_loss"] = [-5.0, np.nan, np.nan]
    assert choose(table).best == {"wd": BEST}


@pytest.mark.parametrize("missing", [0.1, 0.3])
def test_noise_is_rarely_called_a_difference_where_runs_are_missing(missing: float) -> None:
    rng = np.random.default_rng(int(100 * missing))
    wrong, sweeps = 0, 400
    for _ in range(sweeps):
        x = rng.normal(size=5) + rng.normal(size=(6, 5))
        x[rng.random(x.shape) < missing] = np.nan
        x[np.isnan(x).all(1), 0] = 0.0
        wrong += len(judge_settings(list(x), paired=True, test_share=0.0).tied) < 6
    assert wrong / sweeps < 0.05


def test_folds_within_seeds_are_blocks_and_share_rows() -> None:
    rng = np.random.default_rng(0)
    d = sweep().rename(columns={"loss": "val_loss"})
    rows = pd.concat(
        [d.assign(fold=f, val_loss=d.val_loss + 0.01 * rng.normal(size=len(d))) for f in range(4)]
    )
    found = choose(rows)
    assert found.sweep.blocks == "fold"
    assert len(found.sweep.scores[0]) == 12
    assert found.sweep.test_share == pytest.approx(1 / 3)


def test_strengths_in_logarithms_go_on_by_steps() -> None:
    rows = [{"log10_wd": e, "seed": s, "val_loss": -e + s} for e in (-4, -3, -2, -1) for s in range(3)]
    found = choose(rows)
    assert found.strength == "log10_wd"
    assert found.next.startswith("Next: try log10_wd = 0, ")
    judged_range = choose(rows, convention="torch.optim.AdamW", lr=1e-3, steps=1000)
    assert judged_range.range is not None
    assert judged_range.range.values == pytest.approx(WD)
    with pytest.raises(RequestError, match="logarithm of an unknown base"):
        choose(
            pd.DataFrame(rows).rename(columns={"log10_wd": "log_wd"}),
            convention="torch.optim.AdamW",
            steps=9,
            lr=1.0,
        )


def test_a_flat_weak_end_asks_for_nothing_weaker() -> None:
    rng = np.random.default_rng(0)
    rows = [
        {"wd": wd, "seed": s, "val_loss": wd + 1e-2 * rng.normal()}
        for wd in (1e-5, 1e-4, 1e-3, 1.0)
        for s in range(4)
    ]
    found = choose(rows)
    assert "try wd" not in found.next
    steep = [{"wd": wd, "seed": s, "val_loss": np.log10(wd) + s} for wd in WD for s in range(3)]
    assert choose(steep).next.startswith("Next: try wd = 1e-05, ")


def test_the_learning_rate_of_the_runs_says_which_strengths_act() -> None:
    d = sweep().rename(columns={"loss": "val_loss"}).assign(lr=1e-3)
    found = choose(d, convention="torch.optim.AdamW", steps=1000)
    assert found.range == choose(d, convention="torch.optim.AdamW", steps=1000, lr=1e-3).range


def test_all_settings_of_a_random_search_are_named() -> None:
    rng = np.random.default_rng(0)
    runs = {name: rng.random(9) for name in ("lr", "weight_decay", "dropout", "time_total_s", "val_loss")}
    assert choose(runs).best.keys() == {"lr", "weight_decay", "dropout"}


@pytest.mark.parametrize(
    "results, options, sentence",
    [
        ({"wd": [], "val_loss": []}, {}, "the table has no runs"),
        ({"wd": [1, 2], "val_loss": [1]}, {}, "columns must be of one length"),
        (
            {"trial_id": ["a", "b"], "wd": [1, 2], "score": [1, 2], "best_step": [3, 4]},
            {},
            "is a higher 'score' better",
        ),
        ({"params_wd": [1, 2], "value": [1, 2]}, {}, "is a higher 'value' better"),
        ({"wd": [1, 2], "train_loss": [1.0, 2.0]}, {}, "train_loss are of training, or no numbers"),
        ("missing.csv", {}, "there is no file 'missing.csv'"),
    ],
)
def test_what_a_table_leaves_open_is_asked_for(results: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        choose(results, **options)


def test_a_cell_of_a_file_is_no_code(tmp_path: Path) -> None:
    cell = "{'a': __import__('os').system('true')}"
    (tmp_path / "runs.csv").write_text("wd;val_loss;note\n" + "".join(f'{w};1.0;"{cell}"\n' for w in WD))
    assert json.dumps(choose(tmp_path / "runs.csv").best)
