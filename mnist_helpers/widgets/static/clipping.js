// True and clipped loss, and their slopes, as the label's logit moves. Twin of Clipping in clipping.py.
const NUM_OTHERS = 9; // classes, all with the logit 0
const LOWEST = -50, HIGHEST = 10;
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
  const plot = axes({ x: { min: LOWEST, max: HIGHEST, label: "logit of the label" }, y, label, width: 340, height: 270 });
  const inside = (x) => Math.max(LOWEST, Math.min(HIGHEST, x));
  const top = plot.py(y.max), height = plot.py(y.min) - top;
  const zones = [0, 1].map(() => element("rect", { class: "mw-clipping-zone", y: top, height }));
  const gap = element("line", { class: "mw-clipping-gap" });
  plot.content.append(...zones);
  const lines = [plot.line(0), plot.line(1)];
  plot.content.append(gap);
  if (name === "slopes") { // there its middle is free
    plot.over.append(element("text", { x: plot.px(LOWEST) + 8, y: plot.py(-0.75) }, "clip active"));
  }
  const square = element("path", { class: "mw-clipping-mark", d: MARKS.square(0, 0, 6) });
  plot.over.append(square);
  const dragged = handle(plot, {
    label: `logit of the label, on the true ${SPOKEN[name]}`, step: 0.5, series: 0, along: "x",
    spoken: (x, value) => `logit ${plain(x)}, ${SPOKEN[name]} ${plain(value)}`,
    onmove: (x) => onmove(inside(x)),
  });
  set(dragged.node, "aria-valuemin", LOWEST);
  set(dragged.node, "aria-valuemax", HIGHEST);
  return {
    node: plot.node,
    drawCurves(points, [low, high]) {
      lines.forEach((line, i) => line.draw(points.map((point) => [point.x, point[name][i]])));
      [[LOWEST, low], [high, HIGHEST]].forEach(([start, end], i) => {
        set(zones[i], "x", plot.px(inside(start)));
        set(zones[i], "width", Math.max(0, plot.px(inside(end)) - plot.px(inside(start))));
      });
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
  const edges = clipEdges(epsilon).flatMap((z) => [z - 1e-6, z + 1e-6]).filter((z) => z > LOWEST && z < HIGHEST);
  const grid = Array.from({ length: 241 }, (_, i) => LOWEST + ((HIGHEST - LOWEST) * i) / 240);
  return [...grid, ...edges].sort((a, b) => a - b).map((x) => ({ x, ...clippingAt(x, epsilon) }));
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
    losses: clippingPlot("losses", { min: 0, max: 55, label: "loss (nats)" }, `loss ${against}`, move),
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
      Object.values(plots).forEach((plot) => plot.drawCurves(points, edges));
      drawn = clip;
    }
    Object.entries(plots).forEach(([name, plot]) => plot.drawPoint(z, at[name]));
    logit.set(z);
    epsilon.set(Math.log10(clip));
    table.show(at);
    ui.say(`The label has the probability ${plain(at.prob)}. ${
      at.prob < clip ? `That is below epsilon: the clipped loss stays at its cap, ${plain(cap)} nats, and its slope is 0.`
        : at.prob > 1 - clip ? "That is above 1 − epsilon: the clipped loss is constant, and its slope is 0."
          : "Between epsilon and 1 − epsilon the clip does nothing."}`);
    publish(model, { label_prob: [at.prob], losses: at.losses, slopes: at.slopes, cap: [cap], edges });
  });
}

export default { render };
