"""Any torch.nn.Module as a kind of network: K of them stacked where that is right, else one by one."""

from shrinkage.networks.module._chance import generators, replay, seed_generators, seeded
from shrinkage.networks.module._copies import clones, copied
from shrinkage.networks.module._factory import Factory, SizedFactory, call, made
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
from shrinkage.networks.module._module_stacks import ModuleStack, OneByOne, StackedModules
from shrinkage.networks.module._preflight import Verdict, preflight
from shrinkage.networks.module._trees import leaves, mapped

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
    "buffers_of",
    "call",
    "clones",
    "copied",
    "fill",
    "first_line",
    "generators",
    "layout_of",
    "leaves",
    "made",
    "mapped",
    "module_loss",
    "parameters_of",
    "preflight",
    "quiet_fallback",
    "reason_of",
    "replay",
    "seed_generators",
    "seeded",
]
