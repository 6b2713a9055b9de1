// True and clipped loss, and their slopes, as the label's logit moves. Twin of Clipping in clipping.py.
const NUM_OTHERS = 9; // classes, all with the logit 0
const LOWEST = -50, HIGHEST = 10; // of the label's logit
const LEFT = -52, RIGHT = 12; // of the plots, so that a mark at either end is whole
const LABELLED_WIDTH = 70; // of a grey part that has room for its name
const SPOKEN = { losses: "loss", slopes: "slope" };

function clippingAt(labelLogit, epsilon) {
  const largest = Math.max(labelLogit, 0);
  const own = Math.exp(labelLogit - largest), sum = own + NUM_OTHERS * Math.exp(-largest);
  const prob = own / sum;
  const clipped = Math.min(Math.max(prob, epsilon), 1 - epsilon);
  const inside = epsilon < prob && prob < 1 - epsilon;
  return {
    prob,
    losses: [largest - labelLogit + Math.log(sum), -Math.log(clipped)],
    slopes: [prob - 1, inside ? prob - 1 : 0],
  };
}

/** The two logits between which the clip does nothing. */
function clipEdges(epsilon) {
  const logOdds = Math.log((NUM_OTHERS * epsilon) / (1 - epsilon));
  return [logOdds, 2 * Math.log(NUM_OTHERS) - logOdds];
}

/** One of the two plots: the name of its quantity, both curves, where the clip is active, and the reader's logit. */
function clippingPlot(name, y, label, onmove) {
  const plot = axes({ x: { min: LEFT, max: RIGHT, label: "logit of the label" }, y, label, width: 340, height: 270 });
  const inside = (x) => between(x, LOWEST, HIGHEST), onPlot = (x) => between(x, LEFT, RIGHT);
  const top = plot.py(y.max), height = plot.py(y.min) - top;
  const zones = [0, 1].map(() => element("rect", { class: "mw-clipping-zone", y: top, height }));
  const gap = element("line", { class: "mw-clipping-gap" });
  plot.content.append(...zones);
  const lines = [plot.line(0), plot.line(1)];
  plot.content.append(gap);
  const active = element("text", { class: "mw-clipping-text", x: plot.px(LEFT) + 8 }, "clip active");
  const capLine = element("line", { class: "mw-clipping-cap", x1: plot.px(LEFT), x2: plot.px(RIGHT) });
  const capText = element("text", { class: "mw-clipping-text", x: plot.px(RIGHT) - 6, "text-anchor": "end" });
  plot.content.append(...(name === "losses" ? [capLine, capText, active] : [active]));
  // Larger than the point on the true curve, so that it can be seen behind it where both are the same.
  const square = element("path", { class: "mw-clipping-mark", d: MARKS.square(0, 0, 12) });
  plot.over.append(square);
  const dragged = handle(plot, {
    label: `logit of the label, on the true ${SPOKEN[name]}`, step: 0.5, series: 0, along: "x", range: [LOWEST, HIGHEST],
    spoken: (x, value) => `logit ${plain(x)}, ${SPOKEN[name]} ${plain(value)}`,
    onmove,
  });
  return {
    node: plot.node,
    drawCurves(points, [low, high], cap) {
      lines.forEach((line, i) => line.draw(points.map((point) => [point.x, point[name][i]])));
      [[LEFT, low], [high, RIGHT]].forEach(([start, end], i) => {
        set(zones[i], "x", plot.px(onPlot(start)));
        set(zones[i], "width", plot.px(onPlot(end)) - plot.px(onPlot(start)));
      });
      set(active, "visibility", plot.px(onPlot(low)) - plot.px(LEFT) < LABELLED_WIDTH ? "hidden" : "visible");
      if (name === "slopes") {
        set(active, "y", plot.py(-0.5));
        return;
      }
      set(active, "y", plot.py(cap > 6 ? cap - 5 : cap + 2)); // below the cap if there is room
      set(capLine, "y1", plot.py(cap));
      set(capLine, "y2", plot.py(cap));
      set(capText, "y", plot.py(Math.max(cap + 1.3, 16))); // above the curve, which is low there
      capText.textContent = `cap −ln ε = ${plain(cap)}`;
    },
    drawPoint(x, [truth, clipped]) {
      const at = plot.px(inside(x));
      dragged.set(inside(x), truth);
      set(square, "transform", `translate(${at} ${plot.py(clipped)})`);
      const ends = { x1: at, x2: at, y1: plot.py(truth), y2: plot.py(clipped) };
      for (const [key, value] of Object.entries(ends)) set(gap, key, value);
    },
  };
}

