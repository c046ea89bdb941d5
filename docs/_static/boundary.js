/* The interactive figure of understand.md: decision boundary and weights of a small net against λ. No library. */
(() => {
  const box = document.getElementById("boundary");
  if (!box || !window.BOUNDARY) return;
  const { cells, x, y, rows, frames } = window.BOUNDARY;
  const SVG = "http://www.w3.org/2000/svg";
  const width = 420, height = Math.round((width * (y[1] - y[0])) / (x[1] - x[0]));

  const add = (parent, name, attributes = {}, text = "") => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.textContent = text;
    parent.append(node);
    return node;
  };
  const left = (value) => ((value - x[0]) / (x[1] - x[0])) * width;
  const top = (value) => height - ((value - y[0]) / (y[1] - y[0])) * height;

  box.innerHTML =
    '<div class="boundary-charts"><svg class="boundary-map" role="img"></svg><svg class="boundary-weights" role="img"></svg></div>' +
    '<label class="boundary-slider">λ <input type="range" min="0" step="1"><output></output></label>' +
    '<p class="boundary-words" aria-live="polite"></p>';
  const [map, bars] = box.querySelectorAll("svg");
  const slider = box.querySelector("input"), shown = box.querySelector("output"), words = box.querySelector("p");
  slider.max = frames.length - 1;
  map.setAttribute("viewBox", `0 0 ${width} ${height}`);
  bars.setAttribute("viewBox", `0 0 ${width} ${height}`);

  const tiles = [];
  const stepX = width / (cells - 1), stepY = height / (cells - 1);
  for (let i = 0; i < cells; i++)
    for (let j = 0; j < cells; j++)
      tiles.push(
        add(map, "rect", {
          x: (j - 0.5) * stepX, y: height - (i + 0.5) * stepY, width: stepX, height: stepY, "shape-rendering": "crispEdges",
        }),
      );
  const line = add(map, "path", { class: "boundary-line" });
  for (const [a, b, c] of rows)
    add(map, c ? "circle" : "rect", c
      ? { class: "boundary-one", cx: left(a), cy: top(b), r: 5 }
      : { class: "boundary-zero", x: left(a) - 4.5, y: top(b) - 4.5, width: 9, height: 9 });

  /* The line where the probability is one half, by linear interpolation within each cell. */
  const half = (grid) => {
    const at = (i, j) => grid[i * cells + j] - 50.01;
    let path = "";
    for (let i = 0; i + 1 < cells; i++)
      for (let j = 0; j + 1 < cells; j++) {
        const ends = [[i, j, i, j + 1], [i, j + 1, i + 1, j + 1], [i + 1, j + 1, i + 1, j], [i + 1, j, i, j]]
          .filter(([a, b, c, d]) => at(a, b) > 0 !== at(c, d) > 0)
          .map(([a, b, c, d]) => {
            const share = at(a, b) / (at(a, b) - at(c, d));
            return [(b + share * (d - b)) * stepX, height - (a + share * (c - a)) * stepY];
          });
        for (let k = 0; k + 1 < ends.length; k += 2)
          path += `M${ends[k][0].toFixed(1)} ${ends[k][1].toFixed(1)}L${ends[k + 1][0].toFixed(1)} ${ends[k + 1][1].toFixed(1)}`;
      }
    return path;
  };

  /* Bars on a scale that is linear up to 1 and logarithmic beyond, the same for every λ. */
  const squeeze = (w) => Math.sign(w) * (Math.abs(w) < 1 ? Math.abs(w) : 1 + Math.log10(Math.abs(w)));
  const most = Math.max(...frames.flatMap((f) => f.weights.map((w) => Math.abs(squeeze(w)))));
  const middle = height / 2, unit = (height / 2 - 14) / most;
  for (const tick of [-100, -10, -1, 0, 1, 10, 100]) {
    if (Math.abs(squeeze(tick)) > most) continue;
    const place = middle - squeeze(tick) * unit;
    add(bars, "line", { class: "boundary-grid", x1: 34, x2: width, y1: place, y2: place });
    add(bars, "text", { class: "boundary-tick", x: 28, y: place + 4 }, String(tick).replace("-", "−"));
  }
  const count = frames[0].weights.length, wide = (width - 40) / count;
  const weights = frames[0].weights.map((_, k) =>
    add(bars, "rect", { class: "boundary-bar", x: 38 + k * wide, width: wide * 0.8 }));

  const signed = (w) => w.toFixed(Math.abs(w) < 10 ? 1 : 0).replace("-", "−");
  const draw = () => {
    const f = frames[slider.value];
    const lam = f.lam === 0 ? "0" : f.lam >= 0.001 ? String(f.lam) : f.lam.toExponential().replace("e-", " × 10⁻").replace(/⁻(\d)/, (_, d) => "⁻" + "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]);
    shown.textContent = lam;
    f.grid.forEach((p, k) => {
      tiles[k].setAttribute("class", p > 50 ? "boundary-tile-one" : "boundary-tile-zero");
      tiles[k].setAttribute("fill-opacity", (0.06 + 0.5 * Math.abs(p - 50) / 50).toFixed(2));
    });
    line.setAttribute("d", half(f.grid));
    f.weights.forEach((w, k) => {
      const reach = squeeze(w) * unit;
      weights[k].setAttribute("y", Math.min(middle, middle - reach));
      weights[k].setAttribute("height", Math.max(1, Math.abs(reach)));
    });
    words.textContent =
      `λ = ${lam}: loss ${f.train} on the 40 training rows and ${f.new} on 4,000 new rows, of which ` +
      `${(100 * f.wrong).toFixed(1)} % are misclassified. Weights from ${signed(f.weights[0])} to ${signed(f.weights.at(-1))}.`;
    map.setAttribute("aria-label", `Decision boundary at λ = ${lam}`);
    bars.setAttribute("aria-label", `The ${count} weights, sorted, at λ = ${lam}`);
  };
  slider.addEventListener("input", draw);
  slider.value = 0;
  draw();
})();
