"""Keras, TensorFlow's older penalties and TensorFlow Addons, Paddle, Chainer."""

from __future__ import annotations

from shrinkage.strength._catalogue._build import coupled, decoupled, unscaled
from shrinkage.strength._convention import Convention, linear

__all__ = ["ENTRIES"]

_OPTIMIZERS = {
    "Adadelta": "adadelta",
    "Adafactor": "adafactor",
    "Adagrad": "adagrad",
    "Adam": "adam",
    "AdamW": "adam",
    "Adamax": "adamax",
    "Ftrl": "ftrl",
    "Lion": "lion",
    "Nadam": "nadam",
    "RMSprop": "rmsprop",
    "SGD": "sgd",
}
_DECAY = "keras/src/optimizers/base_optimizer.py, _apply_weight_decay, before the update"
_NOTES = {
    "AdamW": "Default 0.004.",
    "Adam": "Adam(weight_decay=v) is AdamW.",
    "SGD": "Decoupled, unlike torch.optim.SGD: with momentum μ the objective's λ is v·(1 − μ).",
}


def _penalty(name: str, scale: float, formula: str, source: str, note: str = "") -> Convention:
    return Convention(
        name=name,
        formula=formula,
        kind="objective",
        form=linear(lambda q: scale),
        source=source,
        note=note,
    )


ENTRIES = [
    _penalty(
        "keras.regularizers.L2",
        2.0,
        "λ = 2v",
        "keras/src/regularizers/regularizers.py: loss += v·Σw²",
        "No ½ and no 1/n. The reported loss includes it.",
    ),
    Convention(
        name="keras.regularizers.L1",
        formula="λ₁ = v",
        kind="objective",
        norm="l1",
        source="keras/src/regularizers/regularizers.py: loss += v·Σ|w|",
    ),
    *(
        decoupled(f"keras.optimizers.{name}", family, _DECAY, _NOTES.get(name, ""))
        for name, family in _OPTIMIZERS.items()
    ),
    decoupled(
        "keras.optimizers.Muon",
        "muon",
        "keras/src/optimizers/muon.py",
        "weight_decay applies to the matrices, adam_weight_decay to the rest. Both default to 0.004.",
    ),
    decoupled("keras.optimizers.Lamb", "lamb", _DECAY, "Outside the trust ratio, unlike every other LAMB."),
    unscaled(
        "keras.optimizers.ScheduleFreeAdamW",
        "schedule_free_adam",
        "y ← (1 − η_t·v)·y, not z",
        "keras/src/optimizers, ScheduleFreeAdamW.update_step, and base_optimizer.py, _apply_weight_decay",
        "only the average is decayed: the sequence z, which the gradients move, never is",
    ),
    _penalty("tf.nn.l2_loss", 1.0, "λ = v", "tf.nn.l2_loss is Σw²/2; v multiplies it in the loss"),
    _penalty("tf.contrib.layers.l2_regularizer", 1.0, "λ = v", "tf.contrib.layers: v·tf.nn.l2_loss"),
    decoupled(
        "tfa.optimizers.SGDW",
        "sgd",
        "tensorflow_addons/optimizers/weight_decay_optimizers.py, _decay_weights_op",
        "Not multiplied by the learning rate: schedule it by hand.",
        clock="constant",
    ),
    decoupled(
        "tfa.optimizers.AdamW",
        "adam",
        "tensorflow_addons/optimizers/weight_decay_optimizers.py, _decay_weights_op",
        "Not multiplied by the learning rate: schedule it by hand.",
        clock="constant",
    ),
    unscaled(
        "tfa.optimizers.LAMB",
        "lamb",
        "s_t = η_t·r_t·v, r_t = ‖w‖/‖u + v·w‖",
        "tensorflow_addons/optimizers/lamb.py",
        "the trust ratio rescales the decay by norms that change at every step",
    ),
    _penalty("paddle.regularizer.L2Decay", 1.0, "λ = v", "paddle/regularizer.py: ½·v·‖x‖²"),
    Convention(
        name="paddle.regularizer.L1Decay",
        formula="λ₁ = v",
        kind="objective",
        norm="l1",
        source="paddle/regularizer.py: v·Σ|x|",
    ),
    decoupled(
        "paddle.optimizer.AdamW",
        "adam",
        "paddle/optimizer/adamw.py; phi/kernels/cpu/adamw_kernel.cc, by the lr before bias correction",
        "A group's learning_rate is a multiplier. Default 0.01.",
    ),
    coupled(
        "chainer.optimizer_hooks.WeightDecay",
        "sgd",
        "chainer/optimizer_hooks/weight_decay.py",
        "With SGD. With another optimizer it is that optimizer's L2.",
    ),
]
