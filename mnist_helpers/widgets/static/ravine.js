// Three methods in one ravine. Twin of ravine.py; the update rules are those of mnist_helpers.optim.
const CURVATURES = [1, 100];
const START = [1, 0.1];
const MAX_STEPS = 400;
const MOST_MARKS = 100; // on one path, so that a drag is answered in time
const TICK = 100; // milliseconds from one played step to the next
const SAME = 1e-9; // factors closer to 1 are 1: the learning rate is at a limit
const METHODS = [
  { name: "gradient descent", shape: "circle" },
  { name: "heavy ball", shape: "square" },
  { name: "Nesterov", shape: "triangle" },
];
const kappa = CURVATURES[1] / CURVATURES[0];
const spread = Math.sqrt(3 * kappa + 1);
const BEST = [ // (8.2), (8.10), and Lessard, Recht and Packard (2016)
  { learning_rate: 2 / (CURVATURES[0] + CURVATURES[1]) },
  {
    learning_rate: (2 / (Math.sqrt(CURVATURES[0]) + Math.sqrt(CURVATURES[1]))) ** 2,
    momentum: ((Math.sqrt(kappa) - 1) / (Math.sqrt(kappa) + 1)) ** 2,
  },
  { learning_rate: 4 / (3 * CURVATURES[1] + CURVATURES[0]), momentum: (spread - 2) / (spread + 2) },
];

const lossAt = ([x, y]) => 0.5 * (CURVATURES[0] * (x * x) + CURVATURES[1] * (y * y));

/** One path for each method: a list of points. Each coordinate moves by itself, since the bowl's axes are x and y. */
function ravinePaths(learningRate, momentum, numSteps) {
  const rules = [
    (w, v, grad) => [w - learningRate * grad, v],
    (w, v, grad) => {
      const next = momentum * v - learningRate * grad;
      return [w + next, next];
    },
    (w, v, grad) => {
      const next = momentum * v - learningRate * grad;
      return [w + momentum * next - learningRate * grad, next];
    },
  ];
  return rules.map((rule) => {
    let w = START, v = [0, 0];
    const path = [w];
    for (let k = 0; k < numSteps; k++) {
      const moved = w.map((_, i) => rule(w[i], v[i], CURVATURES[i] * w[i]));
      w = moved.map(([position]) => position);
      v = moved.map(([, velocity]) => velocity);
      path.push(w);
    }
    return path;
  });
}

/** The larger modulus of the roots of r² + b r + c. */
function largestRoot(b, c) {
  const discriminant = b * b - 4 * c;
  return discriminant < 0 ? Math.sqrt(c) : (Math.abs(b) + Math.sqrt(discriminant)) / 2;
}

/** By what each method multiplies the distance per step in the long run. */
function longRunFactors(learningRate, momentum) {
  const factors = CURVATURES.map((curvature) => {
    const step = learningRate * curvature, shrunk = 1 - step;
    const heavyBall = largestRoot(-(1 + momentum - step), momentum);
    return [Math.abs(shrunk), heavyBall, largestRoot(-shrunk * (1 + momentum), shrunk * momentum)];
  });
  return METHODS.map((_, k) => Math.max(...factors.map((row) => row[k])));
}

function race(learningRate, momentum, numSteps) {
  const paths = ravinePaths(learningRate, momentum, numSteps);
  const needed = (path) => path.findIndex((w) => Math.hypot(...w) < Math.hypot(...START) / 1000);
  return {
    paths,
    results: {
      losses: paths.map((path) => lossAt(path.at(-1))),
      positions: paths.map((path) => path.at(-1)),
      factors: longRunFactors(learningRate, momentum),
      steps_needed: paths.map(needed),
    },
  };
}

function verdict(factor) {  if (Math.abs(factor - 1) < SAME) return { word: "at its limit", detail: "×\u00a01 a step, a steady swing" };
  return { word: factor > 1 ? "diverges" : "converges", detail: `×\u00a0${factorText(factor)} a step` };
}

