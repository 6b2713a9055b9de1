// Errors of three ways to measure a derivative, against the step. Twin of StepSize in step_size.py: a complex number is
// a pair [real, imaginary], and every operation is done in the same order, so that both sides get the same bits.

/** The arithmetic of one format: `round` is what it does to the exact result of each operation. */
function arithmetic(round) {
  const times = ([a, b], [c, d]) => [
    round(round(a * c) - round(b * d)),
    round(round(a * d) + round(b * c)),
  ];
  return {
    plus: (number, [a, b]) => [round(number + a), b],
    times,
    square: (z) => times(z, z),
    /** 1 / z, after R. L. Smith: for a real z it is the ordinary quotient. */
    inverse: ([a, b]) => {
      if (Math.abs(a) >= Math.abs(b)) {
        const ratio = round(b / a), below = round(a + round(b * ratio));
        return [round(1 / below), round(-ratio / below)];
      }
      const ratio = round(a / b), below = round(b + round(a * ratio));
      return [round(ratio / below), round(-1 / below)];
    },
    /** The square root of z, whose real part is positive. */
    root: ([a, b]) => {
      const length = round(Math.sqrt(round(round(a * a) + round(b * b))));
      const half = round(Math.sqrt(round(round(a + length) / 2)));
      return [half, round(b / round(2 * half))];
    },
  };
}

const FORMATS = {
  float64: { ...arithmetic((x) => x), round: (x) => x, noise: 2 ** -53, digits: 11 },
  float32: { ...arithmetic(Math.fround), round: Math.fround, noise: 2 ** -24, digits: 7 },
};

/** Each function, and its first three derivatives at a real x. */
const CURVE = {
  "x²": { f: (z, a) => a.square(z), derivatives: (x) => [2 * x, 2, 0] },
  "x³": { f: (z, a) => a.times(a.square(z), z), derivatives: (x) => [3 * (x * x), 6 * x, 6] },
  "x³ + 1000": { f: (z, a) => a.plus(1000, a.times(a.square(z), z)), derivatives: (x) => [3 * (x * x), 6 * x, 6] },
  "√(1 + x²)": {
    f: (z, a) => a.root(a.plus(1, a.square(z))),
    derivatives: (x) => {
      const length = Math.sqrt(1 + x * x);
      return [x / length, 1 / (length * (1 + x * x)), (-3 * x) / (length * (1 + x * x) * (1 + x * x))];
    },
  },
  "1/(1 + x²)": {
    f: (z, a) => a.inverse(a.plus(1, a.square(z))),
    derivatives: (x) => {
      const below = 1 + x * x;
      return [
        (-2 * x) / (below * below),
        (6 * (x * x) - 2) / (below * below * below),
        (24 * x * (1 - x * x)) / (below * below * below * below),
      ];
    },
  },
};
const METHODS = ["forward", "central", "complex step"];
const SHAPES = ["circle", "square", "triangle"];
const MOST_DECIMALS = 16, LOWEST_ERROR = -17, HIGHEST_ERROR = 2; // of the step as 10^-d, of the error as 10^e

/** The steps of the curves: four to each halving, none a power of two, down to 1e-16. */
const GRID = [];
for (let scale = 0.5, k = 1; k < 55; scale /= 2, k++) {
  for (const mantissa of [1.89, 1.59, 1.33, 1.13]) if (mantissa * scale >= 1e-16) GRID.push(mantissa * scale);
}

/** Everything that depends on the function, x and the format, but not on the step. */
function measurement(name, at, precision) {
  const format = FORMATS[precision], x = format.round(at), { round } = format;
  const f = (real, imag) => CURVE[name].f([real, imag], format);
  const [slope, second, third] = CURVE[name].derivatives(x);
  const here = f(x, 0)[0], noise = format.noise * Math.abs(here);
  const estimates = (step) => {
    const h = round(step), right = f(round(x + h), 0)[0], left = f(round(x - h), 0)[0];
    return [round(round(right - here) / h), round(round(right - left) / round(2 * h)), round(f(x, h)[1] / h)];
  };
  const logErrors = (step) => estimates(step).map((d) => Math.log10(Math.abs((d - slope) / slope)));
  const rows = GRID.map(logErrors);
  return {
    slope, estimates, logErrors,
    /** Whether the point beside x is rounded to x. */
    rightLost: (step) => round(x + round(step)) === x,
    leftLost: (step) => round(x - round(step)) === x,
    digits: format.digits,
    curves: METHODS.map((_, i) => rows.map((row) => row[i])),
    best: [2 * Math.sqrt(noise / Math.abs(second)), Math.cbrt((3 * noise) / Math.abs(third))],
  };
}

const decimals = (step) => 0 - Math.log10(step); // 0 - x, because -0 would be written as such
/** A power of ten in two digits. */
function powerText(log) {
  if (log === -Infinity) return "0";
  return log > -2 ? String(Number((10 ** log).toPrecision(2))) : (10 ** log).toExponential(1).replace("-", "−");
}
const stepText = (d) => powerText(-d);

/** The mark of a method. The third is hollow and larger: where two marks coincide, both are seen. */
function stepMark(i, x = 0, y = 0) {
  return element("path", { class: `mw-step-mark mw-step-${i}`, d: MARKS[SHAPES[i]](x, y, i === 2 ? 7.5 : 5.5) });
}

/** The plot of the errors: curves, best steps, the reader's step with a mark on each curve. */
function stepPlot(onmove) {
  const power = (exponent) => powerOfTen(exponent).replace(/^10⁰$/, "1");
  const plot = axes({
    x: { min: 0, max: MOST_DECIMALS, label: "step h", format: (d) => power(-d) },
    y: { min: LOWEST_ERROR, max: HIGHEST_ERROR, label: "relative error", format: power },
    width: 340, height: 320, label: "relative error against the step",
  });
  plot.node.classList.add("mw-step-plot");
  // A logarithmic axis has no 0: errors of 0 are drawn on its lower edge, which says so.
  plot.over.append(element("text", { x: plot.px(0) - 6, y: plot.py(LOWEST_ERROR) + 2, "text-anchor": "end" }, "0"));
  const bottom = plot.py(LOWEST_ERROR), top = plot.py(HIGHEST_ERROR);
  const shown = (log) => Math.max(LOWEST_ERROR, Math.min(HIGHEST_ERROR, log));
  const cursor = element("line", { class: "mw-step-cursor", y1: top, y2: bottom });
  const lines = METHODS.map((_, i) => plot.line(i));
  plot.content.prepend(cursor);
  const best = [0, 1].map((i) => element("g", { class: `mw-step-best mw-step-${i}` },
    element("line", { class: `mw-line mw-line-${i}`, y1: top, y2: bottom }),
    element("path", { d: `M0 ${bottom}l-6 -11h12z` })));
  plot.content.prepend(...best);
  const marks = SHAPES.map((_, i) => stepMark(i));
  const caption = element("text", { y: plot.py(HIGHEST_ERROR - 0.8) + 4 }, "your h");
  plot.over.append(...marks, caption);
  const dragged = handle(plot, {
    label: "step h", step: 0.25, along: "x", spoken: (d) => `step ${stepText(d)}`,
    onmove,
  });
  return {
    node: plot.node,
    drawCurves(measured) {
      lines.forEach((line, i) => line.draw(measured.curves[i].map((log, k) => [decimals(GRID[k]), shown(log)])));
      best.forEach((node, i) => {
        set(node, "display", Number.isFinite(measured.best[i]) ? null : "none");
        if (Number.isFinite(measured.best[i])) set(node, "transform", `translate(${plot.px(decimals(measured.best[i]))} 0)`);
      });
    },
    drawStep(d, logErrors) {
      set(cursor, "transform", `translate(${plot.px(d)} 0)`);
      marks.forEach((mark, i) => set(mark, "transform", `translate(${plot.px(d)} ${plot.py(shown(logErrors[i]))})`));
      const right = d < MOST_DECIMALS - 3; // room for the caption
      set(caption, "x", plot.px(d) + (right ? 13 : -13));
      set(caption, "text-anchor", right ? "start" : "end");
      dragged.set(d, HIGHEST_ERROR - 0.8);
    },
  };
}

function sample(i) {
  return element("svg", { class: "mw-step-sample", viewBox: "0 0 36 20", "aria-hidden": "true" },
    element("path", { class: `mw-line mw-line-${i}`, d: "M0 10H36" }), stepMark(i, 18, 10));
}

function stepTable() {
  const rows = METHODS.map((name, i) => {
    const cells = [0, 1, 2].map(() => element("td", {}));
    return { cells, node: element("tr", {}, element("th", { scope: "row" }, sample(i), ` ${name}`), cells) };
  });
  const exact = element("td", {});
  const heads = ["measured f′\u2060(x)", "relative error", "best step\u00a0▼"].map((text) => element("th", { scope: "col" }, text));
  const node = element("table", { class: "mw-step-table" },
    element("thead", {}, element("tr", {}, element("td", {}), heads)),
    element("tbody", {}, rows.map((row) => row.node),
      element("tr", {}, element("th", { scope: "row" }, "exact"), exact, element("td", {}), element("td", {}))));
  return {
    node,
    show(measured, estimates, logErrors) {
      exact.textContent = plainDigits(measured.slope, measured.digits);
      rows.forEach(({ cells }, i) => {
        cells[0].textContent = plainDigits(estimates[i], measured.digits);
        cells[1].textContent = powerText(logErrors[i]);
        const best = measured.best[i];
        cells[2].textContent = i === 2 || best === Infinity ? "none" : powerText(Math.log10(best));
      });
    },
  };
}

function plainDigits(x, digits) {
  return x.toPrecision(digits).replace("-", "−");
}

/** What is to be said of the reader's step. */
function sentences(measured, h, estimates, logErrors) {
  const long = (best, derivative) => {
    if (best === Infinity) return `there is no best step, because ${derivative} is 0`;
    if (Math.abs(Math.log10(h / best)) < 0.1) return "it is about the best step";
    return h > best ? "it is too long a step (truncation)" : "it is too short a step (rounding)";
  };
  const right = measured.rightLost(h), both = right && measured.leftLost(h);
  const lost = both ? " Both x + h and x − h are rounded to x: the differences are 0."
    : right ? " Here x + h is rounded to x: the forward difference is 0."
      : estimates[0] === 0 ? " Here f(x + h) and f(x) are rounded to the same number: the forward difference is 0." : "";
  return `h = ${stepText(decimals(h))}: for the forward difference ${long(measured.best[0], "f″")}; for the central one ${
    long(measured.best[1], "f‴")}.${lost} The complex step ${logErrors[2] === -Infinity ? "is exact to the last digit"
    : `has the relative error ${powerText(logErrors[2])}`}.`;
}

function render({ model, el }) {
  const ui = frame(el, "Three ways to measure a derivative");
  const move = (d) => change(model, "step", Math.max(1e-16, Math.min(1, 10 ** -d)));
  const plot = stepPlot(move), table = stepTable();
  const texts = (names) => Object.keys(names).map((name) => [name, name]);
  const chosen = choice({
    label: "f(x) =", options: texts(CURVE), value: model.get("function"), onchange: (name) => change(model, "function", name),
  });
  const precision = choice({
    label: "format", options: texts(FORMATS), value: model.get("precision"),
    onchange: (name) => change(model, "precision", name),
  });
  const x = slider({
    label: "x", min: 0.1, max: 3, step: 0.1, value: model.get("x"), oninput: (value) => change(model, "x", value),
  });
  const step = slider({
    label: "step h", min: 0, max: MOST_DECIMALS, step: 0.05, value: decimals(model.get("step")), format: stepText, oninput: move,
  });
  const choices = element("div", { class: "mw-row" }, chosen.node, precision.node);
  const note = element("p", { class: "mw-step-note" },
    "▼ with a thin vertical line: best step by formula (6.5). Errors of 0 lie on the lower edge.");
  const controls = element("div", {}, choices, x.node, step.node);
  ui.add(element("div", { class: "mw-step" }, element("div", { class: "mw-step-figure" }, plot.node, note), controls, table.node));
  let key = null, measured = null;

  return follow(model, ["function", "x", "step", "precision"], () => {
    const state = [model.get("function"), model.get("x"), model.get("precision")];
    if (key !== state.join()) {
      key = state.join();
      measured = measurement(...state);
      plot.drawCurves(measured);
    }
    const h = model.get("step"), estimates = measured.estimates(h), logErrors = measured.logErrors(h);
    plot.drawStep(decimals(h), logErrors);
    table.show(measured, estimates, logErrors);
    chosen.set(state[0]);
    x.set(state[1]);
    precision.set(state[2]);
    step.set(decimals(h));
    ui.say(sentences(measured, h, estimates, logErrors));
    publish(model, {
      slope: [measured.slope], estimates, log10_errors: logErrors, log10_best_steps: measured.best.map(Math.log10),
    });
  });
}

export default { render };
