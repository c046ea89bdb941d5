"""Optimizer collections and trainers built on PyTorch."""

from __future__ import annotations

from shrinkage.strength._catalogue._build import coupled, decoupled, unscaled
from shrinkage.strength._convention import Convention, linear
from shrinkage.strength._quantities import Quantities

__all__ = ["ENTRIES"]

_TRUST = "the trust ratio rescales the decay by norms that change at every step"
_LAMB = "s_t = η_t·r_t·v, r_t = ‖w‖/‖u + v·w‖"
_LARS = "s_t = η_t·c·‖w‖·v/(‖g‖ + v·‖w‖)"
_SATURATES = f"{_TRUST}, and it saturates, so it is not even proportional to the number"
_COMPOSER = "composer/optim/decoupled_weight_decay.py, sgdw and adamw"
_KOZISTR = "pytorch_optimizer/base/optimizer.py, apply_weight_decay"
_MEGATRON = "megatron/core/optimizer_param_scheduler.py, get_wd"
_DEEPSPEED = "deepspeed/runtime/engine.py; csrc/adam/multi_tensor_adam.cu, AdamFunctor"
_BNB = "bitsandbytes/optim"
_OPTIMI = "optimi, docs/fully_decoupled_weight_decay.md"
_FASTAI = ("SGD", "Adam", "RMSProp", "RAdam", "QHAdam", "Lamb", "Larc")
_FASTAI_NOTES = {
    "SGD": "Decoupled, unlike torch.optim.SGD.",
    "Adam": "Default 0.01. Its Learner exempts biases and norms unless wd_bn_bias=True.",
    "Lamb": "Outside the trust ratio, unlike every other LAMB.",
    "Larc": "At the global lr, outside the trust ratio.",
}


def _accumulated_share(q: Quantities) -> float:
    batch = q.batch()
    return batch * max(round(64 / batch), 1) / 64


_COLLECTIONS = [
    decoupled(
        "composer.optim.DecoupledSGDW",
        "sgd",
        _COMPOSER,
        "Not multiplied by the lr, only by the schedule: 1e-3 here is 1e-3 of the weight per step.",
        clock="schedule",
    ),
    decoupled(
        "composer.optim.DecoupledAdamW",
        "adam",
        _COMPOSER,
        "As DecoupledSGDW. Default 1e-5.",
        clock="schedule",
    ),
    coupled(
        "optimi.SGD", "sgd", _OPTIMI, "L2 unless decouple_wd or decouple_lr.", default="decouple_wd=False"
    ),
    decoupled("optimi.SGD:decouple_wd=True", "sgd", _OPTIMI),
    decoupled("optimi.SGD:decouple_lr=True", "sgd", _OPTIMI, clock="schedule"),
    coupled("optimi.Adam", "adam", _OPTIMI, default="decouple_wd=False"),
    decoupled("optimi.AdamW", "adam", _OPTIMI, "Default 0.01.", default="decouple_lr=False"),
    decoupled("optimi.AdamW:decouple_lr=True", "adam", _OPTIMI, clock="schedule"),
    decoupled("pytorch_optimizer.AdaBelief", "adabelief", _KOZISTR, default="fixed_decay=False"),
    decoupled("pytorch_optimizer.Lion", "lion", _KOZISTR, default="fixed_decay=False"),
    decoupled("pytorch_optimizer.SGDW", "sgd", _KOZISTR, "A fixed_decay given to it is ignored."),
    *(
        decoupled(
            f"pytorch_optimizer.{name}:fixed_decay=True",
            family,
            _KOZISTR,
            "Neither the lr nor the schedule multiplies it.",
            clock="constant",
        )
        for name, family in (("AdaBelief", "adabelief"), ("Lion", "lion"))
    ),
    coupled("pytorch_optimizer.AdaBelief:weight_decouple=False", "adabelief", _KOZISTR),
    *(
        decoupled(
            f"fastai.optimizer.{name}",
            name.lower(),
            "fastai/optimizer.py, weight_decay, before the step",
            _FASTAI_NOTES.get(name, ""),
            default="decouple_wd=True",
        )
        for name in _FASTAI
    ),
    *(
        coupled(f"fastai.optimizer.{name}:decouple_wd=False", name.lower(), "fastai/optimizer.py, l2_reg")
        for name in _FASTAI
        if name != "Larc"
    ),
    decoupled(
        "schedulefree.AdamWScheduleFree",
        "schedule_free_adam",
        "schedulefree/adamw_schedulefree.py",
        "Computed at y and subtracted from z, so the averaged weights follow later.",
        first_order=True,
        joined=True,
    ),
    coupled("schedulefree.SGDScheduleFree", "schedule_free_sgd", "schedulefree/sgd_schedulefree.py"),
    decoupled(
        "schedulefree.AdamCScheduleFreePlus",
        "schedule_free_adam",
        "schedulefree/adamc_schedulefree_plus_paper.py",
        "The square is not divided by η_max, so useful numbers are 20 or 50. Computed at y and subtracted from z.",
        clock="lr_squared",
        first_order=True,
        joined=True,
    ),
    decoupled(
        "muon.Muon", "muon", "KellerJordan/Muon, muon.py", "Weights without a gradient are decayed too."
    ),
]

