"""Training modules of any kind: rows of any shape, any optimizer, any rule."""

from shrinkage.training.modules._faster_form import autocast_obstacle, faster_form
from shrinkage.training.modules._module_block import ModuleBlock, batches
from shrinkage.training.modules._module_pull import ModulePull
from shrinkage.training.modules._module_recipe import ModuleRecipe, of_perceptrons
from shrinkage.training.modules._module_rows import ModuleMember, ModuleRows, read
from shrinkage.training.modules._module_score import ModuleScore
from shrinkage.training.modules._module_trainer import ModuleTrainer
from shrinkage.training.modules._module_updates import NAMED, Lion, own_learning_rate
from shrinkage.training.modules._samples import ArraySamples, DatasetSamples, Samples, samples_of

__all__ = [
    "NAMED",
    "ArraySamples",
    "DatasetSamples",
    "Lion",
    "ModuleBlock",
    "ModuleMember",
    "ModulePull",
    "ModuleRecipe",
    "ModuleRows",
    "ModuleScore",
    "ModuleTrainer",
    "Samples",
    "autocast_obstacle",
    "batches",
    "faster_form",
    "of_perceptrons",
    "own_learning_rate",
    "read",
    "samples_of",
]
