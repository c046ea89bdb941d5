"""Which networks of a path are trained, in what rounds, and what is chosen from them."""

from shrinkage.path.search._bracket_search import Bracket
from shrinkage.path.search._grid_search import Grid
from shrinkage.path.search._lambda_grid import checked_lambdas, default_lambdas, extension
from shrinkage.path.search._one_run import Controlled
from shrinkage.path.search._searching import PlannedSearch, Round, Search, Seen

__all__ = [
    "SEARCHES",
    "Bracket",
    "Controlled",
    "Grid",
    "PlannedSearch",
    "Round",
    "Search",
    "Seen",
    "checked_lambdas",
    "default_lambdas",
    "extension",
]

SEARCHES: dict[str, type[PlannedSearch]] = {"grid": Grid, "bracket": Bracket}
"""By the names that `search=` takes."""