_BNB_FAMILIES = {"Adam": "adam", "AdamW": "adam", "AdEMAMix": "ademamix", "Lion": "lion"}
_BNB_NOTES = {
    "Adam": "Decoupled, despite the name. Default 0.",
    "AdamW": "Default 0.01.",
    "AdEMAMix": "Default 0.01.",
}


def _bnb_names(name: str, *, paged: bool) -> list[str]:
    """The class and its forms with states of 8 or 32 bits, paged or not; what the number means is the same."""
    forms = [name, f"{name}8bit", f"{name}32bit"]
    return [*forms, *(f"Paged{form}" for form in forms)] if paged else forms


_BITSANDBYTES = [
    *(
        decoupled(
            f"bitsandbytes.optim.{form}",
            family,
            f"{_BNB}/{name.lower()}.py",
            _BNB_NOTES.get(name, ""),
            joined=True,
        )
        for name, family in _BNB_FAMILIES.items()
        for form in _bnb_names(name, paged=True)
    ),
    *(
        coupled(f"bitsandbytes.optim.{form}", name.lower(), f"{_BNB}/{name.lower()}.py")
        for name in ("SGD", "RMSprop", "Adagrad")
        for form in _bnb_names(name, paged=False)
    ),
    *(
        unscaled(f"bitsandbytes.optim.{form}", "lars", _LARS, f"{_BNB}/lars.py", _SATURATES)
        for form in _bnb_names("LARS", paged=False)
    ),
    *(
        unscaled(f"bitsandbytes.optim.{form}", "lamb", _LAMB, f"{_BNB}/lamb.py", _TRUST)
        for form in _bnb_names("LAMB", paged=False)
    ),
]

_PRODIGY = "prodigyopt/prodigy.py, step"
_APEX = "apex/optimizers and csrc/multi_tensor_adam.cu"
_SINGLE = [
    decoupled(
        "lion_pytorch.Lion",
        "lion",
        "lion_pytorch/lion_pytorch.py, update_fn",
        "Default 0.",
        default="decoupled_weight_decay=False",
    ),
    decoupled(
        "lion_pytorch.Lion:decoupled_weight_decay=True",
        "lion",
        "lion_pytorch/lion_pytorch.py, Lion.step",
        "Divided by the lr at construction, so only the schedule multiplies it.",
        clock="schedule",
    ),
    decoupled(
        "prodigyopt.Prodigy",
        "prodigy",
        _PRODIGY,
        "η_t is the learned d times the lr typed (usually 1): read group['d'] of a running optimizer. Default 0.",
        default="decouple=True",
    ),
    coupled("prodigyopt.Prodigy:decouple=False", "prodigy", _PRODIGY),
    decoupled(
        "apex.optimizers.FusedAdam", "adam", _APEX, "Default 0.", default="adam_w_mode=True", joined=True
    ),
    coupled("apex.optimizers.FusedAdam:adam_w_mode=False", "adam", _APEX),
    coupled("apex.optimizers.FusedSGD", "sgd", _APEX, default="wd_after_momentum=False"),
    decoupled("apex.optimizers.FusedSGD:wd_after_momentum=True", "sgd", _APEX, joined=True),
    coupled("apex.optimizers.FusedAdagrad", "adagrad", _APEX, default="adagrad_w_mode=False"),
    unscaled("apex.optimizers.FusedLAMB", "lamb", _LAMB, _APEX, _TRUST),
    *(
        decoupled(
            f"muon.{name}",
            "muon",
            "KellerJordan/Muon, muon.py",
            "The groups with use_muon=True, at their own lr. Default 0.",
            default="use_muon=True",
        )
        for name in ("MuonWithAuxAdam", "SingleDeviceMuonWithAuxAdam")
    ),
    *(
        decoupled(
            f"muon.{name}:use_muon=False",
            "adam",
            "KellerJordan/Muon, muon.py",
            "The groups of the auxiliary AdamW, at their own lr. Default 0.",
        )
        for name in ("MuonWithAuxAdam", "SingleDeviceMuonWithAuxAdam")
    ),
]

