"""A fitted network as an ONNX graph, its scaling included, for programs that know neither Python nor torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError, called
from shrinkage._files import write_atomic
from shrinkage.estimators._fitted_networks import FittedNetworks
from shrinkage.estimators.saved._saved_model import SavedModel
from shrinkage.networks import loss_named, perceptron_layout
from shrinkage.tables.forms import BOUND, Bounded, Piecewise

__all__ = ["export_onnx"]

OPSET, IR_VERSION = 17, 8
_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}


def export_onnx(model: SavedModel, path: Path, lam: float | None = None) -> None:
    """Write the network of one λ as ONNX: from the inputs that the preprocessing makes to the predictions.

    The graph takes `inputs`, (n, D) float32: what `model.preprocessor.transform` gives, in the order of its
    `feature_names_out`; forms of input, standardization and the mean over networks are part of the graph. A regression
    gives `values` (n, k) in the units of the targets, or several quantiles of one, ascending; a classification
    `probabilities` (n, C) and `class` (n,), the place of the likeliest class; several labels per row `probabilities`
    (n, L) and `labels` (n, L) of 0 and 1. The names of inputs, targets (or
    quantiles) and classes are in the metadata, as JSON.

    Args:
        model: a saved model, as `load_model` reads it.
        path: the file.
        lam: the λ of the network; None for the chosen one.

    Raises:
        RequestError: the package `onnx` is not installed, no network of that λ was kept, or the networks of the folds
            predict, of which each has columns encoded by its own rows.
    """
    if lam is None and model.predict_by == "folds":
        raise RequestError(
            "export: this model predicts by the mean over the networks of its folds, each with inputs encoded by its own "
            "rows, which one graph can't take. Name a λ to export the network refitted on all rows, or fit with "
            f"{called('predict_by', 'restarts')}."
        )
    try:
        import onnx
    except ImportError as error:
        raise RequestError("export: needs the package onnx: pip install 'shrinkage[onnx]'.") from error
    graph = _Graph(onnx, model, lam)
    made = onnx.helper.make_model(
        graph.finish(),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="shrinkage",
    )
    onnx.helper.set_model_props(made, graph.words)
    onnx.checker.check_model(made, full_check=True)
    write_atomic(path, made.SerializeToString(deterministic=True))


class _Graph:
    """Nodes added one after the other, each taking what the one before it gave."""

    def __init__(self, onnx: Any, model: SavedModel, lam: float | None) -> None:
        self._onnx, self._model, blend = onnx, model, model.blend
        main = blend.parts[blend.main]
        place = main.chosen if lam is None else main.place(lam)
        self._parts = [
            (part, weight / len(part.predicting), row)
            for part, weight in zip(blend.parts, blend.weights, strict=True)
            for row in part.predicting
        ]
        averaged = len(blend.parts) > 1 or main.restarts is not None
        if lam is not None:
            self._parts = [(main, 1.0, main.rows[place])]
        self._dtype = main.rows.dtype
        own = lam is None or (not averaged and place == main.chosen)
        self._temperature = blend.temperature if own else 1.0
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self.words = {
            "inputs": json.dumps(model.preprocessor.feature_names_out),
            "targets": json.dumps(list(model.outputs)),
            "classes": json.dumps(None if model.classes is None else model.classes.tolist()),
            **({} if model.labels is None else {"labels": json.dumps(model.labels)}),
            "lambda": repr(float(main.lambdas[place])),
        }

    def finish(self) -> Any:
        helper, types = self._onnx.helper, self._onnx.TensorProto
        classes, outputs = self._model.classes, self._parts[0][0].layout.outputs
        outputs = outputs if classes is None else len(classes)
        name = "values" if classes is None and not self._model.has_labels else "probabilities"
        predicted = [self._predict(part, row) for part, _, row in self._parts]
        if len(predicted) == 1:
            whole = predicted[0]
        else:
            weights = [np.full(1, weight, self._inner) for _, weight, _ in self._parts]
            shares = [
                self._node("Mul", p, self._constant(w)) for p, w in zip(predicted, weights, strict=True)
            ]
            whole = self._apply_temperature(self._node("Sum", *shares))
        if self._temperature == 1:
            self._node("Identity", whole, called=name)
        else:
            self._node("Cast", whole, called=name, to=self._type)
        given = [helper.make_tensor_value_info(name, self._type, ["n", outputs])]
        if classes is not None:
            self._nodes.append(helper.make_node("ArgMax", [name], ["class"], axis=1, keepdims=0))
            given.append(helper.make_tensor_value_info("class", types.INT64, ["n"]))
        if self._model.has_labels:
            above = self._node("Greater", name, self._constant(np.full(1, 0.5, self._dtype)))
            self._node("Cast", above, called="labels", to=types.INT64)
            given.append(helper.make_tensor_value_info("labels", types.INT64, ["n", outputs]))
        columns = len(self._model.preprocessor.feature_names_out)
        taken = [helper.make_tensor_value_info("inputs", types.FLOAT, ["n", columns])]
        return helper.make_graph(self._nodes, "shrinkage", taken, given, self._constants)

    @property
    def _inner(self) -> Any:
        """The type that probabilities are worked out in: with a temperature float64, as near 1 float32 has no digits."""
        return self._dtype if self._temperature == 1 else np.dtype(np.float64)

    def _apply_temperature(self, name: str) -> str:
        """p^(1/T) over their sum, for the mean of several networks."""
        if self._temperature == 1:
            return name
        powers = self._node("Pow", name, self._constant(np.full(1, 1 / self._temperature)))
        total = self._node("ReduceSum", powers, self._constant(np.array([1])), keepdims=1)
        return self._node("Div", powers, total)

    @property
    def _type(self) -> int:
        types = self._onnx.TensorProto
        return types.FLOAT if self._dtype == np.float32 else types.DOUBLE

    def _predict(self, part: FittedNetworks, row: NDArray[Any]) -> str:
        """Probabilities or values of one network."""
        name = self._node("Cast", "inputs", to=self._onnx.TensorProto.DOUBLE)
        form: Any = part.form
        if type(form) is Piecewise:
            name = self._node("Concat", self._bound(name, form.bounded), self._codes(name, form), axis=1)
        elif type(form) is Bounded:
            name = self._bound(name, form)
        if part.x_scale is not None:
            name = self._node("Sub", name, self._constant(part.x_scale.shift))
            name = self._node("Div", name, self._constant(part.x_scale.scale))
        return self._of_outputs(
            part, self._linear_outputs(self._node("Cast", name, to=self._type), part, row)
        )

    def _bound(self, name: str, form: Bounded) -> str:
        z = self._node("Sub", name, self._constant(form.centre))
        z = self._node("Div", z, self._constant(form.scale))
        bound = self._constant(np.full(1, BOUND))
        # 3z/√(9 + z²), whose square would overflow far out, where the bound is reached anyway
        near = self._clip(z, -1e100, 1e100)
        length = self._node("Add", self._node("Mul", near, near), self._constant(np.full(1, BOUND**2)))
        smooth = self._node("Div", self._node("Mul", near, bound), self._node("Sqrt", length))
        is_level = self._constant(form.is_level > 0)
        return self._node("Where", is_level, self._clip(z, -1, 2), smooth)

    def _codes(self, name: str, form: Piecewise) -> str:
        x = self._node("Gather", name, self._constant(form.column), axis=1)
        x = self._node("Sub", x, self._constant(form.left))
        return self._clip(self._node("Div", x, self._constant(form.right - form.left)), 0, 1)

    def _clip(self, name: str, low: float, high: float) -> str:
        return self._node(
            "Clip", name, self._constant(np.array(float(low))), self._constant(np.array(float(high)))
        )

    def _linear_outputs(self, name: str, part: FittedNetworks, row: NDArray[Any]) -> str:
        layers = part.layers(row)
        if part.embedded_columns:
            name = self._node("Concat", name, self._embed(name, part, row), axis=1)
        for i, (weights, biases) in enumerate(layers):
            name = self._node("Gemm", name, self._constant(weights), self._constant(biases))
            if i < len(layers) - 1 and part.perceptron.activation in _ACTIVATIONS:
                name = self._node(_ACTIVATIONS[part.perceptron.activation], name)
        return name

    def _embed(self, name: str, part: FittedNetworks, row: NDArray[Any]) -> str:
        """(n, N·U) the units of the numbers that are embedded; axes (n, N, 1, F) in between."""
        columns = np.array(part.embedded_columns, np.int64)
        named = perceptron_layout(part.layout).by_name(row)
        x = self._node("Gather", name, self._constant(columns), axis=1)
        x = self._node("Unsqueeze", x, self._constant(np.array([2, 3])))
        x = self._node("Mul", x, self._constant(named["embedding.frequency"][:, None]))
        waves = self._node("Cos", self._node("Add", x, self._constant(named["embedding.phase"][:, None])))
        e = self._node("MatMul", waves, self._constant(named["embedding.weight"]))
        e = self._node("Reshape", e, self._constant(np.array([-1, named["embedding.bias"].size])))
        return self._node("Add", e, self._constant(named["embedding.bias"].ravel()))

    def _of_outputs(self, part: FittedNetworks, name: str) -> str:
        if self._temperature != 1:
            name = self._node("Cast", name, to=self._onnx.TensorProto.DOUBLE)
            if len(self._parts) == 1:
                name = self._node("Div", name, self._constant(np.full(1, self._temperature)))
        if part.loss == "softmax":
            return self._node("Softmax", name, axis=1)
        if part.loss == "multilabel":
            return self._node("Sigmoid", name)
        if part.loss == "logistic":
            second = self._node("Sigmoid", name)
            first = self._node("Sub", self._constant(np.ones(1, self._inner)), second)
            return self._node("Concat", first, second, axis=1)
        if part.loss == "poisson":
            name = self._node("Exp", name)
        if loss_named(part.loss).levels:
            name = self._sort(name, part.layout.outputs)
        if part.y_scale is None:
            return name
        name = self._node("Mul", name, self._constant(part.y_scale.scale.astype(self._dtype)))
        return self._node("Add", name, self._constant(part.y_scale.shift.astype(self._dtype)))

    def _sort(self, name: str, count: int) -> str:
        """The columns of each row, the smallest first."""
        names = [f"{what}_{len(self._nodes)}" for what in ("sorted", "places")]
        given = [name, self._constant(np.array([count]))]
        self._nodes.append(self._onnx.helper.make_node("TopK", given, names, axis=1, largest=0))
        return names[0]

    def _node(self, operator: str, *inputs: str, called: str = "", **attributes: Any) -> str:
        name = called or f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def _constant(self, values: NDArray[Any]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(self._onnx.numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name
