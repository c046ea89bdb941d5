"""Strengths in plain words: the canonical λ, timescales, priors, the textbook's and the engineer's forms."""

from __future__ import annotations

import math

from shrinkage.strength._catalogue._build import decoupled
from shrinkage.strength._convention import Convention, Form, half_life, linear, reciprocal

__all__ = ["ENTRIES"]

_PRIOR = linear(lambda q: q.noise_variance / q.get("rows"))
_DESIGN = "this library's definition"

ENTRIES = [
    Convention(
        name="lam",
        formula="λ = v",
        kind="objective",
        source=_DESIGN,
        note="J = (1/n) Σ loss + (λ/2) Σ w².",
    ),
    Convention(name="shrinkage.L2", formula="λ = v", kind="objective", source=_DESIGN),
    Convention(
        name="shrinkage.L1", formula="λ₁ = v", kind="objective", norm="l1", source=_DESIGN, note="λ₁ Σ |w|."
    ),
    decoupled("shrinkage.Decoupled", None, _DESIGN, default="clock=lr", joined=True),
    decoupled("shrinkage.Decoupled:clock=schedule", None, _DESIGN, clock="schedule", joined=True),
    decoupled("shrinkage.Decoupled:clock=constant", None, _DESIGN, clock="constant", joined=True),
    decoupled("shrinkage.Decoupled:clock=corrected", None, _DESIGN, clock="corrected", joined=True),
    Convention(
        name="shrinkage.WeightDecay",
        formula="s = v of w + Δ; λ = v/(lr·(1 − v))",
        kind="decoupled",
        clock="constant",
        after=True,
        joined=True,
        default="of=updated",
        source=_DESIGN,
        note="Plain SGD with it is L2 at learning rate lr·(1 − v).",
    ),
    Convention(
        name="shrinkage.WeightDecay:of=original",
        formula="s = v; λ = v/lr",
        kind="decoupled",
        clock="constant",
        joined=True,
        source=_DESIGN,
    ),
    Convention(
        name="keep_factor",
        formula="s = 1 − v of w + Δ; λ = (1 − v)/(lr·v)",
        kind="decoupled",
        clock="constant",
        after=True,
        form=Form(lambda value, q: 1 - value, lambda rate, q: 1 - rate),
        source="the tutorials that multiply the weights by 0.98 after each update",
        note="The 0.98 of `w = 0.98 * (w + delta)`.",
    ),
    Convention(
        name="proximal",
        formula="s_t = η_t·v/(1 + η_t·v) of w + Δ",
        kind="decoupled",
        clock="lr",
        after=True,
        source="Zhuang et al., TMLR 2022, AdamProx",
        note="w ← (w + Δ)/(1 + η_t v), as in MoMo.",
    ),
    Convention(
        name="half_l2_penalty",
        formula="λ = v",
        kind="objective",
        source="loss + 0.5 * v * sum(w**2), as flax examples write it",
    ),
    Convention(
        name="l2_penalty",
        formula="λ = 2v",
        kind="objective",
        form=linear(lambda q: 2),
        source="loss + v * sum(w**2), written by hand",
        note="No ½, so it is twice as strong as the same number used as weight_decay.",
    ),
    Convention(
        name="textbook",
        formula="λ = v/n",
        kind="objective",
        form=linear(lambda q: 1 / q.get("rows")),
        needs=("rows",),
        source="Nielsen, Neural Networks and Deep Learning, chapter 3: C₀ + (λ/2n) Σ w²",
        note="The λ of w ← (1 − ηλ/n) w.",
    ),
    Convention(
        name="prior_precision",
        formula="λ = v·σ²/n",
        kind="objective",
        form=_PRIOR,
        needs=("rows",),
        beside="likelihood",
        source="MAP: −log p(D|w) + (δ/2) Σ w², divided by n",
        note="σ² = noise_variance, 1 for a classifier.",
    ),
    Convention(
        name="mackay_alpha",
        formula="λ = v·σ²/n, σ² = 1/β",
        kind="objective",
        form=_PRIOR,
        needs=("rows",),
        beside="likelihood",
        source="MacKay, Neural Computation 4 (1992): M = β E_D + α E_W",
        note="noise_variance is 1/β.",
    ),
    Convention(
        name="laplace.marglik_training",
        formula="λ = v·σ²/n",
        kind="objective",
        form=_PRIOR,
        needs=("rows",),
        beside="likelihood",
        source="laplace/marglik_training.py: 0.5 δ ‖θ‖²/N",
        note="Its learned prior precision.",
    ),
    Convention(
        name="loshchilov_hutter_normalized",
        formula="s_t = η_t/η_ref·v·√(B/(n·E))",
        kind="decoupled",
        clock="schedule",
        form=linear(lambda q: math.sqrt(q.batch() / (q.get("rows") * q.get("epochs")))),
        needs=("rows", "batch_size", "epochs"),
        source="Loshchilov and Hutter, ICLR 2019, appendix B.1",
        note="For E epochs of n rows in batches of B.",
    ),
    Convention(
        name="shrink",
        formula="s = v",
        kind="shrink",
        clock="constant",
        source=_DESIGN,
        note="The fraction of a weight removed per step.",
    ),
    Convention(
        name="timescale_steps",
        formula="s = 1/v",
        kind="shrink",
        clock="constant",
        form=reciprocal(lambda q: 1),
        source=_DESIGN,
        note="Number of steps after which 1/e is left, to first order.",
    ),
    Convention(
        name="timescale_epochs",
        formula="s = B/(n·v)",
        kind="shrink",
        clock="constant",
        form=reciprocal(lambda q: q.batch() / q.get("rows")),
        needs=("rows", "batch_size"),
        source="Wang and Aitchison, arXiv 2405.13698",
        note="Good values lie between about 1 and the epochs of the run.",
    ),
    Convention(
        name="half_life_steps",
        formula="s = 1 − 2^(−1/v)",
        kind="shrink",
        clock="constant",
        form=half_life,
        source=_DESIGN,
        note="Number of steps until half is left.",
    ),
]