/** The curves as points. At an edge there are two, so that the slope jumps upright. */
function clippingCurves(epsilon) {
  const edges = clipEdges(epsilon).flatMap((z) => [z - 1e-6, z + 1e-6]).filter((z) => z > LEFT && z < RIGHT);
  const grid = Array.from({ length: 257 }, (_, i) => LEFT + ((RIGHT - LEFT) * i) / 256);
  return [...grid, ...edges].sort((a, b) => a - b).map((x) => ({ x, ...clippingAt(x, epsilon) }));
}

/** A probability with so many digits that it is on the right side of the clip's border: p, or what it lacks to 1. */
function probabilityNear(p, epsilon) {
  const digits = (x, border) => {
    const side = (number) => Math.sign(number - border);
    let count = 3;
    while (count < 17 && side(Number(x.toPrecision(count))) !== side(x)) count++;
    const rounded = Number(x.toPrecision(count));
    return (x >= 1e-3 ? String(rounded) : x === 0 ? "0" : rounded.toExponential()).replaceAll("-", "−");
  };
  if (p >= 0.9995 && p < 1) return `1 − ${digits(1 - p, epsilon)}`;
  return digits(p, p < 0.5 ? epsilon : 1 - epsilon);
}

/** What the clip does to an example whose label has the probability p. */
function clipSentence(p, epsilon, cap) {
  const border = { [epsilon]: "epsilon", [1 - epsilon]: "1 − epsilon" }[p];
  if (border) return `That is exactly ${border}: here the slope jumps, and the clipped loss counts as flat.`;
  if (p < epsilon) return `That is below epsilon: the clipped loss stays at its cap, ${plain(cap)} nats, and its slope is 0.`;
  if (p > 1 - epsilon) return "That is above 1 − epsilon: the clipped loss is constant, and its slope is 0.";
  return "Between epsilon and 1 − epsilon the clip does nothing.";
}

function clippingTable() {
  const cells = { losses: [], slopes: [] };
  const row = (name, text) => element("tr", {}, element("th", { scope: "row" }, text), [0, 1].map(() => {
    const cell = element("td", {});
    cells[name].push(cell);
    return cell;
  }));
  const head = (series, text) => element("th", { scope: "col" }, swatch(series), ` ${text}`);
  const node = element("table", { class: "mw-clipping-table" },
    element("thead", {}, element("tr", {}, element("td", {}), head(0, "true"), head(1, "clipped"))),
    element("tbody", {}, row("losses", "loss (nats)"), row("slopes", "slope ∂J/∂z")));
  const show = (at) => {
    for (const name of ["losses", "slopes"]) at[name].forEach((x, i) => { cells[name][i].textContent = plain(x); });
  };
  return { node, show };
}

function render({ model, el }) {
  const ui = frame(el, "A loss with a cap, and what it does to the slope");
  const move = (value) => change(model, "label_logit", value);
  const against = "against the logit of the label";
  const plots = {
    losses: clippingPlot("losses", { min: -3, max: 57, label: "loss (nats)" }, `loss ${against}`, move),
    slopes: clippingPlot("slopes", { min: -1.1, max: 0.1, label: "slope ∂J/∂z" }, `slope ${against}`, move),
  };
  const logit = slider({
    label: "logit of the label", min: LOWEST, max: HIGHEST, step: 0.1, value: model.get("label_logit"), oninput: move,
  });
  const epsilon = slider({
    label: "epsilon", min: -15, max: -1, step: 1, value: Math.log10(model.get("epsilon")),
    format: (power) => (Math.abs(power - Math.round(power)) < 1e-9 ? powerOfTen(Math.round(power)) : plain(10 ** power)),
    oninput: (power) => change(model, "epsilon", Number(`1e${power}`)),
  });
  const table = clippingTable();
  ui.add(element("div", { class: "mw-columns" }, plots.losses.node, plots.slopes.node), logit.node, epsilon.node, table.node);
  let drawn = null;

  return follow(model, ["label_logit", "epsilon"], () => {
    const z = model.get("label_logit"), clip = model.get("epsilon");
    const at = clippingAt(z, clip), edges = clipEdges(clip), cap = -Math.log(clip);
    if (drawn !== clip) {
      const points = clippingCurves(clip);
      Object.values(plots).forEach((plot) => plot.drawCurves(points, edges, cap));
      drawn = clip;
    }
    Object.entries(plots).forEach(([name, plot]) => plot.drawPoint(z, at[name]));
    logit.set(z);
    epsilon.set(Math.log10(clip));
    table.show(at);
    ui.say(`The label has the probability ${probabilityNear(at.prob, clip)}. ${clipSentence(at.prob, clip, cap)}`);
    publish(model, { label_prob: [at.prob], losses: at.losses, slopes: at.slopes, cap: [cap], edges });
  });
}

export default { render };