/** A factor in three digits; close to 1 in as many decimals as tell it from 1, at least four. */
function factorText(factor) {
  const gap = Math.abs(factor - 1);
  if (gap <= 0.01) return factor.toFixed(Math.max(4, Math.ceil(-Math.log10(gap) - 1e-6)));
  return factor < 1 ? factor.toFixed(3) : factor.toPrecision(3);
}

/** A loss in three digits. */
function digits(loss) {
  if (!Number.isFinite(loss)) return Number.isNaN(loss) ? "overflow (NaN)" : "overflow (inf)";
  if (loss >= 0.001 && loss < 999.5) return loss.toPrecision(3);
  return loss >= 999.5 && loss < 1e5 ? String(Number(loss.toPrecision(3))) : loss.toExponential(2).replace("-", "−");
}

/** Where a path whose last point is outside a box was last seen in it, and the way out, [0, -1] for up; else null. */
function exit(points, { left, right, top, bottom }) {
  const [x, y] = points.at(-1);
  if (x >= left && x <= right && y >= top && y <= bottom) return null;
  for (let i = points.length - 1; i > 0; i--) {
    const [[a, b], [c, d]] = [points[i - 1], points[i]], dx = c - a, dy = d - b;
    // The share of this piece at which it enters each pair of edges, and the one at which it leaves them.
    const across = (from, by, low, high) => (by === 0 ? (from >= low && from <= high ? [-Infinity, Infinity] : [1, 0])
      : [(low - from) / by, (high - from) / by].sort((p, q) => p - q));
    const [inX, outX] = across(a, dx, left, right), [inY, outY] = across(b, dy, top, bottom);
    const share = Math.min(outX, outY);
    if (Math.max(inX, inY, 0) <= share && share < 1) {
      return { at: [a + share * dx, b + share * dy], way: outX < outY ? [Math.sign(dx), 0] : [0, Math.sign(dy)] };
    }
  }
  return null;
}

/** An arrowhead whose tip is at a point. */
function arrow([x, y], [u, v]) {
  const [backX, backY] = [x - 13 * u, y - 13 * v], [sideX, sideY] = [6 * v, 6 * u];
  return `M${x} ${y}L${backX + sideX} ${backY + sideY}L${backX - sideX} ${backY - sideY}z`;
}

/** A path with marks at its points, a large one at the last, or an arrow where it leaves the plot: takes points in pixels. */
function trail(plot, series, shape, radius) {
  const line = element("path", { class: `mw-line mw-line-${series} mw-ravine-line` });
  const marks = element("path", { class: `mw-ravine-marks mw-ravine-${series}` });
  const last = element("path", { class: `mw-ravine-last mw-ravine-${series}` });
  plot.content.append(line, marks);
  plot.over.append(last);
  const edges = { left: plot.px(plot.x.min), right: plot.px(plot.x.max), top: plot.py(plot.y.max), bottom: plot.py(plot.y.min) };
  return (points) => {
    const near = ([x, y]) => Math.abs(x) < 1e4 && Math.abs(y) < 1e4;
    const every = Math.ceil(points.length / MOST_MARKS) | 1; // odd: even and odd steps lie on either side of the ravine
    const marked = points.filter((point, i) => i % every === 0 && near(point));
    set(line, "d", trace(points));
    set(marks, "d", marked.map(([x, y]) => MARKS[shape](Number(x.toFixed(1)), Number(y.toFixed(1)), radius)).join(""));
    const gone = exit(points.filter((point) => point.every(Number.isFinite)), edges);
    set(last, "d", gone ? arrow(gone.at, gone.way) : MARKS[shape](...points.at(-1), 6));
    last.classList.toggle("mw-ravine-gone", gone !== null);
  };
}

