"""Training K networks as one: back-propagation of blocks of λs × folds × restarts."""

from shrinkage.training._backprop import BlockResult, Member, train_block
from shrinkage.training._machine import one_thread_flushed
from shrinkage.training._optimizers import SGD, Adam, Optimizer, PlainAdam
from shrinkage.training._options import TrainingOptions, learning_rate
from shrinkage.training._rows import Batch, Rows, Standardizer
from shrinkage.training._score import Score
from shrinkage.training._swarm import Box, Swarm, SwarmResult, Swarms, minimize
from shrinkage.training._swarm_moves import SWARM_VARIANTS, SwarmVariant

__all__ = [
    "SGD",
    "Adam",
    "Batch",
    "BlockResult",
    "Member",
    "Optimizer",
    "PlainAdam",
    "Rows",
    "Score",
    "Standardizer",
    "TrainingOptions",
    "learning_rate",
    "one_thread_flushed",
    "train_block",
]
