"""A fitted network as an ONNX graph, its scaling included, for programs that know neither Python nor torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shrinkage._errors import RequestError
from shrinkage._files import write_atomic
from shrinkage.estimators._saved_model import SavedModel

__all__ = ["export_onnx"]

OPSET, IR_VERSION = 17, 8
_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}


def export_onnx(model: SavedModel, path: Path, lam: float | None = None) -> None:
    """Write the network of one λ as ONNX: from the inputs that the preprocessing makes to the predictions.

    The graph takes `inputs`, (n, D) float32: what `model.preprocessor.transform` gives, in the order of its
    `feature_names_out`; the standardization is part of the graph. A regression gives `values` (n, k) in the units of
    the targets, a classification `probabilities` (n, C) and `class` (n,), the place of the likeliest class. The names
    of inputs, targets and classes are in the metadata, as JSON.

    Args:
        model: a saved model, as `load_model` reads it.
        path: the file.
        lam: the λ of the network; None for the chosen one.

    Raises:
        RequestError: the package `onnx` is not installed, or no network of that λ was kept.
    """
    try:
        import onnx
    except ImportError as error:
        raise RequestError("export: needs the package onnx: pip install 'shrinkage[onnx]'.") from error
    graph = _Graph(onnx, model, lam)
    made = onnx.helper.make_model(
        graph.finished(),
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
        self._onnx, self._model, networks = onnx, model, model.networks
        place = networks.chosen if lam is None else networks.place(lam)
        self._row = networks.rows[place]
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self.words = {
            "inputs": json.dumps(model.preprocessor.feature_names_out),
            "targets": json.dumps(list(model.targets)),
            "classes": json.dumps(None if model.classes is None else model.classes.tolist()),
            "lambda": repr(float(networks.lambdas[place])),
        }

    def finished(self) -> Any:
        helper, types = self._onnx.helper, self._onnx.TensorProto
        sizes, classes = self._model.networks.layout.sizes, self._model.classes
        outputs = sizes[-1] if classes is None else len(classes)
        name = "values" if classes is None else "probabilities"
        self._predicted(self._linear_outputs(self._standardized()), name)
        given = [helper.make_tensor_value_info(name, self._type, ["n", outputs])]
        if classes is not None:
            self._nodes.append(helper.make_node("ArgMax", [name], ["class"], axis=1, keepdims=0))
            given.append(helper.make_tensor_value_info("class", types.INT64, ["n"]))
        taken = [helper.make_tensor_value_info("inputs", types.FLOAT, ["n", sizes[0]])]
        return helper.make_graph(self._nodes, "shrinkage", taken, given, self._constants)

    @property
    def _type(self) -> int:
        types = self._onnx.TensorProto
        return types.FLOAT if self._row.dtype == np.float32 else types.DOUBLE

    def _standardized(self) -> str:
        scale, double = self._model.networks.x_scale, self._onnx.TensorProto.DOUBLE
        name = self._node("Cast", "inputs", to=double)
        if scale is not None:
            name = self._node("Sub", name, self._constant(scale.shift))
            name = self._node("Div", name, self._constant(scale.scale))
        return self._node("Cast", name, to=self._type)

    def _linear_outputs(self, name: str) -> str:
        networks = self._model.networks
        layers = networks.layers(self._row)
        for i, (weights, biases) in enumerate(layers):
            name = self._node("Gemm", name, self._constant(weights), self._constant(biases))
            if i < len(layers) - 1 and networks.perceptron.activation in _ACTIVATIONS:
                name = self._node(_ACTIVATIONS[networks.perceptron.activation], name)
        return name

    def _predicted(self, name: str, called: str) -> None:
        networks, dtype = self._model.networks, self._row.dtype
        if networks.loss == "softmax":
            self._node("Softmax", name, called=called, axis=1)
        elif networks.loss == "logistic":
            second = self._node("Sigmoid", name)
            first = self._node("Sub", self._constant(np.ones(1, dtype)), second)
            self._node("Concat", first, second, called=called, axis=1)
        elif networks.y_scale is not None:
            name = self._node("Mul", name, self._constant(networks.y_scale.scale.astype(dtype)))
            self._node("Add", name, self._constant(networks.y_scale.shift.astype(dtype)), called=called)
        else:
            self._node("Identity", name, called=called)

    def _node(self, operator: str, *inputs: str, called: str = "", **attributes: Any) -> str:
        name = called or f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def _constant(self, values: NDArray[Any]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name
