"""`shrinkage fit`: from a table to a folder with the report and the model."""

from __future__ import annotations

import inspect
import shlex
import sys
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shrinkage._errors import RequestError
from shrinkage.cli._exit import harmless, note
from shrinkage.cli._folder import check_one_of
from shrinkage.cli._progress import progress_bar
from shrinkage.cli._versions import versions
from shrinkage.cli.options._config_file import Config, other_data
from shrinkage.cli.options._inputs_options import Embedding, Inputs
from shrinkage.cli.options._objective_options import ClassWeight, Loss, Quantile, Scoring, objective_of
from shrinkage.cli.options._preset_options import PredictBy, Preset, folds_of
from shrinkage.cli.options._row_options import Group, Id, NoShuffle, RowOptions, Time, Weight
from shrinkage.cli.options._shared_options import (
    Bundled,
    Data,
    DayFirst,
    Decimal,
    Drop,
    DropMissingTarget,
    DropRareClasses,
    Encoding,
    Escape,
    Jobs,
    KeepColumns,
    Na,
    NoHeader,
    Overwrite,
    Quiet,
    Resume,
    Seed,
    Sep,
    Target,
    Task,
    Text,
    Thousands,
    in_net,
    in_run,
)
from shrinkage.cli.options._table_options import TableOptions, asked_table, task_of
from shrinkage.cli.options._values import options_named

if TYPE_CHECKING:
    from shrinkage.estimators import MLPCV
    from shrinkage.path import Progress
    from shrinkage.reporting import FitStory
    from shrinkage.tables import Problem, SetApart

__all__ = ["fit"]

BLOCKS = "blocks"
RESULTS = (
    "report.html",
    "model.json",
    "model.safetensors",
    "module.safetensors",
    "preprocessing.skops",
    "folds.zip",
    "run.json",
    "path.csv",
)

_in_path = partial(typer.Option, rich_help_panel="The λ path")
_rare_in_path = partial(_in_path, hidden=True)
_rare_in_net = partial(in_net, hidden=True)
_rare_in_run = partial(in_run, hidden=True)
_LAMBDAS = "auto, evidence, a count, FIRST:LAST:COUNT, or λs."
_STRENGTHS = "With --lambdas evidence: one λ for the network, or one for each of its layers."
_EXTENSIONS = "Maximum number of grid extensions when the best λ is at an edge."
_SEARCH = "grid, or bracket: coarse, then fine around the best λ."
_FAST = "Drop λs that score worse on the first folds; occasionally changes the chosen λ."
_EFFECTS = "Report which columns the network uses."
_NETWORK = "FILE.py:FUNCTION that builds a torch module."
_CLUSTER = "Train on this dask scheduler, such as tcp://host:8786; use one that you trust."


def fit(
    data: Data = None,
    target: Target = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("shrinkage-fit"),
    config: Config = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    task: Task = "auto",
    bundled: Bundled = "breast_cancer",
    sep: Sep = None,
    encoding: Encoding = None,
    na: Na = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    day_first: DayFirst = None,
    text: Text = None,
    escape: Escape = None,
    no_header: NoHeader = False,
    drop: Drop = None,
    keep_columns: KeepColumns = None,
    drop_missing_target: DropMissingTarget = False,
    drop_rare_classes: DropRareClasses = False,
    loss: Loss = None,
    quantile: Quantile = None,
    class_weight: ClassWeight = None,
    group: Group = None,
    time: Time = None,
    no_shuffle: NoShuffle = False,
    weight: Weight = None,
    id: Id = None,
    hidden: Annotated[str, in_net(help="Hidden layers, such as 64,32; 0 for none.")] = "64",
    network: Annotated[str | None, in_net(help=_NETWORK, show_default=False)] = None,
    activation: Annotated[str, _rare_in_net(help="relu, tanh, logistic or identity.")] = "relu",
    solver: Annotated[str, _rare_in_net(help="Optimizer: adam or sgd.")] = "adam",
    learning_rate: Annotated[str, _rare_in_net("--lr", help="Peak learning rate, or auto.")] = "auto",
    schedule: Annotated[str, _rare_in_net(help="Learning rate schedule: constant or cosine.")] = "cosine",
    epochs: Annotated[str, in_net(help="Passes over the training rows, or auto.")] = "auto",
    batch_size: Annotated[str, _rare_in_net(help="Rows per step, or auto.")] = "auto",
    validate_every: Annotated[int, _rare_in_net(help="Epochs between validations.")] = 1,
    lambdas: Annotated[str, _in_path(help=_LAMBDAS)] = "auto",
    strengths: Annotated[str, _rare_in_path(help=_STRENGTHS)] = "network",
    extensions: Annotated[int, _rare_in_path(help=_EXTENSIONS)] = 3,
    rule: Annotated[str, _rare_in_path(help="Rule whose strength is λ: l2, l1, decoupled, …")] = "l2",
    trainer: Annotated[str, _rare_in_path(help="backprop or swarm.")] = "backprop",
    folds: Annotated[int, _in_path(help="Cross-validation folds.")] = 5,
    restarts: Annotated[int, _rare_in_path(help="Networks per λ and fold.")] = 1,
    scoring: Scoring = None,
    select: Annotated[str, _in_path(help="min, or 1se: largest λ within one standard error.")] = "min",
    stop: Annotated[str, _rare_in_path(help="Score each λ at its last epoch, or at its best.")] = "last",
    search: Annotated[str, _rare_in_path(help=_SEARCH)] = "bracket",
    inputs: Inputs = "auto",
    embedding: Embedding = "auto",
    fast: Annotated[bool, _rare_in_path("--fast", help=_FAST)] = False,
    predict_by: PredictBy = "refit",
    preset: Preset = "default",
    effects: Annotated[bool, _rare_in_run("--effects/--no-effects", help=_EFFECTS)] = True,
    jobs: Jobs = "auto",
    cluster: Annotated[str | None, _rare_in_run(help=_CLUSTER)] = None,
    device: Annotated[str, _rare_in_run(help="cpu or cuda.")] = "cpu",
    seed: Seed = 0,
    quiet: Quiet = False,
) -> None:
    """Train a λ path on a table, choose λ, refit, and write a report and a model."""
    _run(_Asked(**dict(locals())))


