"""Training K networks as one, by back-propagation or by particle swarms: blocks of λs × folds × restarts."""

from shrinkage.training._budget import Budget, budget_of
from shrinkage.training._machine import one_thread_flushed
from shrinkage.training._recipe import Recipe, Trainer, check_device
from shrinkage.training._rows import Batch, Rows, Standardizer, chunks
from shrinkage.training._score import Score
from shrinkage.training._trainee import BlockResult, Member
from shrinkage.training.backprop._backprop import Backprop
from shrinkage.training.backprop._backprop_settings import learning_rate
from shrinkage.training.backprop._further_epochs import OptimizerState, further_epochs
from shrinkage.training.backprop._optimizers import SGD, Adam, Optimizer, PlainAdam
from shrinkage.training.convex._convex_optimum import ConvexOptimum, has_one_minimum
from shrinkage.training.convex._smooth_losses import smooth_path
from shrinkage.training.engine import engine_build, engine_name
from shrinkage.training.swarm._particle_swarms import ParticleSwarms
from shrinkage.training.swarm._swarm_error import ErrorOfNetworks
from shrinkage.training.swarm._swarm_moves import SWARM_VARIANTS, SwarmVariant
from shrinkage.training.swarm._swarms import Box, Swarm, SwarmResult, Swarms, minimize

__all__ = [
    "SGD",
    "SWARM_VARIANTS",
    "Adam",
    "Backprop",
    "Batch",
    "BlockResult",
    "Box",
    "Budget",
    "ConvexOptimum",
    "ErrorOfNetworks",
    "Member",
    "Optimizer",
    "OptimizerState",
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
    "budget_of",
    "check_device",
    "chunks",
    "engine_build",
    "engine_name",
    "further_epochs",
    "has_one_minimum",
    "learning_rate",
    "minimize",
    "one_thread_flushed",
    "smooth_path",
]
