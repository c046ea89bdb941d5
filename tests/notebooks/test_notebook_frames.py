"""What notebooks show: HTML that runs nothing, follows light and dark, and holds the figures of the result."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_diabetes, load_iris

import shrinkage as sh
from comparison_cases import small_comparison
from reporting_cases import HOSTILE, made_choice, made_path, made_story
from shrinkage import MLPClassifierCV, MLPRegressorCV, RequestError
from shrinkage.estimators import load_model
from shrinkage.pages import Figure, Table, frame, plotly_figure, svg
from shrinkage.reporting import charts_of

QUICK: dict[str, Any] = {
    "inputs": "standard",
    "search": "grid",
    "hidden_layer_sizes": (4,),
    "max_epochs": 10,
    "random_state": 0,
    "cv": 3,
    "max_extensions": 0,
}


class Elements(HTMLParser):
    """Names of the elements and of their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def classifier() -> Any:
    X, y = load_iris(return_X_y=True)
    return MLPClassifierCV(**QUICK, lambdas=[0, 1e-2, 1e-1]).fit(X, y)


@pytest.fixture(scope="module")
def regressor() -> Any:
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    return MLPRegressorCV(**QUICK, lambdas=[0, 1e-2]).fit(X, y)


def audited() -> Any:
    model = torch.nn.Linear(3, 2)
    return sh.audit(torch.optim.AdamW(model.parameters(), weight_decay=0.1), model=model)


def attached() -> Any:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return sh.attach(optimizer, sh.L2(0.01), model=model).table()


@pytest.mark.parametrize("name", ["estimator", "regressor", "path", "choice", "audit", "comparison", "table"])
def test_a_frame_runs_and_loads_nothing(name: str, classifier: Any, regressor: Any) -> None:
    result = {
        "estimator": lambda: classifier,
        "regressor": lambda: regressor,
        "path": lambda: classifier.path_,
        "choice": lambda: classifier.choice_,
        "audit": audited,
        "comparison": small_comparison,
        "table": attached,
    }[name]()
    bundle = result._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert len(bundle["text/html"]) < 200_000
    own = bundle["text/html"].split("<details><summary>parameters</summary>")[0]
    elements = Elements(own)
    assert not {"script", "img", "link", "iframe", "object"} & set(elements.tags)
    assert not [n for n, _ in elements.attributes if n.startswith("on") or n in {"src", "href"}]
    assert "url(" not in own
    assert "prefers-color-scheme: dark" in own
    assert 'data-jp-theme-light="false"' in own


def test_an_estimator_that_is_not_fitted_shows_scikit_learns_diagram(classifier: Any) -> None:
    assert "svg viewBox" not in MLPClassifierCV()._repr_mimebundle_()["text/html"]
    html = classifier._repr_mimebundle_()["text/html"]
    assert "svg viewBox" in html
    assert "sk-" in html
    assert classifier._repr_mimebundle_()["text/plain"] == repr(classifier)


def test_a_path_shows_a_row_for_each_of_its_lambdas(classifier: Any) -> None:
    html = classifier.path_._repr_html_()
    assert html.count("<tr>") == 1 + 3
    assert f"{classifier.path_.validation_mean.min():.4f}"[:5] in html


def test_a_path_and_its_choice_print_what_matters(classifier: Any) -> None:
    path, choice = classifier.path_, classifier.choice_
    head, names, *rows = str(path).splitlines()
    assert head.startswith(repr(path))
    assert f"{len(path.lambdas)} λs × {path.n_folds} folds" in repr(path)
    assert names.split()[:3] == ["lambda", "train_loss", "validation_loss"]
    assert [float(row.split()[0]) for row in rows] == pytest.approx(path.lambdas, rel=1e-3)
    assert str(choice).startswith(f"Choice(λ = {choice.lam:.3g}, ")
    assert len(str(choice)) < 200


def chart_names(model: Any) -> list[str]:
    with pytest.raises(RequestError, match=r"Known: (.*)\.$") as error:
        model.plot("none")
    return str(error.value).split("Known: ")[1].removesuffix(".").split(", ")


def test_every_chart_of_the_report_is_a_plotly_figure(classifier: Any, regressor: Any) -> None:
    for model in (classifier, regressor):
        names = chart_names(model)
        assert names[0] == "loss"
        assert {"gap", "map", "agreement", "epochs"} <= set(names)
        for name in names:
            for scheme in ("light", "dark"):
                assert "'@" not in str(model.plot(name, scheme=scheme).to_plotly_json())
    assert "uncertainty" in chart_names(classifier)
    assert classifier.path_.plot("gap").layout.xaxis.title.text.startswith("λ")
    assert small_comparison().plot("differences").data