_TRAINERS = [
    decoupled("transformers.Trainer", "adam", "transformers/trainer.py", "AdamW; its help calls it L2."),
    unscaled(
        "transformers.Adafactor",
        "adafactor",
        "s_t = v·lr_t, lr_t = min(1e-2, 1/√t)·max(ε₂, RMS(w))",
        "transformers/optimization.py",
        "its learning rate follows the root mean square of each weight tensor",
    ),
    decoupled(
        "transformers.Adafactor:relative_step=False,scale_parameter=False",
        "adafactor",
        "transformers/optimization.py",
    ),
    decoupled(
        "deepspeed.Adam",
        "adam",
        _DEEPSPEED,
        '"type": "Adam" is AdamW unless adam_w_mode is false.',
        default="adam_w_mode=True",
        joined=True,
    ),
    coupled("deepspeed.Adam:adam_w_mode=False", "adam", _DEEPSPEED),
    decoupled("deepspeed.AdamW", "adam", _DEEPSPEED, "adam_w_mode=False does not change it.", joined=True),
    decoupled("megatron.AdamW", "adam", _MEGATRON, default="style=constant"),
    *(
        decoupled(
            f"megatron.AdamW:style={style}",
            "adam",
            _MEGATRON,
            "v is --end-weight-decay, a = --start-weight-decay/v; T is the number of increment steps, the whole run.",
            clock=f"lr_{style}_ramp",
            needs=("start_share",),
        )
        for style in ("linear", "cosine")
    ),
    decoupled(
        "torchtitan.AdamW",
        "adam",
        "torchtitan/components/optimizer",
        "Default 0.1, on every parameter, norms and biases included.",
    ),
    Convention(
        name="ultralytics.SGD",
        formula="λ = v·B·acc/64, acc = max(round(64/B), 1)",
        kind="objective",
        family="sgd",
        form=linear(_accumulated_share),
        needs=("batch_size",),
        source="ultralytics/engine/trainer.py",
        note="The number is scaled by the batch size before it reaches torch.",
    ),
    decoupled(
        "pytabkit.RealMLP",
        "adam",
        "pytabkit/models/optim/optimizers.py, OptimizerBase.step; models/sklearn/default_params.py, RealMLP_TD",
        "Before Adam's step. Default 0.02 (TD), none (TD-S). A parameter's own factors on lr or wd each count "
        "twice. Biases have wd factor 0.",
        clock="lr_flat_cosine",
        default="wd_sched=flat_cos",
    ),
    decoupled(
        "pytabkit.RealMLP:wd_sched=constant", "adam", "pytabkit/models/training/scheduling.py, get_schedule"
    ),
    decoupled(
        "pytabkit.TabM",
        "adam",
        "pytabkit/models/alg_interfaces/tabm_interface.py",
        "torch.optim.AdamW on the groups of TabM. Default 0.",
    ),
    decoupled(
        "tabm.TabM",
        "adam",
        "yandex-research/tabm, README (AdamW) and lib/deep.py, make_optimizer and make_parameter_groups",
        "torch.optim.AdamW; recommended 3e-4 at lr 2e-3. Biases, norms and embeddings of numbers are exempt; the "
        "scalings r and s are decayed.",
    ),
]

ENTRIES = [*_COLLECTIONS, *_BITSANDBYTES, *_SINGLE, *_TRAINERS]