function ravinePlot() {
  const plot = axes({
    x: { min: -1, max: 1.2, label: "x (flat)" }, y: { min: -0.3, max: 0.3, label: "y (steep)" }, width: 380, height: 260,
    label: "Contour lines of the ravine, and the paths of the three methods",
  });
  const scale = [plot.px(1) - plot.px(0), plot.py(0) - plot.py(1)];
  for (let level = 0.01; level < 12; level *= 2.2) {
    const [rx, ry] = CURVATURES.map((curvature, i) => Math.sqrt((2 * level) / curvature) * scale[i]);
    plot.content.append(element("ellipse", { class: "mw-ravine-contour", cx: plot.px(0), cy: plot.py(0), rx, ry }));
  }
  const trails = METHODS.map(({ shape }, k) => trail(plot, k, shape, 2.4));
  const [x, y] = [plot.px(0), plot.py(0)];
  plot.content.append(element("path", { class: "mw-ravine-bottom", d: `M${x - 6} ${y}h12M${x} ${y - 6}v12` }));
  // A path that diverges is drawn until it is gone for good: the rest would only cover the others.
  const visible = (path, factor) => {
    const gone = factor > 1 + SAME ? path.findIndex(([, b]) => Math.abs(b) > 1) : -1;
    return gone < 0 ? path : path.slice(0, gone + 1);
  };
  return {
    node: plot.node,
    draw: (paths, factors) => paths.forEach((path, k) => {
      trails[k](visible(path, factors[k]).map(([a, b]) => [plot.px(a), plot.py(b)]));
    }),
  };
}

function lossPlot(numSteps) {
  const plot = axes({
    x: { min: 0, max: numSteps, label: "step" }, y: { min: 1e-8, max: 1e4, log: true, label: "loss f" }, width: 290, height: 264,
    label: "Loss of the three methods over the steps, on a logarithmic scale",
  });
  const trails = METHODS.map(({ shape }, k) => trail(plot, k, shape, numSteps > 100 ? 1 : 1.6));
  const height = (loss) => plot.py(Math.max(1e-30, Math.min(1e30, loss)));
  const points = (path) => path.map((w, step) => [plot.px(step), height(lossAt(w))]);
  return { node: plot.node, draw: (paths) => paths.forEach((path, k) => trails[k](points(path))) };
}

/** The table of verdicts, which is the legend too. */
function verdictTable() {
  const count = element("span", {});
  const rows = METHODS.map(({ name, shape }, k) => {
    const sample = element("svg", { class: "mw-ravine-sample", viewBox: "0 0 36 16", "aria-hidden": "true" },
      element("path", { class: `mw-line mw-line-${k}`, d: "M1 8H35" }),
      element("path", { class: `mw-ravine-last mw-ravine-${k}`, d: MARKS[shape](18, 8, 5) }));
    const word = element("strong", {}), detail = element("span", {}), loss = element("td", {}), steps = element("td", {});
    return {
      node: element("tr", {}, element("th", { scope: "row" }, sample, " ", name),
        element("td", {}, word, ", ", detail), loss, steps),
      set(factor, lossNow, needed) {
        const said = verdict(factor);
        word.textContent = said.word;
        word.classList.toggle("mw-ravine-bad", said.word === "diverges");
        detail.textContent = said.detail;
        loss.textContent = digits(lossNow);
        steps.textContent = needed >= 0 ? `at step ${needed}` : said.word === "converges" ? "not yet" : "not at all";
      },
    };
  });
  const head = ["method", "distance, in the long run", ["loss after ", count], "first within 1/1000 of the starting distance"];
  const table = element("table", { class: "mw-ravine-table" },
    element("thead", {}, element("tr", {}, head.map((text) => element("th", { scope: "col" }, ...[text].flat())))),
    element("tbody", {}, rows.map((row) => row.node)));
  return {
    node: table,
    set(results, numSteps) {
      count.textContent = numSteps === 1 ? "1 step" : `${numSteps} steps`;
      rows.forEach((row, k) => row.set(results.factors[k], results.losses[k], results.steps_needed[k]));
    },
  };
}

/** Steps one by one up to a goal, as long as nothing else changes their number. Without motion each press is a tenth of
 * the way. After the goal it begins again at 0. */
