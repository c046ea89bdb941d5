"""
How strong should the penalty be?
=================================

No formula gives λ without data. Train the network at several λs, hold rows out in turn, and take the λ with the lowest
mean loss on held-out rows.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes

import shrinkage as sh

X, y = load_diabetes(return_X_y=True)
model = sh.MLPRegressorCV((32,), lambdas=12, max_epochs=100, random_state=0).fit(X, y)

# %%
# The path has one row per λ. λ = 0 has no place on a logarithmic axis, so it is drawn as a level.

path = model.path_.to_frame()
zero, rest = path[path["lambda"] == 0], path[path["lambda"] > 0]

figure, axes = plt.subplots(layout="constrained")
axes.semilogx(rest["lambda"], rest["train_loss"], label="training rows")
axes.errorbar(
    rest["lambda"],
    rest["validation_loss"],
    rest["validation_loss_se"],
    label="held-out rows, ± standard error",
)
axes.axhline(zero["validation_loss"].item(), linestyle=":", color="gray", label="held-out rows at λ = 0")
axes.axvline(model.lambda_, linestyle="--", color="gray", label=f"chosen λ = {model.lambda_:.3g}")
axes.set(xlabel="λ", ylabel="mean squared error, in variances of the target")
axes.legend()

# %%
# A small λ overfits: the training loss is low and the held-out loss is high. A large λ leaves too little to learn with.

assert path["validation_loss"].min() < zero["validation_loss"].item()
