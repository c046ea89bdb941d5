"""The sentences of a comparison where it came out otherwise than it mostly does."""

import re
from dataclasses import replace

import numpy as np
import pytest

from comparison_cases import small_comparison
from shrinkage.comparison import Comparison
from shrinkage.comparison._scores import _r2
from shrinkage.comparison.page._comparison_findings import findings
from shrinkage.comparison.page._comparison_page import render_comparison


def with_losses(losses: dict[str, np.ndarray], keep: tuple[str, ...] | None = None) -> Comparison:
    """The small comparison with other test losses of some methods, and of these methods alone."""
    whole = small_comparison()
    runs = tuple(
        replace(each, test_loss=losses.get(each.method.key, each.test_loss))
        for each in whole.runs
        if keep is None or each.method.key in keep
    )
    return replace(whole, runs=runs)


def test_of_a_table_on_which_all_but_one_diverged():
    whole = small_comparison()
    lost = {runs.method.key: np.full(4, np.nan) for runs in whole.runs if runs.method.key != "none"}
    sentences = findings(with_losses(lost))
    assert sentences[0].startswith("No regularization has a test loss of")
    assert sentences[0].endswith("; every other method diverged.")


@pytest.mark.parametrize(
    "shifts, says",
    [
        ({"l2": -0.2, "l1": -0.17}, "These rows can't distinguish the other method from it."),
        ({"l2": -0.2, "l1": 2.0}, None),
    ],
)
def test_of_two_methods_beside_none(shifts, says):
    none = small_comparison().of("none").test_loss
    noise = np.array([0.0, 0.1, -0.1, 0.05])
    losses = {"l2": none + shifts["l2"] + noise, "l1": none + shifts["l1"] - 0.1 * noise}
    sentences = findings(with_losses(losses, keep=("none", "l2", "l1")))
    assert sentences[0].startswith("The lowest test loss is that of L2 in the error")
    told = [sentence for sentence in sentences if "distinguish" in sentence and "from it" in sentence]
    assert told == ([] if says is None else [says])


@pytest.mark.parametrize(
    "shift, says",
    [(0.5, "ends 0.5 worse in test loss"), (-0.5, "ends 0.5 better in test loss here, which is rare")],
)
def test_of_a_swarm_that_is_clearly_apart(shift, says):
    l2 = small_comparison().of("l2").test_loss
    c = with_losses({"swarm_l2": l2 + shift + np.array([0.0, 1e-3, -1e-3, 0.0])})
    assert any(says in sentence for sentence in findings(c))


@pytest.mark.parametrize("lost", ["all", "equal"])
def test_of_forms_that_could_not_be_trained_side_by_side(lost):
    whole = small_comparison()
    pairs = tuple(
        replace(pair, distance=np.nan) if lost == "all" or pair.by_algebra else pair for pair in whole.pairs
    )
    sentences = findings(replace(whole, pairs=pairs))
    assert (
        "Training the forms side by side diverged, so it can't show which of them are the same." in sentences
    )


def test_of_strengths_that_adam_wants_where_one_of_the_two_diverged():
    whole = small_comparison()
    torn = whole.of("adam_l2").test_loss.copy()
    torn[0] = np.nan
    text = render_comparison(with_losses({"adam_l2": torn}))
    assert "Their best strengths are unknown: training diverged with Adam" in text
    assert "So they want other strengths" not in text


def test_a_method_that_diverged_on_every_split_has_no_strength():
    page = render_comparison(with_losses({"l1": np.full(4, np.nan)}))
    rows = re.findall(r"<tr>(.*?)</tr>", page, flags=re.DOTALL)
    told = [re.sub(r"<[^>]+>", "|", row) for row in rows if "L1 in the error" in row and "diverged" in row]
    assert any(re.search(r"\|diverged\|+–\|+–\|", re.sub(r"\s*\|\s*", "|", row)) for row in told)


@pytest.mark.parametrize(
    "shift, says", [(-0.3, ": this is the gain."), (0.3, ": here the penalty was harmful.")]
)
def test_of_what_l2_did_at_the_strengths_that_it_chose(shift, says):
    none = small_comparison().of("none").test_loss
    c = with_losses({"l2": none + shift + np.array([0.0, 1e-3, -1e-3, 0.0])})
    chosen = tuple(replace(r, lam=np.full(4, 0.1)) if r.method.key == "l2" else r for r in c.runs)
    assert says in render_comparison(replace(c, runs=chosen))


def test_r2_of_targets_without_any_spread_is_none_at_all():
    Y = np.ones((5, 1))
    assert np.isnan(_r2(Y, np.ones((5, 1))))
    assert np.isnan(_r2(np.arange(5.0)[:, None], np.full((5, 1), np.inf)))
    assert _r2(np.arange(5.0)[:, None], np.arange(5.0)[:, None]) == 1
