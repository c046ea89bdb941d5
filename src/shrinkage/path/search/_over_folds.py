"""How new λs go over the folds: all at once, or in laps after each of which those found worse fall out."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from shrinkage.path._path_choice import is_sound
from shrinkage.path._places import Place
from shrinkage.path.search._race import judged_losses, laps, leading, still_racing
from shrinkage.path.search._searching import Round, Seen

__all__ = ["over_all_folds", "racing"]

Rounds = Generator[Round, None, None]


def over_all_folds(seen: Seen, new: Sequence[Place], path: Sequence[Place], ahead: int = 0) -> Rounds:
    """Train the new places on every fold.

    Args:
        seen: what was trained so far.
        new: places that no fold has.
        path: all places, these included, λ ascending.
        ahead: networks per restart that are expected afterwards.
    """
    if new:
        yield Round(places=tuple(new), folds=seen.folds, ahead=ahead, on_path=len(path))


def racing(
    seen: Seen,
    new: Sequence[Place],
    path: Sequence[Place],
    dropped: dict[Place, int],
    *,
    select: str,
    stop: str,
    ahead: int = 0,
) -> Rounds:
    """Train the new places fold by fold, and put those that fall out into `dropped`.

    The weakest λ stays whatever its loss: it is what the chosen one is held against. So does what an earlier round
    has left: its folds are trained. Where a λ that led the race diverges in a later fold, those that were dropped are
    trained after all.
    """
    led = yield from _laps(seen, new, path, dropped, select=select, stop=stop, ahead=ahead)
    left = [place for place in path if place not in dropped]
    sound = is_sound(seen.result(left), stop)
    if dropped and led.intersection(place for place, is_ in zip(left, sound, strict=True) if not is_):
        for after in sorted(set(dropped.values())):
            missed = tuple(place for place, folds in dropped.items() if folds == after)
            yield Round(places=missed, folds=seen.folds[after:], ahead=ahead, on_path=len(path))
        dropped.clear()


def _laps(
    seen: Seen,
    new: Sequence[Place],
    path: Sequence[Place],
    dropped: dict[Place, int],
    *,
    select: str,
    stop: str,
    ahead: int,
) -> Generator[Round, None, set[Place]]:
    """Returns the places that others were held against."""
    done, led = list[int](), set[Place]()
    for folds in laps(seen.folds):
        left = [place for place in path if place not in dropped]
        running = tuple(place for place in new if place not in dropped)
        if not running:
            break
        done += folds
        behind = len(running) * (len(seen.folds) - len(done))
        yield Round(places=running, folds=tuple(folds), ahead=ahead + behind, on_path=len(left))
        if len(done) < len(seen.folds):
            losses = judged_losses(seen.losses(left, done), stop)
            leader = leading(losses)
            led |= set() if leader is None else {left[leader]}
            stays = still_racing(losses, select, repeats=seen.repeats(done))
            fallen = {place for place, stay in zip(left, stays, strict=True) if not stay}
            dropped |= {place: len(done) for place in running if place in fallen and place != path[0]}
    return led
