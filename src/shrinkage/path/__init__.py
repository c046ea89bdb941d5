"""The λ path: λs × folds × restarts, trained in blocks, kept, and judged."""

from shrinkage.path._result import Choice, PathResult

__all__ = ["Choice", "PathResult"]
