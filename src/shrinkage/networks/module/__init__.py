"""Any torch.nn.Module as a kind of network: K of them stacked where that is right, else one by one."""

from shrinkage.networks.module._chance import generators, replay, seed_generators, with_seed
from shrinkage.networks.module._copies import clones, copy_modules
from shrinkage.networks.module._factory import Factory, SizedFactory, call, make_module
from shrinkage.networks.module._fallback import first_line, quiet_fallback, reason_of
from shrinkage.networks.module._module_kind import ModuleKind, fill
from shrinkage.networks.module._module_layout import ModuleLayout, Slot, buffers_of, layout_of, parameters_of
from shrinkage.networks.module._module_losses import (
    MODULE_LOSSES,
    CallableLoss,
    ModuleLoss,
    NamedLoss,
    module_loss,
)
from shrinkage.networks.module._module_stacks import (
    ModuleStack,
    OneByOne,
    StackedModules,
    bind_gradients,
)
from shrinkage.networks.module._preflight import Verdict, preflight
from shrinkage.networks.module._trees import leaves, map_tree

__all__ = [
    "MODULE_LOSSES",
    "CallableLoss",
    "Factory",
    "ModuleKind",
    "ModuleLayout",
    "ModuleLoss",
    "ModuleStack",
    "NamedLoss",
    "OneByOne",
    "SizedFactory",
    "Slot",
    "StackedModules",
    "Verdict",
    "bind_gradients",
    "buffers_of",
    "call",
    "clones",
    "copy_modules",
    "fill",
    "first_line",
    "generators",
    "layout_of",
    "leaves",
    "make_module",
    "map_tree",
    "module_loss",
    "parameters_of",
    "preflight",
    "quiet_fallback",
    "reason_of",
    "replay",
    "seed_generators",
    "with_seed",
]