@dataclass(frozen=True, kw_only=True)
class _Asked(TableOptions, RowOptions):
    """The options of `fit`, as they were given."""

    out: Path
    config: Path | None
    resume: bool
    overwrite: bool
    loss: str | None
    quantile: str | None
    class_weight: str | None
    scoring: str | None
    hidden: str
    network: str | None
    activation: str
    solver: str
    learning_rate: str
    schedule: str
    epochs: str
    batch_size: str
    validate_every: int
    lambdas: str
    strengths: str
    extensions: int
    rule: str
    trainer: str
    restarts: int
    select: str
    stop: str
    search: str
    inputs: str
    embedding: str
    fast: bool
    predict_by: str
    preset: str
    effects: bool
    jobs: str
    cluster: str | None
    device: str
    seed: int
    quiet: bool


@dataclass(frozen=True, kw_only=True)
class _Checked:
    """What is learned from."""

    rows: SetApart
    """The table without what was asked to be left out, and what its columns say of the rows."""
    target: list[str]
    problem: Problem
    notes: list[str]
    """What was noticed, one sentence each."""

    def say(self, sentence: str) -> None:
        note(sentence)
        self.notes.append(sentence)


def _run(asked: _Asked) -> None:
    start = monotonic()
    folds = folds_of(asked.preset, asked.folds, inspect.signature(fit).parameters["folds"].default)
    asked = replace(asked, folds=folds, task=task_of(asked.task, asked.loss))
    check_one_of(resume=asked.resume, overwrite=asked.overwrite)
    asked.check()
    with options_named():
        with progress_bar("Training the path", quiet=asked.quiet, before="Reading the table") as progress:
            story = _fit_table(asked, _checked_table(asked), start, progress)
        _tell(asked, story)


def _checked_table(asked: _Asked) -> _Checked:
    """The table that was asked for; all that is wrong with it is raised at once."""
    from shrinkage.tables import SetApart, check_table, repeated_rows, set_apart, split_target

    roles, dropped = asked.roles, asked.drop or []
    named = {name for _, name in roles.named}
    table, target = asked_table(
        replace(asked, drop=[name for name in dropped if name not in named]), verbatim=roles.verbatim
    )
    problems, notes = list[str](), [*other_data(asked.config, table), *table.notes]
    try:
        rows = set_apart(table, roles, targets=tuple(target), keep_time=roles.time not in dropped)
    except RequestError as error:
        problems, rows = list(error.problems), SetApart(table=table)
    try:
        notes += check_table(rows.table, target, **asked.checks)
    except RequestError as error:
        problems += error.problems
    if problems:
        raise RequestError(problems)
    problem = split_target(rows.table, target, asked.task)
    notes += asked.notes(rows)
    if rows.groups is None and rows.ranks is None:
        notes += map(str, repeated_rows(problem.features, problem.target, problem.task))
    for text in [*notes, problem.reason]:
        note(text)
    return _Checked(rows=rows, target=target, problem=problem, notes=notes)


def _fit_table(asked: _Asked, checked: _Checked, start: float, progress: Progress | None) -> FitStory:
    # Loaded once the table is known to be right: torch takes seconds.
    from shrinkage.cli._folder import prepared_folder, published_together
    from shrinkage.cli.commands._cluster import on_cluster
    from shrinkage.cli.options._network_options import network_identity, notes_on_network
    from shrinkage.estimators import Runtime

    problem, rows = checked.problem, checked.rows
    model = _estimator(asked, problem, rows)
    network = network_identity(model.network)
    with prepared_folder(asked.out, RESULTS, resume=asked.resume, overwrite=asked.overwrite, blocks=BLOCKS):
        runtime = Runtime(
            progress=progress,
            blocks=asked.out / BLOCKS,
            identity={"data": rows.table.sha256, "target": checked.target, **network, **versions()},
            as_table=True,
            rivals=True,
            note=checked.say,
        )
        with on_cluster(asked.cluster):
            model._fit(problem.features, problem.target, rows.weight, runtime, rows.groups)
        for text in notes_on_network(model):
            checked.notes.append(text)
            note(text)
        with published_together(asked.out, last="model.json") as folder:
            return _write(asked, folder, model, checked, monotonic() - start)


