"use strict";
(() => {
  const { figures, sliders } = JSON.parse(document.getElementById("charts").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 560px)");
  const shown = {};

  // "@validation" is what the style sheet calls --validation, but only where a colour is meant: data never is.
  const colour = (value, style) => style.getPropertyValue(value.replace("@", "--")).trim();
  const painted = (value, style, paint) => {
    if (typeof value === "string") return paint && value.startsWith("@") ? colour(value, style) : value;
    if (Array.isArray(value)) return paint || value.some((v) => v && typeof v === "object")
      ? value.map((v) => painted(v, style, paint)) : value;
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(
        ([key, inner]) => [key, painted(inner, style, /color(scale)?$/.test(key))]));
    }
    return value;
  };

  // A title is centred below its axis, which row names may leave half of a narrow screen.
  const wrapped = (text) => narrow.matches && text ? text.replace(/(.{1,26})(?:\s+|$)/g, "$1<br>").replace(/<br>$/, "") : text;
  const axis = (own, wrap = (text) => text) => ({
    ...(own.showgrid === false ? {} : { gridcolor: "@grid" }), linecolor: "@line", tickcolor: "@line", zeroline: false, automargin: true, fixedrange: true,
    ...own, title: { standoff: 10, ...own.title, ...(own.title && { text: wrap(own.title.text) }), font: { color: "@muted", size: 13 } },
  });
  const layout = (own, chart) => ({
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: false, hovermode: "closest",
    autosize: true, height: Number(chart.dataset.height),
    font: { family: getComputedStyle(document.body).fontFamily, size: narrow.matches ? 11 : 13, color: "@ink" },
    hoverlabel: { bgcolor: "@card", bordercolor: "@line", align: "left", font: { color: "@ink", size: 13 } },
    ...own, margin: { t: 16, r: 12, b: 8, l: 8, ...own.margin }, xaxis: axis(own.xaxis, wrapped), yaxis: axis(own.yaxis),
  });

  const draw = async () => {
    const style = getComputedStyle(document.documentElement);
    for (const [id, figure] of Object.entries(figures)) {
      const chart = document.getElementById(id);
      if (chart.dataset.width) chart.style.maxWidth = chart.dataset.width + "px";
      const data = painted(shown[id] ?? figure.data, style, false);
      await Plotly.react(chart, data, painted(layout(figure.layout, chart), style, false),
        { displayModeBar: false, responsive: true });
      chart.querySelector(".fallback")?.remove();
    }
    document.documentElement.dataset.drawn = dark.matches ? "dark" : "light";
  };

  for (const [id, slider] of Object.entries(sliders)) {
    const box = document.querySelector(`[data-slider="${CSS.escape(id)}"]`);
    const input = box.querySelector("input");
    const move = () => {
      const step = Number(input.value);
      const data = (shown[slider.figure] ?? figures[slider.figure].data).slice();
      data[slider.trace] = { ...data[slider.trace], y: slider.frames[step] };
      shown[slider.figure] = data;
      document.getElementById(slider.figure + "-heading").textContent = slider.headings[step];
      input.setAttribute("aria-valuetext", slider.headings[step]);
      return Plotly.restyle(slider.figure, { y: [slider.frames[step]] }, [slider.trace]);
    };
    input.setAttribute("aria-valuetext", slider.headings[Number(input.value)]);
    input.addEventListener("input", move);
    box.hidden = false;
  }

  // Every table as a file: what is shown, in plain numbers.
  const digits = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const plain = (text) => text === "–" ? "" : text.replaceAll(",", "").replace("−", "-").replace(
    /^(-?)(?:([\d.]+)\s×\s)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)$/,
    (_, sign, factor, power) => `${sign}${factor ?? 1}e${[...power].map((c) => c === "⁻" ? "-" : digits.indexOf(c)).join("")}`);
  const field = (cell) => {
    const text = cell.textContent.trim(), own = cell.tagName === "TD" && cell.classList.contains("n") ? plain(text) : text;
    return /[",\n]/.test(own) ? `"${own.replaceAll('"', '""')}"` : own;
  };
  for (const box of document.querySelectorAll(".scroll")) {
    const name = box.getAttribute("aria-label"), button = document.createElement("button");
    Object.assign(button, { type: "button", className: "csv", textContent: "Download as CSV" });
    button.setAttribute("aria-label", `Download as CSV: ${name}`);
    button.addEventListener("click", () => {
      const rows = [...box.querySelectorAll("tr")].map((row) => [...row.cells].map(field).join(","));
      const url = URL.createObjectURL(new Blob(["\ufeff", rows.join("\r\n"), "\r\n"], { type: "text/csv" }));
      const file = name.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60) || "table";
      Object.assign(document.createElement("a"), { href: url, download: `${file}.csv` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    });
    box.after(button);
  }

  for (const query of [dark, narrow]) query.addEventListener("change", draw);
  draw();
})();
