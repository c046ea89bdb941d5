"""
Which values of a sweep can act?
================================

Too weak a decay removes less than 1 % of a weight in the whole run, and too strong a one forgets everything within ten
steps. Both ends depend on the learning rate and the length of the run, so a range that suits one run is useless in
another.
"""

import matplotlib.pyplot as plt
import numpy as np

import shrinkage as sh

SEARCHED = (1e-5, 1e-1)
lengths = np.array([100, 1_000, 10_000, 100_000])
ranges = [
    sh.useful_range("torch.optim.AdamW", lr=1e-3, steps=int(steps), schedule="cosine") for steps in lengths
]

figure, axes = plt.subplots(layout="constrained")
axes.axhspan(*SEARCHED, alpha=0.15, color="gray", label="a common search range")
for steps, found in zip(lengths, ranges, strict=True):
    first = steps == lengths[0]
    axes.plot([steps] * 2, [found.low, found.high], "C0", linewidth=3, label="acts" if first else None)
    axes.plot([steps] * 2, found.good, "C1", linewidth=9, label="good values" if first else None)
axes.set(xscale="log", yscale="log", xlabel="steps of the run", ylabel="weight_decay of AdamW")
axes.set_title("Learning rate 0.001, cosine schedule")
axes.legend()

# %%
# In the shortest run no value of the search range acts at all; in the longest most of the good values are inside it.

assert ranges[0].low > SEARCHED[1]
assert ranges[-1].good[0] < SEARCHED[1]
