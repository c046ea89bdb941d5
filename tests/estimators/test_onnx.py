"""The ONNX graph says what the network says, in another program."""

import ast
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from cli_cases import shrinkage
from golden_cases import GOLDEN, golden_table
from shrinkage import MLPClassifierCV, MLPRegressorCV
from shrinkage._errors import RequestError
from shrinkage.estimators import Runtime, export_onnx, load_model, save_model

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'test'")
ROWS = golden_table().drop(columns="grade")


def run(path: Path, inputs: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"inputs": inputs}), strict=True))


@pytest.mark.parametrize("lam", [None, 0.0, 0.01])
def test_a_softmax_of_every_lambda(lam: float | None, tmp_path: Path):
    model = load_model(GOLDEN)
    export_onnx(model, tmp_path / "m.onnx", lam)
    found = run(tmp_path / "m.onnx", model.preprocessor.transform(ROWS))
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(ROWS, lam), rtol=1e-4, atol=1e-6)
    assert model.classes is not None
    assert model.classes[found["class"]].tolist() == model.predict(ROWS, lam).tolist()


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize(
    "estimator, load",
    [(MLPClassifierCV, load_breast_cancer), (MLPRegressorCV, load_diabetes)],
    ids=["two", "number"],
)
def test_every_activation_and_output(estimator, load, activation: str, tmp_path: Path):
    bunch = load(as_frame=True)
    model = estimator((5, 3), activation=activation, lambdas=[0.01], max_epochs=2, cv=2, random_state=0)
    model._fit(bunch.data, bunch.target.to_numpy(), None, Runtime(as_table=True))
    save_model(model, model.preprocessor_, ("y",), tmp_path)
    saved = load_model(tmp_path)
    export_onnx(saved, tmp_path / "m.onnx")
    found = run(tmp_path / "m.onnx", saved.preprocessor.transform(bunch.data))
    if saved.classes is None:
        np.testing.assert_allclose(found["values"], saved.predict(bunch.data), rtol=1e-4)
    else:
        np.testing.assert_allclose(
            found["probabilities"], saved.predict_proba(bunch.data), rtol=1e-4, atol=1e-6
        )


def test_the_command_writes_it_with_the_names(tmp_path: Path):
    done = shrinkage("export", GOLDEN, "--onnx", "-o", tmp_path / "m.onnx")
    assert done.returncode == 0, done.stderr
    assert "preprocessing.skops" in done.stdout
    meta = onnxruntime.InferenceSession(str(tmp_path / "m.onnx")).get_modelmeta().custom_metadata_map
    assert json.loads(meta["inputs"]) == load_model(GOLDEN).preprocessor.feature_names_out
    assert json.loads(meta["classes"]) == ["high", "low", "middle"]


def test_without_the_package_it_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(RequestError, match=r"shrinkage\[onnx\]"):
        export_onnx(load_model(GOLDEN), tmp_path / "m.onnx")


def test_no_format_is_a_sentence():
    done = shrinkage("export", GOLDEN)
    assert done.returncode == 2
    assert "--onnx" in done.stderr


def test_the_documented_way_from_a_table_to_predictions_works(tmp_path: Path, monkeypatch, capsys):
    text = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(shutil.copytree(GOLDEN, tmp_path / "model"))
    model = load_model(Path())
    export_onnx(model, Path("model.onnx"))
    ROWS.to_csv("new.csv", index=False)
    exec(block, {})
    inputs, predicted = capsys.readouterr().out.splitlines()
    assert ast.literal_eval(inputs) == model.preprocessor.feature_names_out
    assert ast.literal_eval(predicted) == model.predict(ROWS).tolist()