def _estimator(asked: _Asked, problem: Problem, rows: SetApart) -> MLPCV:
    from shrinkage.cli.options._values import (
        auto_or_count,
        auto_or_rate,
        counts,
        inputs_of,
        jobs_of,
        lambdas_of,
    )
    from shrinkage.estimators import MLPClassifierCV, MLPRegressorCV

    classes = problem.task == "classification"
    return (MLPClassifierCV if classes else MLPRegressorCV)(
        **objective_of(asked, problem.task, None if problem.classes is None else problem.classes.tolist()),
        hidden_layer_sizes=counts("--hidden", asked.hidden),
        network=_network(asked),
        lambdas=lambdas_of(asked.lambdas),
        strengths=asked.strengths,
        rule=asked.rule,
        trainer=asked.trainer,
        cv=asked.splitter(rows, stratified=problem.classes is not None),
        restarts=asked.restarts,
        select=asked.select,
        stop=asked.stop,
        search=asked.search,
        inputs=inputs_of(asked.inputs),
        embedding=None if asked.embedding.lower() == "none" else asked.embedding,
        fast=asked.fast,
        predict_by=asked.predict_by,
        preset=asked.preset,
        activation=asked.activation,
        solver=asked.solver,
        learning_rate_init=auto_or_rate("--lr", asked.learning_rate),
        learning_rate=asked.schedule,
        max_epochs=auto_or_count("--epochs", asked.epochs),
        batch_size=auto_or_count("--batch-size", asked.batch_size),
        validate_every=asked.validate_every,
        max_extensions=asked.extensions,
        keep_path=True,
        device=asked.device,
        n_jobs=jobs_of(asked.jobs) if asked.cluster is None else None,
        random_state=asked.seed,
    )


def _network(asked: _Asked) -> Any:
    """The user's own function that builds a network, or None."""
    from shrinkage.cli.options._network_options import network_of

    plain = inspect.signature(fit).parameters
    beside = [name for name in ("hidden", "activation") if getattr(asked, name) != plain[name].default]
    return network_of(asked.network, beside)


def _write(asked: _Asked, folder: Path, model: MLPCV, checked: _Checked, seconds: float) -> FitStory:
    import json

    from shrinkage._files import write_atomic
    from shrinkage.cli._run_record import comparison_record
    from shrinkage.cli.options._network_options import network_identity
    from shrinkage.estimators import column_effects, save_model
    from shrinkage.reporting import findings, fit_story, note_on_skew, write_fit_report
    from shrinkage.tables import write_predictions

    assert model.preprocessor_ is not None
    problem, table, notes, weight = checked.problem, checked.rows.table, checked.notes, checked.rows.weight
    targets = problem.target_names
    if len(model.forms_.names) > 1 or model.forms_.left_out:
        checked.say(str(model.forms_))
    if text := note_on_skew(model, problem.features, problem.target, weight, targets[0]):
        note(text)
        notes = [*notes, text]
    reproduce = {
        "command": shlex.join(["shrinkage", *sys.argv[1:]]),
        "data": f"{table.source}, SHA-256 {table.sha256}",
        "task": problem.reason,
        "seed": str(asked.seed),
        "folds": asked.in_words(),
        **network_identity(model.network),
        **versions(),
        "time": f"{seconds:.1f} s"
        + (" since --resume, without what was done before" if asked.resume else ""),
    }
    effects = column_effects(model, problem.features) if asked.effects else None
    story = fit_story(model, table, problem, notes=notes, reproduce=reproduce, effects=effects)
    save_model(model, model.preprocessor_, targets, folder, ids=asked.roles.ids, labels=problem.labels)
    write_predictions(model.path_.to_frame(), folder / "path.csv")
    run = {
        **reproduce,
        "options": {name: getattr(asked, name) for name in asked.__dataclass_fields__},
        "lambda": model.choice_.lam,
        "lambda_min": model.choice_.lam_min,
        "lambda_1se": model.choice_.lam_1se,
        "epochs": model.choice_.epoch,
        "predict_by": model.predict_by_,
        "preset": model.preset_,
        "budget": asdict(model.budget_),
        "findings": findings(story),
        "compared": comparison_record(story),
        "notes": notes,
    }
    write_atomic(folder / "run.json", json.dumps(run, indent=1, ensure_ascii=False, default=str).encode())
    write_fit_report(story, folder / "report.html")
    return story


def _tell(asked: _Asked, story: FitStory) -> None:
    from shrinkage.reporting import findings

    for sentence in findings(story):
        typer.echo(harmless(f"• {sentence}"))
    useful = story.choice.lam and story.verdict.is_useful
    for row in story.strengths[1:] if useful else []:
        typer.echo(f"• In {row.framework}: {row.typed}, {row.note}.")
    typer.echo(harmless(f"The report is {asked.out / 'report.html'}; the model is the folder {asked.out}."))