def test_the_colours_of_a_figure_are_those_of_its_scheme() -> None:
    figure = charts_of(made_story())["loss"]()
    light, dark = plotly_figure(figure), plotly_figure(figure, "dark")
    assert light.layout.paper_bgcolor == "#ffffff"
    assert dark.layout.paper_bgcolor == "#182027"
    with pytest.raises(RequestError, match="scheme"):
        plotly_figure(figure, "grey")  # type: ignore[arg-type]


@pytest.mark.parametrize("attack", HOSTILE)
def test_text_of_the_data_is_shown_as_text(attack: str) -> None:
    table = Table(caption=attack, head=[attack], rows=[[attack]])
    figure = Figure(id="x", label=attack, data=[], layout={"xaxis": {"title": {"text": attack}}})
    tame = Elements(frame("a", ["a"], figure=figure, tables=[Table(caption="a", head=["a"], rows=[["a"]])]))
    hostile = Elements(frame(attack, [attack], figure=figure, tables=[table]))
    assert hostile.tags == tame.tags
    assert not [n for n, _ in hostile.attributes if n.startswith("on") or n in {"src", "href"}]


def test_the_picture_has_each_point_where_its_axes_say() -> None:
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [0, 10],
            "y": [0, 1],
            "marker": {"color": "@ink", "size": 6},
        }
    ]
    layout = {"xaxis": {"range": [0, 10]}, "yaxis": {"range": [0, 1]}}
    drawn = svg(Figure(id="x", label="x", data=data, layout=layout, height=300), width=500)
    (x0, y0), (x1, y1) = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)
    assert float(x1) == 500 - 16
    assert float(y0) == 300 - 46
    assert float(y1) == 14
    assert float(x0) < float(x1)


def test_gaps_break_a_line_and_have_no_dot() -> None:
    data = [{"type": "scatter", "mode": "lines+markers", "x": [0, 1, None, 3, 4], "y": [0, 1, 2, None, 1]}]
    drawn = svg(Figure(id="x", label="x", data=[*data, {**data[0], "x": [5, 6, None, 7, 8]}], layout={}))
    assert drawn.count("<polyline") == 2
    assert drawn.count("<circle") == 6


def test_the_report_of_an_estimator_has_the_chapters_that_its_rows_add(regressor: Any, tmp_path: Any) -> None:
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    regressor.report(tmp_path / "short.html")
    regressor.report(tmp_path / "long.html", X, y)
    short, long = ((tmp_path / f"{name}.html").read_text() for name in ("short", "long"))
    assert 'id="effects"' not in short
    assert 'id="effects"' in long
    assert "ridge regression" in long
    assert "ridge regression" not in short
    assert "bmi" in long
    with pytest.raises(RequestError, match="rows that were given to fit"):
        regressor.report(tmp_path / "x.html", X[:50], y[:50])


def test_a_model_of_a_table_is_saved(tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    frame_ = pd.DataFrame({"a": rng.normal(size=60), "b": rng.choice(list("xy"), 60)})
    y = pd.Series((frame_["a"] + rng.normal(size=60) > 0).astype(int), name="positive")
    model = MLPClassifierCV(**QUICK, lambdas=[1e-2]).fit(frame_, y)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.targets == ("positive",)
    np.testing.assert_array_equal(loaded.predict_proba(frame_), model.predict_proba(frame_))
    np.testing.assert_array_equal(loaded.predict_interval(frame_, 0.2), model.predict_interval(frame_, 0.2))


def test_missing_networks_are_requested(tmp_path: Any) -> None:
    X, y = load_iris(return_X_y=True)
    model = MLPClassifierCV(**QUICK, lambdas=[1e-2], out_of_fold=False).fit(X, y)
    for call in (lambda: model.plot(), lambda: model.report(tmp_path / "r.html")):
        with pytest.raises(RequestError, match="out_of_fold=True"):
            call()
    assert "svg viewBox" not in model._repr_html_()


def test_a_choice_names_what_diverged_and_what_was_dropped() -> None:
    choice = replace(made_choice(made_path()), diverged=(0.0,), dropped=(1.0, 2.0))
    html = choice._repr_html_()
    assert "dropped on the way" in html
    assert "1, 2" in html
