"""Training K networks as one, by back-propagation or by particle swarms: blocks of λs × folds × restarts."""

from shrinkage.training._backprop import Backprop
from shrinkage.training._block import BlockResult, Member
from shrinkage.training._machine import one_thread_flushed
from shrinkage.training._optimizers import SGD, Adam, Optimizer, PlainAdam
from shrinkage.training._particle_swarms import ParticleSwarms
from shrinkage.training._recipe import Recipe, Trainer
from shrinkage.training._rows import Batch, Rows, Standardizer, chunks
from shrinkage.training._score import Score
from shrinkage.training._settings import learning_rate
from shrinkage.training._swarm import Box, Swarm, SwarmResult, Swarms, minimize
from shrinkage.training._swarm_error import ErrorOfNetworks
from shrinkage.training._swarm_moves import SWARM_VARIANTS, SwarmVariant
from shrinkage.training.engine import engine_build, engine_name

__all__ = [
    "SGD",
    "SWARM_VARIANTS",
    "Adam",
    "Backprop",
    "Batch",
    "BlockResult",
    "Box",
    "ErrorOfNetworks",
    "Member",
    "Optimizer",
    "ParticleSwarms",
    "PlainAdam",
    "Recipe",
    "Rows",
    "Score",
    "Standardizer",
    "Swarm",
    "SwarmResult",
    "SwarmVariant",
    "Swarms",
    "Trainer",
    "chunks",
    "engine_build",
    "engine_name",
    "learning_rate",
    "minimize",
    "one_thread_flushed",
]
