"""`shrinkage compare`: every way to keep weights small on one table, or the published demonstrations, side by side."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shrinkage._errors import RequestError
from shrinkage._files import write_atomic
from shrinkage.cli._exit import harmless
from shrinkage.cli._folder import check_one_of, prepared_folder, published_together
from shrinkage.cli._versions import versions
from shrinkage.cli.options._row_options import Group
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
    in_table,
)
from shrinkage.cli.options._table_options import TableOptions, asked_table
from shrinkage.cli.options._values import options_named

if TYPE_CHECKING:
    from shrinkage.comparison import Comparison, DemoResult
    from shrinkage.tables import SetApart

__all__ = ["compare"]

PAGE, FIGURES, SPLITS, BLOCKS = "compare.html", "compare.json", "compare.csv", "blocks"
GALLERY = "gallery.html"
OF_A_DEMONSTRATION = {"demo", "repeats", "out", "overwrite", "as_json", "quiet"}
"""The options that a demonstration takes."""

_rare_in_net = partial(in_net, hidden=True)
_rare_in_run = partial(in_run, hidden=True)
_in_demo = partial(typer.Option, rich_help_panel="The demonstrations")
_OUT = "Folder for the page and the figures."
_WHICH = "l2-2017, l1-2017, swarm-2013, swarm-2015, backprop-2013, or all (one page)."
_TIME = "Not here: outer folds are drawn at random; `shrinkage fit --time` validates on later rows."
_METHODS = "Methods with commas; all if left out."
_REPEATS = "Repetitions of the outer folds; for a demonstration, data sets to average over."
_LAMBDAS = "auto, a count, FIRST:LAST:COUNT in log steps, or λs with commas; 0 is added."


def compare(
    context: typer.Context,
    data: Data = None,
    target: Target = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help=_OUT, show_default=False)] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    demo: Annotated[str | None, _in_demo(help=_WHICH, show_default=False)] = None,
    task: Task = "auto",
    bundled: Bundled = "breast_cancer",
    rows: Annotated[int, in_table(help="Maximum number of rows; 0 for all.")] = 2000,
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
    group: Group = None,
    time: Annotated[str | None, _rare_in_run(help=_TIME, show_default=False)] = None,
    methods: Annotated[str | None, in_run(help=_METHODS, show_default=False)] = None,
    folds: Annotated[int, in_run(help="Outer folds, which measure the test loss.")] = 5,
    repeats: Annotated[int | None, _rare_in_run(help=_REPEATS, show_default="2")] = None,
    inner_folds: Annotated[int, _rare_in_run(help="Inner folds, which choose λ.")] = 3,
    lambdas: Annotated[str, in_run(help=_LAMBDAS)] = "auto",
    jobs: Jobs = "auto",
    seed: Seed = 0,
    quiet: Quiet = False,
    hidden: Annotated[str, in_net(help="Hidden layers, such as 16,8; 0 for none.")] = "8",
    activation: Annotated[str, _rare_in_net(help="tanh, relu, logistic or identity.")] = "tanh",
    epochs: Annotated[int, in_net(help="Passes over the training rows.")] = 60,
    batch_size: Annotated[int, _rare_in_net(help="Rows per step.")] = 32,
    learning_rate: Annotated[float, _rare_in_net("--lr", help="Learning rate of plain SGD.")] = 0.1,
    adam_learning_rate: Annotated[float, _rare_in_net("--adam-lr", help="Learning rate of Adam.")] = 5e-3,
) -> None:
    """Train with no regularization, L2, each form of weight decay, L1, early stopping and a swarm, side by side.

    Or replay a published demonstration: as printed, as run, and corrected.
    """
    given = dict(locals())
    del given["context"]
    asked = _Asked(**given)
    if demo is None:
        with options_named(learning_rate="--lr"):
            _run_comparison(asked)
    else:
        _check_used(context)
        _run_demonstration(asked)


@dataclass(frozen=True, kw_only=True)
class _Asked(TableOptions):
    """The options of `compare`, as they were given."""

    out: Path | None
    resume: bool
    overwrite: bool
    as_json: bool
    demo: str | None
    rows: int
    group: str | None
    time: str | None
    methods: str | None
    repeats: int | None
    inner_folds: int
    lambdas: str
    jobs: str
    seed: int
    quiet: bool
    hidden: str
    activation: str
    epochs: int
    batch_size: int
    learning_rate: float
    adam_learning_rate: float


def _run_comparison(asked: _Asked) -> None:
    from shrinkage.tables import RowRoles, set_apart

    if asked.time is not None:
        raise RequestError(
            "--time: compare tests every row once in each repeat, so most networks would be trained on rows that "
            "follow those of their test. Use shrinkage fit --time, or --group to keep the rows of a day together."
        )
    roles = RowRoles(group=asked.group)
    drop = [name for name in asked.drop or () if name != asked.group]
    table, target = asked_table(replace(asked, drop=drop), verbatim=roles.verbatim)
    rows = set_apart(table, roles, targets=tuple(target))
    with _folder_to_resume(asked):
        found = _comparison(asked, rows, target)
        if asked.out is not None:
            _write(found, asked.out)
    _show(asked, found)
    if asked.out is not None and not asked.as_json:
        page = asked.out / PAGE
        typer.echo(harmless(f"The page is {page}; its figures are {FIGURES} and {SPLITS} beside it."))


def _comparison(asked: _Asked, rows: SetApart, target: list[str]) -> Comparison:
    from shrinkage.cli._progress import progress_bar
    from shrinkage.cli.options._values import counts, jobs_of, lambdas_of
    from shrinkage.comparison import Setting, Splitting, compare_table

    setting = Setting(
        hidden_layer_sizes=counts("--hidden", asked.hidden),
        activation=asked.activation,
        epochs=asked.epochs,
        batch_size=asked.batch_size,
        learning_rate=asked.learning_rate,
        adam_learning_rate=asked.adam_learning_rate,
    )
    repeats = 2 if asked.repeats is None else asked.repeats
    splitting = Splitting(
        folds=asked.folds,
        repeats=repeats,
        inner_folds=asked.inner_folds,
        seed=asked.seed,
        group=asked.group,
    )
    with progress_bar("Comparing", quiet=asked.quiet) as progress:
        return compare_table(
            rows.table,
            target,
            task=asked.task,
            methods=None if asked.methods is None else asked.methods.split(","),
            lambdas=lambdas_of(asked.lambdas),
            setting=setting,
            splitting=splitting,
            groups=rows.groups,
            rows=asked.rows or None,
            n_jobs=jobs_of(asked.jobs),
            blocks=None if asked.out is None else asked.out / BLOCKS,
            identity=versions(),
            progress=progress,
        )


def _folder_to_resume(asked: _Asked) -> AbstractContextManager[None]:
    """The folder of --out, held for this run, with what an interrupted one has finished."""
    check_one_of(resume=asked.resume, overwrite=asked.overwrite)
    if asked.out is None:
        if asked.resume:
            raise RequestError("--resume: name the folder of the interrupted run, such as --out comparison.")
        return nullcontext()
    results = (PAGE, FIGURES, SPLITS)
    return prepared_folder(asked.out, results, resume=asked.resume, overwrite=asked.overwrite, blocks=BLOCKS)


def _write(found: Comparison, out: Path) -> None:
    with published_together(out, last=PAGE) as folder:
        write_atomic(folder / SPLITS, found.to_frame().to_csv(index=False).encode())
        write_atomic(folder / FIGURES, json.dumps(found.to_dict(), ensure_ascii=False, indent=1).encode())
        found.to_html(folder / PAGE)


def _check_used(context: typer.Context) -> None:
    """Refuse what was given and a demonstration has no use for."""
    unused = [
        parameter.opts[0] if parameter.param_type_name == "option" else "DATA"
        for parameter in context.command.params
        if parameter.name is not None
        and parameter.name not in OF_A_DEMONSTRATION
        and getattr(context.get_parameter_source(parameter.name), "name", "DEFAULT") != "DEFAULT"
    ]
    if unused:
        raise RequestError(
            f"--demo: a demonstration brings its own data, networks and training; leave out {', '.join(unused)}."
        )


def _run_demonstration(asked: _Asked) -> None:
    from shrinkage.cli._progress import progress_bar
    from shrinkage.comparison import DEMOS, demo, demo_page, gallery_page

    assert asked.demo is not None
    names = list(DEMOS) if asked.demo == "all" else [asked.demo]
    page = GALLERY if asked.demo == "all" else f"{asked.demo}.html"
    with options_named(), _folder(asked, (page, f"{Path(page).stem}.json")):
        results = []
        with progress_bar("Replaying", quiet=asked.quiet or len(names) == 1) as progress:
            for done, name in enumerate(names, start=1):
                results.append(demo(name, repeats=asked.repeats))
                if progress is not None:
                    progress(done, len(names))
        if asked.out is not None:
            html = gallery_page(results) if asked.demo == "all" else demo_page(results[0])
            _write_demo(results, html, asked.out, page)
    for result in results:
        _show(asked, result)
    if asked.out is not None and not asked.as_json:
        figures = f"{Path(page).stem}.json"
        typer.echo(harmless(f"The page is {asked.out / page}; its figures are {figures} beside it."))


def _write_demo(results: list[DemoResult], html: str, out: Path, page: str) -> None:
    figures: Any = [result.to_dict() for result in results]
    with published_together(out, last=page) as folder:
        text = json.dumps(figures, ensure_ascii=False, indent=1)
        write_atomic((folder / page).with_suffix(".json"), text.encode())
        write_atomic(folder / page, html.encode())


def _show(asked: _Asked, found: Comparison | DemoResult) -> None:
    if asked.as_json:
        typer.echo(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
        return
    from rich.console import Console

    Console().print(found, highlight=False)


def _folder(asked: _Asked, results: tuple[str, ...]) -> AbstractContextManager[None]:
    """The folder of --out, held while demonstrations are replayed; nothing when there is none."""
    if asked.out is None:
        return nullcontext()
    kept = [name for name in results if (asked.out / name).exists()]
    if kept and not asked.overwrite:
        raise RequestError(
            f"--out {asked.out}: the folder holds an earlier replay ({', '.join(kept)}). Name another folder, or add "
            "--overwrite to replace it."
        )
    # A demonstration keeps nothing unfinished: a folder of blocks would belong to something else.
    return prepared_folder(asked.out, results, resume=False, overwrite=asked.overwrite, blocks=".blocks")
