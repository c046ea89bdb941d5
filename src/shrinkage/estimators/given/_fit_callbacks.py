"""scikit-learn's callbacks, such as its ProgressBar, where the installed version has them (1.9 and later)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from shrinkage.path import Progress

M = TypeVar("M")

if TYPE_CHECKING:

    class CallbackSupportMixin:
        """Gives an estimator `set_callbacks`."""

        def set_callbacks(self, *callbacks: Any) -> Self: ...

    def with_callbacks(method: M) -> M: ...

else:
    try:
        from sklearn.callback import CallbackSupportMixin, with_callbacks
    except ImportError:  # scikit-learn < 1.9: no callbacks can be set

        class CallbackSupportMixin:
            """Without callbacks."""

        def with_callbacks(method):
            """The method as it is."""
            return method


__all__ = ["CallbackSupportMixin", "fit_callbacks", "with_callbacks"]

PARTS = 100
"""The work of a path is not known when it starts: callbacks are given its hundredths."""


@contextmanager
def fit_callbacks(model: Any, X: Any, y: Any) -> Iterator[Progress | None]:
    """The progress that tells the callbacks of an estimator during its fit; None if it has none.

    Args:
        model: the estimator, whose `fit` is wrapped in `with_callbacks`.
        X, y: what it is fitted on, passed to callbacks that ask for them.
    """
    if not hasattr(model, "_skl_callbacks") and not hasattr(model, "_parent_callback_ctx"):
        yield None
        return
    context = model._init_callback_context(max_subtasks=PARTS)
    context.call_on_fit_task_begin(estimator=model, X=X, y=y)
    finished = 0

    def report(done: float, total: float) -> None:
        nonlocal finished
        share = done / total if total > 0 else 0.0
        while finished < min(int(PARTS * share), PARTS):  # never back, though the total may grow
            part = context.subcontext(task_name="part of the path")
            part.call_on_fit_task_begin(estimator=model, X=X, y=y)
            part.call_on_fit_task_end(estimator=model, X=X, y=y)
            finished += 1

    yield report
    context.call_on_fit_task_end(estimator=model, X=X, y=y)
