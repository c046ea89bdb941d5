"""The page that a fit leaves behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from shrinkage._files import write_atomic
from shrinkage.pages import Figure, Key, Page, Section, Table, clean, render_page, strength
from shrinkage.path import Choice, PathResult
from shrinkage.reporting import _words
from shrinkage.reporting._agreement import agreement_section
from shrinkage.reporting._findings import findings
from shrinkage.reporting._headline import matter_section
from shrinkage.reporting._story import FitStory
from shrinkage.reporting.figures import (
    Histograms,
    Judged,
    epoch_figures,
    epoch_table,
    gap_figure,
    gap_table,
    histograms,
    judge,
    loss_figure,
    map_figure,
    map_table,
    path_table,
    weight_figures,
    weight_slider,
    weight_tables,
)
from shrinkage.reporting.sections._effects_section import effects_section
from shrinkage.reporting.sections._members_section import members_section
from shrinkage.reporting.sections._moved_section import has_moved, moved_section
from shrinkage.reporting.sections._uncertainty_section import uncertainty_section

__all__ = ["charts_of", "path_charts", "path_rows", "render_fit_report", "write_fit_report"]

MOST_COLUMNS = 300
MOST_NOTES = 50
TRAINING = Key(role="training", text="training")
VALIDATION = Key(role="validation", text="validation")


def render_fit_report(story: FitStory) -> str:
    """The report of one fit as a self-contained HTML document, under 6 MB, that opens offline.

    Args:
        story: the results and the words that go with them. Every text in it is escaped.

    Returns:
        The document. Words and tables need no JavaScript; the charts run under a content security policy that
        allows the page's own scripts and nothing else.
    """
    judged = judge(story.path, story.choice)
    usable = _usable(story)
    shown = histograms(story.path.lambdas, story.weights, usable)
    # The chosen λ is compared with 0, or with the λ closest to it on this path that did not diverge.
    weakest = int(usable.argmax())
    page = Page(
        title=story.title,
        kicker="Fit report",
        subtitle=f"{clean(story.source_name, 200)} · {story.n_rows:,} rows · "
        f"{clean(story.shapes, 200) or f'{story.n_features:,} inputs'} · "
        f"{story.task} of {_names(story)} · {_effort(story)}",
        tiles=_words.tiles(story, judged, shown, weakest),
        findings=findings(story),
        notes=list(story.notes)[:MOST_NOTES],
        sections=_sections(story, judged, shown, weakest),
    )
    return render_page(page)


def charts_of(story: FitStory) -> dict[str, Callable[[], Figure]]:
    """Every chart of the report by its name, the path first."""
    usable = _usable(story)
    judged, shown = judge(story.path, story.choice), histograms(story.path.lambdas, story.weights, usable)
    figures: dict[str, Figure] = {}
    for section in _sections(story, judged, shown, int(usable.argmax())):
        for number, figure in enumerate(section.figures):
            figures[section.id if not number else f"{section.id}_{number}"] = figure
    order = sorted(figures, key=lambda name: name != "loss")
    return {name: partial(figures.__getitem__, name) for name in order}


def path_charts(path: PathResult, choice: Choice) -> dict[str, Callable[[], Figure]]:
    """The charts that a path and a choice are enough for."""
    judged = judge(path, choice)
    return {
        "loss": partial(loss_figure, path, choice, judged),
        "gap": partial(gap_figure, path, choice, judged),
        "map": partial(map_figure, path, choice),
    }


def path_rows(path: PathResult, choice: Choice) -> Table:
    """One row a λ: losses and the metric."""
    return path_table(path, choice, judge(path, choice))


def _sections(story: FitStory, judged: Judged, shown: Histograms, weakest: int) -> list[Section]:
    kept = story.weights[weakest].size and story.weights[story.choice.index].size
    return [
        *_matter_sections(story),
        *([members_section(story.members)] if story.members else []),
        *([moved_section(story.path)] if has_moved(story.path) else _path_sections(story, judged)),
        *([_epochs_section(story, weakest)] if story.path.n_epochs > 1 else []),
        *([_weights_section(story, shown, weakest)] if kept else []),
        *([] if has_moved(story.path) else [_gap_section(story, judged, weakest)]),
        *([agreement_section(story)] if len(story.truth) else []),
        *_uncertainty_sections(story),
        *_effects_sections(story),
        _data_section(story),
        *_strength_sections(story),
        _reproduce_section(story),
    ]


def _path_sections(story: FitStory, judged: Judged) -> list[Section]:
    return [_loss_section(story, judged), *([_map_section(story)] if len(story.path.validated) > 1 else [])]


def write_fit_report(story: FitStory, path: str | os.PathLike[str]) -> None:
    """Write the report to `path`, whole or not at all.

    Raises:
        OSError: the folder is missing or cannot be written.
    """
    write_atomic(path, render_fit_report(story).encode())


def _usable(story: FitStory) -> NDArray[np.bool_]:
    """(L,) which λs were judged, no net of theirs having diverged."""
    return np.array([float(lam) not in story.choice.diverged for lam in story.path.lambdas])


def _effort(story: FitStory) -> str:
    loss = story.path.validation_loss
    restarts = f" × {loss.shape[2]} restarts" if loss.shape[2] > 1 else ""
    dropped = len(story.choice.dropped)
    some = f"{loss.shape[0]} of {loss.shape[0] + dropped}" if dropped else f"{loss.shape[0]}"
    lambdas = f"{some} {'λ' if some == '1' else 'λs'}"
    epochs = f" × {story.path.n_epochs} epochs" if story.path.n_epochs > 1 else ""
    return f"{lambdas} × {loss.shape[1]} folds{restarts}{epochs}"


def _names(story: FitStory) -> str:
    names = [f"“{clean(name, 40)}”" for name in story.target_names[:3]]
    return ", ".join(names) + (" …" if len(story.target_names) > 3 else "")


def _matter_sections(story: FitStory) -> list[Section]:
    name = "" if story.linear is None else story.linear.name
    section = matter_section(story.path, story.choice, story.verdict, name)
    return [] if section is None else [section]


def _uncertainty_sections(story: FitStory) -> list[Section]:
    if story.uncertainty is None:
        return []
    names = [str(name) for name in story.target_names]
    return [uncertainty_section(story.uncertainty, names, list(story.class_names or ()))]


def _effects_sections(story: FitStory) -> list[Section]:
    if story.effects is None:
        return []
    classes = story.class_names
    outputs = [str(name) for name in (classes or story.target_names)]
    of = "class" if classes else "label" if story.task == "multilabel classification" else ""
    return [effects_section(story.effects, story.path.loss_name, outputs, probability_of=of)]


def _loss_section(story: FitStory, judged: Judged) -> Section:
    path, choice = story.path, story.choice
    bars = "Bars are one standard error over the folds. " if path.n_folds > 1 else ""
    stops = "each λ after the epoch at which its validation loss is lowest"
    when = f"Drawn: {stops}. " if choice.stop == "best" else ""
    fair, weakest = story.verdict.stopped, story.verdict.weakest
    early = fair is not None and story.verdict.best_epoch != choice.epochs[weakest]
    fair_text = f"{strength(path.lambdas[weakest])} at its own best epoch"
    level = "The dashed level is the minimum plus one standard error; 1-SE is the strongest λ below it."
    if choice.score_name:
        level = f"λ was chosen by the {choice.best}, which the table has; minimum and 1-SE are of that score."
    fair_key = [Key(role="validation", text=fair_text, mark="diamond")] if early else []
    return Section(
        id="loss",
        topic="Loss against λ",
        title=_words.loss_title(path, choice, story.verdict),
        caption="Too little regularization on the left: training is easy, validation suffers. Too much on the right: "
        f"both suffer. The best λ is at the bottom of the validation curve. {bars}{when}{level}"
        f"{_words.edge_words(choice)}",
        keys=[
            VALIDATION,
            TRAINING,
            Key(role="ink", text="chosen λ"),
            *([] if choice.score_name else [Key(role="muted", text="minimum + 1 SE", mark="dash")]),
            *fair_key,
        ],
        figures=[loss_figure(path, choice, judged, fair if fair_key else None)],
        tables=[path_table(path, choice, judged)],
    )


def _map_section(story: FitStory) -> Section:
    return Section(
        id="map",
        topic="λ and epochs",
        title=_words.map_title(story.path, story.choice),
        caption="Each row is a λ, each column an epoch; a stronger colour is a lower mean validation loss. "
        "Where the dotted line is left of the edge, longer training made that λ worse.",
        keys=[
            Key(role="training", text="chosen λ and epoch", mark="ring"),
            Key(role="muted", text="epoch of the lowest loss of each λ", mark="dash"),
        ],
        figures=[map_figure(story.path, story.choice)],
        tables=[map_table(story.path, story.choice)],
    )


def _epochs_section(story: FitStory, weakest: int) -> Section:
    path, choice = story.path, story.choice
    stop = [Key(role="muted", text="where this λ is judged", mark="dash")] if choice.stop == "best" else []
    return Section(
        id="epochs",
        topic="Training over time",
        title=_words.epochs_title(path, choice, weakest),
        caption=("" if choice.index == weakest else "Both charts have the same axes. ")
        + "Overfitting is where the training loss keeps falling and the validation loss rises. The dot is the lowest "
        "validation loss; the band is one standard error. The training loss is measured during the epoch, so at "
        "first it may be above the validation loss.",
        keys=[VALIDATION, TRAINING, *stop],
        figures=epoch_figures(path, choice, weakest),
        tables=[epoch_table(path, choice, weakest)],
    )


def _weights_section(story: FitStory, shown: Histograms, weakest: int) -> Section:
    chosen, one_of_many = story.choice.index, len(story.path.lambdas) > 1
    moved = "the chart" if chosen == weakest else "the second chart"
    return Section(
        id="weights",
        topic="The weights",
        title=_words.weights_title(story.path, shown, weakest, chosen),
        caption="Weights of the nets refitted on all rows, without biases. A net that overfits needs large weights to "
        "follow every row; regularization pulls them toward 0. Counts are on a log scale, so that the few large weights "
        "are visible." + (f" The slider shows any other λ in {moved}." if one_of_many else ""),
        figures=weight_figures(shown, weakest, chosen),
        slider=weight_slider(shown, chosen) if one_of_many else None,
        tables=weight_tables(shown, weakest, chosen),
    )


def _gap_section(story: FitStory, judged: Judged, weakest: int) -> Section:
    return Section(
        id="gap",
        topic="Overfitting gap",
        title=_words.gap_title(story.path, judged, weakest, story.choice.index),
        caption="The gap is the validation loss minus the training loss: what the net has learned about its training "
        "rows "
        "that does not carry over to new ones. It usually shrinks as λ grows. The aim is the lowest validation loss, "
        "not a gap of 0.",
        figures=[gap_figure(story.path, story.choice, judged)],
        tables=[gap_table(story.path, judged)],
    )


def _data_section(story: FitStory) -> Section:
    columns = list(story.columns)
    missing = sum(column.missing for column in columns)
    rows = [[c.name, c.kind, c.treatment, c.missing, "" if c.levels is None else c.levels] for c in columns]
    more = f" The first {MOST_COLUMNS} are listed." if len(rows) > MOST_COLUMNS else ""
    values = "No value is missing" if not missing else f"{missing:,} values are missing"
    return Section(
        id="data",
        topic="The data",
        title=f"{story.n_rows:,} rows of {clean(story.shapes, 200)}"
        if story.shapes
        else f"{story.n_rows:,} rows and "
        f"{sum(c.kind != 'target' for c in columns):,} columns besides the target became {story.n_features:,} inputs",
        caption=f"{values}. The table shows how each column was read and used.{more}",
        tables=[
            Table(
                caption="columns of the table",
                head=["column", "read as", "treatment", "missing", "levels"],
                rows=rows[:MOST_COLUMNS],
                folded=False,
            )
        ],
    )


def _strength_sections(story: FitStory) -> list[Section]:
    """Nothing to type elsewhere for a network that a constant guess may beat."""
    if not story.verdict.is_useful:
        return []
    rows = [[*s.in_two, s.framework, s.note] for s in story.strengths]
    table = Table(
        caption="the chosen λ elsewhere",
        head=["to type", "in", "framework", "holds when"],
        rows=rows,
        folded=False,
    )
    section = Section(
        id="elsewhere",
        topic="The number to type elsewhere",
        title=f"{strength(story.choice.lam)} is {'a different number' if story.choice.lam else '0'} in other frameworks",
        caption="For L2 in the error, λ is the factor in J = (1/n) Σ lossᵢ + (λ/2) Σ w²: the mean loss over the n "
        "training rows plus λ times half the sum of the squared weights, without biases. Some frameworks omit "
        "the ½, some divide by the batch size, some multiply by the learning rate, so the same strength is a different "
        "number in each. Neighbouring λs of the grid do about as well, so more digits would mean nothing.",
        tables=[table] if rows else [],
    )
    return [section]


def _reproduce_section(story: FitStory) -> Section:
    epochs = f"{story.choice.epoch:,} of {story.path.n_epochs:,}"
    facts = [("chosen λ", repr(float(np.float64(story.choice.lam))))]
    facts += [("epochs", epochs)] if story.path.n_epochs > 1 else []
    return Section(
        id="reproduce",
        topic="How to reproduce",
        title="The same command on the same data gives the same net",
        caption="With these versions and seeds, on the same kind of machine.",
        facts=[*facts, *((str(name), str(value)) for name, value in story.reproduce.items())],
    )