function player(model) {
  let timer = null, goal = model.get("num_steps"), own = false;
  const node = button("Play", () => (timer ? stop() : start()));
  const go = (numSteps) => { own = true; change(model, "num_steps", numSteps); own = false; };
  function stop() {
    clearInterval(timer);
    timer = null;
    node.textContent = "Play";
  }
  function start() {
    if (!goal) goal = 40;
    const from = model.get("num_steps") >= goal ? 0 : model.get("num_steps");
    if (stillness()) { go(Math.min(goal, from + Math.ceil(goal / 10))); return; }
    go(from);
    const stride = Math.ceil(goal / 80);
    timer = setInterval(() => {
      go(Math.min(goal, model.get("num_steps") + stride));
      if (model.get("num_steps") === goal) stop();
    }, TICK);
    node.textContent = "Pause";
  }
  return {
    node, stop,
    /** The last step the figure should have room for. */
    reach: (numSteps) => Math.max(goal, numSteps),
    /** Tell it of a number of steps; one that it has not set itself ends the play. */
    notice(numSteps, before) {
      if (own || numSteps === before) return;
      stop();
      goal = numSteps;
    },
  };
}

function render({ model, el }) {
  const ui = frame(el, "Three methods in one ravine");
  const control = (name, label, min, max, step, format) =>
    slider({ label, min, max, step, format, value: model.get(name), oninput: (value) => change(model, name, value) });
  const sliders = {
    learning_rate: control("learning_rate", "learning rate η", 0.0001, 0.04, 0.0001, (x) => x.toFixed(4)),
    momentum: control("momentum", "momentum γ", 0, 0.99, 0.01, (x) => String(Number(x.toFixed(3)))),
    num_steps: control("num_steps", "steps", 0, MAX_STEPS, 1, (x) => String(x)),
  };
  const play = player(model);
  const step = button("One step", () => change(model, "num_steps", Math.min(MAX_STEPS, model.get("num_steps") + 1)));
  const best = METHODS.map(({ name }, k) => button(name, () => change(model, { ...BEST[k] })));
  best.forEach((node, k) => set(node, "aria-label", `Set the best numbers for ${METHODS[k].name}`));
  const ravine = ravinePlot(), right = element("div", {}), table = verdictTable();
  ui.add(element("div", { class: "mw-ravine-sliders" }, Object.values(sliders).map(({ node }) => node)),
    element("div", { class: "mw-row" }, play.node, step),
    element("div", { class: "mw-row mw-ravine-best" }, element("span", {}, "Best numbers for"), best),
    element("div", { class: "mw-ravine-plots" }, ravine.node, right),
    element("p", { class: "mw-ravine-note" }, "Large mark: the last step. Arrowhead at an edge: there the path leaves the figure."),
    table.node);

  let losses = null, room = 0, before = model.get("num_steps");
  const stopFollowing = follow(model, ["learning_rate", "momentum", "num_steps"], () => {
    const numSteps = model.get("num_steps");
    play.notice(numSteps, before);
    before = numSteps;
    const { paths, results } = race(model.get("learning_rate"), model.get("momentum"), numSteps);
    const wanted = [50, 100, 200, MAX_STEPS].find((most) => most >= play.reach(numSteps));
    if (wanted !== room) {
      room = wanted;
      losses = lossPlot(room);
      right.replaceChildren(losses.node);
    }
    ravine.draw(paths, results.factors);
    losses.draw(paths);
    table.set(results, numSteps);
    for (const [name, { set: follows }] of Object.entries(sliders)) follows(model.get(name));
    const verdicts = METHODS.map(({ name }, k) => {
      const { word, detail } = verdict(results.factors[k]);
      return `${name} ${word === "at its limit" ? "is at its limit" : word} (${detail})`;
    });
    const reached = METHODS.map(({ name }, k) => `${name} ${digits(results.losses[k])}`);
    ui.say(`In the long run ${verdicts.join(", ")}. Loss after ${numSteps} ${numSteps === 1 ? "step" : "steps"}: ${
      reached.join(", ")}.`);
    publish(model, results);
  });
  return () => { play.stop(); stopFollowing(); };
}

export default { render };
