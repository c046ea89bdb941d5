"""Batches that a controller draws beside the loop's own, and the loss of the model on them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from shrinkage._errors import RequestError, shown
from shrinkage.networks.module import MODULE_LOSSES

__all__ = ["LoopBatches", "at_rest", "mean_loss", "number_of_rows"]


class LoopBatches:
    """An endless stream of batches that knows where it stands, so that a resumed run goes on with the next one.

    Args:
        source: an iterable that can be gone through again, or a function that gives the next batch.
        where: what it is called in a message.
    """

    def __init__(self, source: Any, where: str) -> None:
        if not callable(source) and not isinstance(source, Iterable):
            raise RequestError(
                f"{where}: must be an iterable of batches (inputs, …, targets), such as a DataLoader or a "
                f"list, or a function that returns the next one, got {shown(type(source))}."
            )
        self._source, self._where = source, where
        self._current: Iterator[Any] | None = None
        self._warned = False
        self.position = 0
        """Batches drawn since the source was begun."""

    def draw(self, device: torch.device) -> tuple[tuple[Any, ...], Any]:
        """(inputs, targets) of the next batch."""
        batch = self._next()
        if not isinstance(batch, Sequence) or isinstance(batch, str) or len(batch) < 2:
            raise RequestError(
                f"{self._where}: a batch must be (inputs, …, targets), got {shown(type(batch))}. Wrap "
                "yours in a generator function that yields such pairs."
            )
        *inputs, targets = (part.to(device) if isinstance(part, Tensor) else part for part in batch)
        return tuple(inputs), targets

    @contextmanager
    def explained_errors(self, inputs: tuple[Any, ...], targets: Any) -> Iterator[None]:
        """Within it what the model or the loss raises of a batch becomes one sentence."""
        try:
            yield
        except (RequestError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            sizes = ", ".join(map(_size, inputs))
            words = [line.rstrip(".") for line in str(error).strip().splitlines()]
            raise RequestError(
                f"{self._where}: the model or the loss can't take batch {self.position}, inputs {sizes} and targets "
                f"{_size(targets)}: {type(error).__name__}: {words[0] if words else 'no message'}. Its batches must "
                "have the form of those that the model trains on."
            ) from error

    def check_loss(self, loss: Any) -> None:
        """Refuse a loss that no weight changes, and warn once of one that is not finite, from which λ can't be moved.

        Raises:
            RequestError: the loss has no graph.
        """
        if not isinstance(loss, Tensor) or not loss.requires_grad:
            raise RequestError(
                f"{self._where}: the loss of batch {self.position} has no graph, so it does not depend on the weights. "
                "Compute it from the outputs, without detach, item or no_grad."
            )
        if not self._warned and not bool(torch.isfinite(loss)):
            self._warned = True
            warnings.warn(
                f"{self._where}: the loss of batch {self.position} is {float(loss.detach()):g}, so λ stays. Look for "
                "NaN, infinite numbers or no rows in the batch.",
                stacklevel=2,
            )

    def seek(self, position: int) -> None:
        """Go to where a checkpoint stood."""
        self._current, self.position = None, position

    def _next(self) -> Any:
        if not isinstance(self._source, Iterable):
            self.position += 1
            try:
                return self._source()
            except StopIteration:
                raise self._exhausted() from None
        if self._current is None:
            self._current = iter(self._source)
            for _ in range(self.position):
                next(self._current, None)
        for _ in range(2):
            for batch in self._current:
                self.position += 1
                return batch
            self._current, self.position = iter(self._source), 0
        raise self._exhausted()

    def _exhausted(self) -> RequestError:
        return RequestError(
            f"{self._where}: ran out of batches and could not be restarted. Give a list or a DataLoader, "
            "or a function that returns the next batch."
        )


def _size(part: Any) -> str:
    return f"of shape {list(part.shape)}" if isinstance(part, Tensor) else f"of {type(part).__name__}"


def number_of_rows(source: Any) -> int | None:
    """Rows that all batches hold together; None where that can't be known without drawing them."""
    dataset = getattr(source, "dataset", None)
    if dataset is not None and hasattr(dataset, "__len__"):
        return len(dataset)
    if isinstance(source, list | tuple):
        return sum(len(batch[-1]) for batch in source)
    return None


def mean_loss(loss: Any) -> Callable[[Any, Any], Tensor]:
    """`loss=` as a function of outputs and targets that gives the mean over the rows."""
    if isinstance(loss, str):
        known = MODULE_LOSSES[loss]
        return lambda outputs, targets: known.of_rows(outputs, targets).mean()
    return lambda outputs, targets: loss(outputs, targets).mean()


@contextmanager
def at_rest(model: nn.Module) -> Iterator[None]:
    """Within it the model is in evaluation mode and gradients are on; its modes and the random numbers come back."""
    modes = [(module, module.training) for module in model.modules()]
    recurrent = any(isinstance(module, nn.RNNBase) for module, _ in modes)
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        stack.enter_context(torch.enable_grad())
        if recurrent and torch.cuda.is_available():  # cuDNN has no backward pass of these in evaluation mode
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        model.eval()
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode
