// What the interactives share: elements, controls, axes, and the way to and from the model.
const SVG_TAGS = new Set(["svg", "g", "path", "line", "circle", "ellipse", "rect", "text", "title", "image", "polygon",
  "clipPath", "defs", "pattern"]);
const CONTROLS = new Set(["input", "select", "button"]);

/** Make an HTML or SVG element with attributes and children (nodes, texts, lists of them). */
function element(tag, attributes = {}, ...children) {
  const node = SVG_TAGS.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(node, name, value);
  // JupyterLab has shortcuts of one letter and moves between cells with the arrows. Here keys belong to the control; the
  // sign must stand on what has the focus itself.
  if (CONTROLS.has(tag) || "tabindex" in attributes) set(node, "data-lm-suppress-shortcuts", "true");
  node.append(...children.flat());
  return node;
}

/** Set an attribute, or a listener where the name begins with "on"; null removes it. */
function set(node, name, value) {
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (value === null) node.removeAttribute(name);
  else node.setAttribute(name, value);
}

/** The box of one interactive: a titled group, and a line below it that is spoken when it has settled. */
function frame(el, title) {
  const reading = element("p", { class: "mw-reading", role: "status" });
  const body = element("div", { class: "mw-body" });
  const group = element("div", { class: "mw", role: "group", "aria-label": title },
    element("p", { class: "mw-title", "aria-hidden": "true" }, title), body, reading);
  el.replaceChildren(group);
  let timer = null;
  return {
    group,
    add: (...nodes) => body.append(...nodes),
    /** Write the line; while a slider is dragged it is written at most every 150 ms, so that it can be read out. */
    say(text) {
      if (!reading.textContent) reading.textContent = text;
      clearTimeout(timer);
      timer = setTimeout(() => { if (reading.textContent !== text) reading.textContent = text; }, 150);
    },
  };
}

/** A labelled slider. `format` makes the text beside it, which is also what is spoken.
 * With `buttons` it has a − and a + that go to the next multiple of `step`, for fingers too large for the track. */
function slider({ label, min, max, step, value, format = (x) => plain(x), oninput, buttons = false }) {
  const output = element("span", { class: "mw-number", "aria-hidden": "true" });
  const input = element("input", { type: "range", min, max, step, "aria-label": label });
  const write = (x) => {
    output.textContent = format(x);
    set(input, "aria-valuetext", format(x));
  };
  input.addEventListener("input", () => { write(input.valueAsNumber); oninput(input.valueAsNumber); });
  let current = value;
  const nudge = (sign, text, name) => {
    const small = button(text, () => {
      const next = (sign > 0 ? Math.floor(current / step + 1e-6) : Math.ceil(current / step - 1e-6)) + sign;
      oninput(between(Number((next * step).toPrecision(12)), min, max));
    });
    set(small, "aria-label", `${label}: ${name}`);
    return small;
  };
  const track = buttons
    ? element("span", { class: "mw-nudges" }, nudge(-1, "−", "less"), input, nudge(1, "+", "more")) : input;
  const control = {
    input,
    node: element("div", { class: "mw-slider" }, element("span", { class: "mw-name", "aria-hidden": "true" }, label), track, output),
    /** Follow the model. A number beyond the slider's ends leaves it at the end, but is written as it is. */
    set(x) {
      current = x;
      if (document.activeElement !== input || Math.abs(input.valueAsNumber - x) > step) input.value = x;
      write(x);
    },
  };
  control.set(value);
  return control;
}

/** A labelled choice among texts. `options` is a list of [value, text]. */
function choice({ label, options, value, onchange }) {
  const select = element("select", { "aria-label": label }, options.map(([key, text]) => element("option", { value: key }, text)));
  select.value = value;
  select.addEventListener("change", () => onchange(select.value));
  const name = element("span", { class: "mw-name", "aria-hidden": "true" }, label);
  return { select, node: element("div", { class: "mw-choice" }, name, select), set: (key) => { select.value = key; } };
}

/** A button with a text. */
function button(text, onclick) {
  return element("button", { type: "button", class: "mw-button", onclick }, text);
}

/** Axes in SVG. `x` and `y` are { min, max, label, log, format }; points outside are clipped by the plot's edge. */
function axes({ x, y, width = 420, height = 280, label }) {
  const margin = { left: 52, right: 12, top: 10, bottom: 40 };
  const to = ({ min, max, log }, low, high) => {
    const f = log ? Math.log10 : (value) => value;
    return (value) => low + ((f(value) - f(min)) / (f(max) - f(min))) * (high - low);
  };
  const right = width - margin.right, bottom = height - margin.bottom;
  const px = to(x, margin.left, right), py = to(y, bottom, margin.top);
  const clip = unique("mw-clip");
  const content = element("g", { "clip-path": `url(#${clip})` });
  const over = element("g", {});
  const box = { x: margin.left, y: margin.top, width: right - margin.left, height: bottom - margin.top };
  const grid = element("g", { class: "mw-grid" });
  for (const tick of ticks(x)) {
    grid.append(element("line", { x1: px(tick), x2: px(tick), y1: margin.top, y2: bottom }),
      element("text", { x: px(tick), y: bottom + 16, "text-anchor": "middle" }, tickText(tick, x)));
  }
  for (const tick of ticks(y)) {
    grid.append(element("line", { x1: margin.left, x2: right, y1: py(tick), y2: py(tick) }),
      element("text", { x: margin.left - 6, y: py(tick) + 4, "text-anchor": "end" }, tickText(tick, y)));
  }
  const node = element("svg", { class: "mw-plot", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    element("defs", {}, element("clipPath", { id: clip }, element("rect", box))),
    grid, element("rect", { class: "mw-frame", ...box }), content, over,
    element("text", { x: (margin.left + right) / 2, y: height - 6, "text-anchor": "middle" }, x.label ?? ""),
    element("text", { transform: `translate(12 ${(margin.top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, y.label ?? ""));
  return {
    node, x, y, px, py, content, over, // `content` is clipped, `over` is not
    /** A line in one of the series' styles, 0 to 4; `line.draw([[x, y], ...])` moves it. */
    line(series) {
      const path = element("path", { class: `mw-line mw-line-${series}` });
      content.append(path);
      return { node: path, draw: (points) => set(path, "d", trace(points.map(([a, b]) => [px(a), py(b)]))) };
    },
    /** Where on the plot, in its own units, a pointer event is. */
    where(event) {
      const size = node.getBoundingClientRect();
      const u = ((event.clientX - size.left) / size.width) * width, v = ((event.clientY - size.top) / size.height) * height;
      const back = ({ min, max }, share) => min + share * (max - min); // linear axes only
      return [back(x, (u - margin.left) / box.width), back(y, (bottom - v) / box.height)];
    },
  };
}

/** The d of a path through points in pixels; it breaks where a coordinate is not finite. */
function trace(points) {
  let pen = "M";
  return points.map(([a, b]) => {
    if (!Number.isFinite(a) || !Number.isFinite(b)) { pen = "M"; return ""; }
    const far = (v) => Math.max(-1e5, Math.min(1e5, v)).toFixed(2);
    const piece = `${pen}${far(a)} ${far(b)}`;
    pen = "L";
    return piece;
  }).join("");
}

/** About five round numbers, or powers of ten, between the ends of an axis. */
function ticks({ min, max, log }) {
  if (log) {
    const low = Math.ceil(Math.log10(min)), high = Math.floor(Math.log10(max)), every = Math.ceil((high - low + 1) / 6);
    return Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, i) => 10 ** (low + i * every));
  }
  const rough = (max - min) / 5, unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * [1, 2, 5, 10].find((m) => m * unit >= rough * 0.99);
  const first = Math.ceil(min / step - 1e-9);
  return Array.from({ length: Math.floor(max / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

function tickText(value, { log, format }) {
  if (format) return format(value);
  if (!log) return plain(Number(value.toPrecision(6)));
  return powerOfTen(Math.round(Math.log10(value)));
}

function powerOfTen(exponent) {
  return `10${String(exponent).replace("-", "⁻").replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d])}`;
}

/** Outlines of marks around a point in pixels, as a path's d, so that colour is not the only sign of a series. */
const MARKS = {
  circle: (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  square: (x, y, r) => `M${x - 0.88 * r} ${y - 0.88 * r}h${1.76 * r}v${1.76 * r}h${-1.76 * r}z`,
  triangle: (x, y, r) => `M${x} ${y - 1.15 * r}l${1.1 * r} ${1.9 * r}h${-2.2 * r}z`,
};

/** How far each key moves a handle, in steps along x and y; Home and End go to the ends of its range along x. */
const KEY_STEPS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1], PageUp: [0, 10], PageDown: [0, -10],
  Home: [-Infinity, 0], End: [Infinity, 0],
};

/** A point that can be dragged and moved with the keys. `onmove(x, y)` gets the plot's own units, never beyond `range`
 * (along x; the axis if not given) or, for a point that moves both ways, the y axis.
 * One that moves `along` "x" only takes up and down as right and left; `spoken(x, y)` makes the text that is read out. */
function handle(plot, options) {
  const { label, step = 0.1, shape = "circle", series = 1, along, range = [plot.x.min, plot.x.max], spoken, onmove } = options;
  const node = element("g", {
    class: `mw-handle mw-handle-${series}`, tabindex: 0, role: "slider", "aria-label": label,
    "aria-valuemin": range[0], "aria-valuemax": range[1],
  },
  element("circle", { r: 12, fill: "transparent", stroke: "none" }), // room for a finger
  element("path", { d: MARKS[shape](0, 0, 8) }));
  // A slider has one value, x; what is read out has both.
  if (along !== "x") set(node, "aria-roledescription", "movable point");
  let at = [0, 0];
  const move = (x, y) => onmove(between(x, ...range), along === "x" ? y : between(y, plot.y.min, plot.y.max));
  node.addEventListener("pointerdown", (event) => { node.setPointerCapture(event.pointerId); node.focus(); event.preventDefault(); });
  node.addEventListener("pointermove", (event) => { if (node.hasPointerCapture(event.pointerId)) move(...plot.where(event)); });
  node.addEventListener("keydown", (event) => {
    const way = KEY_STEPS[event.key];
    if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const size = event.shiftKey && event.key.startsWith("Arrow") ? 10 * step : step;
    const [right, up] = along === "x" ? [way[0] + way[1], 0] : way;
    move(at[0] + size * right, at[1] + size * up);
  });
  plot.over.append(node);
  plot.node.setAttribute("role", "group"); // its handles are controls, so it is no longer one picture
  return {
    node,
    set(x, y) {
      at = [x, y];
      set(node, "transform", `translate(${plot.px(x)} ${plot.py(y)})`);
      set(node, "aria-valuenow", between(x, ...range).toFixed(2));
      set(node, "aria-valuetext", spoken?.(x, y) ?? `${x.toFixed(2)}, ${y.toFixed(2)}`);
    },
  };
}

/** Change one part of the state, or several at once (an object), here and in a live kernel. */
function change(model, name, value) {
  model.set(name, value);
  model.save_changes();
}

/** A name that nothing else on the page has; each figure has its own copy of this file, so the count is the page's. */
function unique(prefix) {
  window.mnistWidgetsCount = (window.mnistWidgetsCount ?? 0) + 1;
  return `${prefix}-${window.mnistWidgetsCount}`;
}

/** Tell the model what is shown. Numbers JSON cannot hold go as the strings NaN, Infinity and -Infinity. */
function publish(model, results) {
  const text = (x) => (Array.isArray(x) ? x.map(text) : typeof x !== "number" || Number.isFinite(x) ? x : String(x));
  change(model, "shown", Object.fromEntries(Object.entries(results).map(([name, value]) => [name, text(value)])));
}

/** Call `update` now and whenever one of the named parts of the state changes; returns what stops it. */
function follow(model, names, update) {
  for (const name of names) model.on(`change:${name}`, update);
  update();
  return () => names.forEach((name) => model.off(`change:${name}`, update));
}

/** Whether the reader has asked for less motion. */
function stillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Softmax with the largest logit subtracted first, in float64. */
function softmax(logits) {
  const largest = Math.max(...logits);
  const exponentials = logits.map((z) => Math.exp(z - largest));
  const sum = total(exponentials);
  return exponentials.map((e) => e / sum);
}

function total(numbers) {
  return numbers.reduce((sum, x) => sum + x, 0);
}

/** A short sample of a series' line, for legends and the heads of tables. */
function swatch(series) {
  return element("svg", { class: "mw-swatch", viewBox: "0 0 28 8", "aria-hidden": "true" },
    element("path", { class: `mw-line mw-line-${series}`, d: "M0 4H28" }));
}

/** A name beside what it belongs to, where there is no room for a table with heads. */
function narrowName(text) {
  return element("span", { class: "mw-narrow", "aria-hidden": "true" }, text);
}

/** A copy of a list with one item replaced. */
function replaced(list, index, value) {
  return list.map((item, i) => (i === index ? value : item));
}

/** The number of an interval that is nearest to x. */
function between(x, low, high) {
  return Math.max(low, Math.min(high, x));
}

/** A number as it is read: three decimals, or three digits and a power of ten, and a real minus. */
function plain(x) {
  const size = Math.abs(x);
  const text = size >= 1e5 || (size !== 0 && size < 1e-3) ? scientific(x) : String(Number(x.toFixed(3)));
  return text.replaceAll("-", "−");
}

function scientific(x) {
  return Number(x.toPrecision(3)).toExponential();
}

/** A probability; one that would be rounded to 1 is written by what it lacks. */
function probability(p) {
  return p >= 0.9995 && p < 1 ? `1 − ${plain(1 - p)}` : plain(p);
}

function subscript(k) {
  return String(k).replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[d]);
}
