// Softmax regression of three classes in the plane, trained again at every move. Twin of three_classes.py.
const NUM_CLASSES = 3;
const MAX_NEWTON_STEPS = 200;
const ARRIVED = 1e-9; // what changes no difference of two logits by more is the last step
const EDGE = 3;
const SURE = 1e-9;
const PARALLEL = 1e-6;
const SHAPES = ["circle", "square", "triangle"];
const SIDE = 306; // of the plane, in the plot's pixels

/** Solve a system of linear equations; the matrix and the right side are overwritten. */
function solve(matrix, right) {
  const size = right.length;
  for (let i = 0; i < size; i++) {
    let pivot = i;
    for (let row = i + 1; row < size; row++) if (Math.abs(matrix[row][i]) > Math.abs(matrix[pivot][i])) pivot = row;
    [matrix[i], matrix[pivot]] = [matrix[pivot], matrix[i]];
    [right[i], right[pivot]] = [right[pivot], right[i]];
    for (let row = i + 1; row < size; row++) {
      const factor = matrix[row][i] / matrix[i][i];
      for (let column = i; column < size; column++) matrix[row][column] -= factor * matrix[i][column];
      right[row] -= factor * right[i];
    }
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let column = i + 1; column < size; column++) right[i] -= matrix[i][column] * right[column];
    right[i] /= matrix[i][i];
  }
  return right;
}

/** Logits of a point. `theta` holds nine numbers: the weights of both features, then the bias, three classes each. */
const logitsAt = (theta, [x, y]) => [0, 1, 2].map((k) => x * theta[k] + y * theta[3 + k] + theta[6 + k]);

/** Gradient and Hessian of the penalised loss. */
function curvature(theta, points, labels, l2) {
  const gradient = theta.map((value, i) => (i < 6 ? l2 * value : 0));
  const hessian = theta.map((_, i) => theta.map((__, j) => (i === j && i < 6 ? l2 : i >= 6 && j >= 6 ? 1 : 0)));
  points.forEach((point, n) => {
    const probs = softmax(logitsAt(theta, point)), features = [point[0], point[1], 1];
    for (let i = 0; i < 9; i++) {
      const k = i % 3, feature = features[(i - k) / 3] / points.length;
      gradient[i] += feature * (probs[k] - (labels[n] === k));
      for (let j = 0; j < 9; j++) {
        const l = j % 3;
        hessian[i][j] += feature * features[(j - l) / 3] * probs[k] * ((k === l) - probs[l]);
      }
    }
  });
  return { gradient, hessian };
}

/** Newton steps from zero, each shortened to log(1 + d) / d: see fit_newton in three_classes.py. */
function fitNewton(points, labels, l2) {
  let theta = Array(9).fill(0);
  for (let count = 0; count < MAX_NEWTON_STEPS; count++) {
    const { gradient, hessian } = curvature(theta, points, labels, l2);
    const step = solve(hessian, gradient.map((slope) => -slope));
    const change = Math.max(...points.map((point) => {
      const moved = logitsAt(step, point);
      return Math.max(...moved) - Math.min(...moved);
    }));
    const share = change > 0 ? Math.log1p(change) / change : 1;
    theta = theta.map((value, i) => value + share * step[i]);
    if (change <= ARRIVED) break;
  }
  return theta;
}

/** Normal vector and offset of the line between two classes. */
const border = (theta, i, j) => [theta[i] - theta[j], theta[3 + i] - theta[3 + j], theta[6 + i] - theta[6 + j]];

function meetingPoint(theta) {
  const [a, b, c] = border(theta, 0, 1), [d, e, f] = border(theta, 1, 2);
  const determinant = a * e - b * d, lengths = [Math.hypot(a, b), Math.hypot(d, e)];
  if (Math.min(...lengths) < SURE || Math.abs(determinant) <= PARALLEL * lengths[0] * lengths[1]) return [NaN, NaN];
  return [(b * f - c * e) / determinant, (c * d - a * f) / determinant];
}

function train(points, labels, l2) {
  const theta = fitNewton(points, labels, l2);
  const correct = points.map((point, n) => {
    const z = logitsAt(theta, point);
    return Number(z[labels[n]] - Math.max(...z.filter((_, k) => k !== labels[n])) > SURE);
  });
  const weights = [theta.slice(0, 3), theta.slice(3, 6)];
  return { theta, results: { weights, bias: theta.slice(6), meeting: meetingPoint(theta), correct } };
}

/** The part of a polygon where a x + b y + c >= 0. */
function clipped(polygon, [a, b, c]) {
  const height = ([x, y]) => a * x + b * y + c;
  return polygon.flatMap((point, i) => {
    const next = polygon[(i + 1) % polygon.length], from = height(point), to = height(next);
    const crossing = from >= 0 === to >= 0 ? [] : [point.map((v, axis) => v + (from / (from - to)) * (next[axis] - v))];
    return [...(from >= 0 ? [point] : []), ...crossing];
  });
}

const SQUARE = [[-EDGE, -EDGE], [EDGE, -EDGE], [EDGE, EDGE], [-EDGE, EDGE]];

/** Whether the logits of two classes differ by the same number everywhere, so that there is no line between them. */
const lineless = ([a, b]) => Math.hypot(a, b) < SURE;

/** Whether two classes have the same logits everywhere, but for rounding. */
const tied = (line) => lineless(line) && Math.abs(line[2]) < SURE;

/** The region of a class within the figure: where its logit is the largest. Classes that are tied have none. */
function region(theta, k) {
  return [0, 1, 2].filter((j) => j !== k).reduce((polygon, j) => {
    const line = border(theta, k, j);
    if (lineless(line)) return line[2] < SURE ? [] : polygon;
    return clipped(polygon, line);
  }, SQUARE);
}

/** The two ends of a line within the figure, or nothing. */
function crossings([a, b, c]) {
  if (lineless([a, b])) return [];
  return clipped(SQUARE, [a, b, c]).filter(([x, y]) => Math.abs(a * x + b * y + c) <= 1e-9 * (Math.abs(a) + Math.abs(b)) * EDGE);
}

/** A pale fill with hatching, of its own for each class. */
function hatching(id, k) {
  const lines = ["M0 10L10 0M-2 2L2 -2M8 12L12 8", "M0 0L10 10M-2 8L2 12M8 -2L12 2", "M0 5H10"][k];
  return element("pattern", { id, width: 10, height: 10, patternUnits: "userSpaceOnUse" },
    element("rect", { class: `mw-three-pale mw-three-${k}`, width: 10, height: 10 }),
    element("path", { class: `mw-three-hatch mw-three-${k}`, d: lines }));
}

function plane() {
  const side = { min: -EDGE, max: EDGE };
  const plot = axes({
    x: { ...side, label: "x₀" }, y: { ...side, label: "x₁" }, width: SIDE + 64, height: SIDE + 50,
    label: "Points of three classes, and the regions that softmax regression gives them",
  });
  const prefix = unique("mw-three");
  plot.content.append(element("defs", {}, SHAPES.map((_, k) => hatching(`${prefix}-${k}`, k))));
  const regions = SHAPES.map((_, k) => element("path", { class: "mw-three-region", fill: `url(#${prefix}-${k})` }));
  const lines = SHAPES.map(() => element("path", { class: "mw-three-line" }));
  const meeting = element("circle", { class: "mw-three-meeting", r: 5 });
  plot.content.append(...regions, ...lines, meeting);
  const outline = (corners) => trace(corners.map(([x, y]) => [plot.px(x), plot.py(y)]));
  return {
    plot,
    draw(theta, [x, y]) {
      regions.forEach((node, k) => {
        const corners = region(theta, k);
        set(node, "d", corners.length > 2 ? `${outline(corners)}Z` : "");
      });
      const seen = { border: false, continuation: false, meeting: Math.abs(x) <= EDGE && Math.abs(y) <= EDGE };
      lines.forEach((node, k) => {
        const next = (k + 1) % NUM_CLASSES, ends = crossings(border(theta, k, next));
        set(node, "d", outline(ends));
        for (const end of ends) { // along the line the third class gains steadily, so it is enough to look at the ends
          const z = logitsAt(theta, end), ahead = z[3 - k - next] - z[k];
          seen[ahead > SURE ? "continuation" : "border"] = true;
        }
      });
      set(meeting, "visibility", seen.meeting ? "visible" : "hidden");
      if (seen.meeting) { set(meeting, "cx", plot.px(x)); set(meeting, "cy", plot.py(y)); }
      return seen;
    },
  };
}

/** What the signs in the figure mean; `show` mutes those that are not in it. */
function legend() {
  const sample = { viewBox: "-15 -11 30 22", "aria-hidden": "true" };
  const entry = (text, ...marks) => element("li", {}, element("svg", sample, marks), text);
  const point = (k) => element("path", { class: `mw-handle mw-handle-${k}`, d: MARKS[SHAPES[k]](0, 0, 8) });
  const signs = {
    wrong: entry("answered wrongly", point(0), element("circle", { class: "mw-three-ring", r: 9.5 })),
    border: entry("border", element("path", { class: "mw-three-region", fill: "none", d: "M-14 0H14" })),
    continuation: entry("continuation of a border inside the third class’s region",
      element("path", { class: "mw-three-line", d: "M-14 0H14" })),
    meeting: entry("all three lines meet", element("circle", { class: "mw-three-meeting", r: 5 })),
  };
  const classes = SHAPES.map((_, k) => entry(`class ${k}`, point(k)));
  return {
    node: element("ul", { class: "mw-three-legend" }, classes, Object.values(signs)),
    show: (seen) => Object.entries(signs).forEach(([name, node]) => node.classList.toggle("mw-three-unused", !seen[name])),
  };
}

const pair = ([x, y]) => `(${[x, y].map((v) => v.toFixed(2).replace("-", "−")).join(", ")})`;

/** Where the lines meet, in words. */
function aboutMeeting(theta, [x, y]) {
  const pairs = [[0, 1], [1, 2], [2, 0]];
  const ties = pairs.filter(([i, j]) => tied(border(theta, i, j)));
  if (ties.length === 3) return "All classes get the same logits everywhere: there is no border.";
  if (pairs.every(([i, j]) => lineless(border(theta, i, j)))) {
    return "The differences of the logits are the same everywhere: there is no border.";
  }
  if (ties.length) return `Classes ${ties[0].join(" and ")} get the same logits everywhere: there is no border between them.`;
  if (!Number.isFinite(x)) return "The lines are parallel.";
  const outside = Math.max(Math.abs(x), Math.abs(y)) > EDGE, rough = (v) => plain(Number(v.toPrecision(3)));
  return outside ? `The three lines meet outside the figure, at about (${[x, y].map(rough).join(", ")}).`
    : `The three lines meet at ${pair([x, y])}.`;
}

function render({ model, el }) {
  const ui = frame(el, "Three classes, three straight borders");
  const { plot, draw } = plane();
  const buttons = element("div", { class: "mw-row" });
  const signs = legend(), readout = element("p", { class: "mw-three-readout", "aria-hidden": "true" }); // handles speak
  ui.add(element("div", { class: "mw-three" }, plot.node,
    element("div", {}, element("p", {}, "Drag the points, or begin with"), buttons, readout, signs.node)));
  let chosen = -1;
  const move = (n) => (x, y) => change(model, "points", replaced(model.get("points"), n, [x, y]));
  const read = () => {
    const points = model.get("points"), labels = model.get("labels");
    readout.textContent = chosen < 0 ? "No point chosen yet."
      : `Point ${chosen + 1}, class ${labels[chosen]}: ${pair(points[chosen])}`;
  };
  const makeHandle = (k, n) => {
    const point = handle(plot, { label: `point ${n + 1}, class ${k}`, shape: SHAPES[k], series: k, onmove: move(n) });
    point.node.append(element("circle", { class: "mw-three-ring", r: 9.5 }));
    point.node.addEventListener("focus", () => { chosen = n; read(); });
    return point;
  };
  const arrange = (points) => change(model, {
    labels: points.map((_, n) => Math.floor((n * NUM_CLASSES) / points.length)), points,
  });

  let handles = [], classes = "", offered = null;
  return follow(model, ["points", "labels", "l2", "arrangements"], () => {
    const points = model.get("points"), labels = model.get("labels");
    if (points.length !== labels.length) return; // one of the two is still to come
    if (offered !== model.get("arrangements")) {
      offered = model.get("arrangements");
      buttons.replaceChildren(...offered.map(([name, list]) => button(name, () => arrange(list))));
    }
    if (classes !== labels.join()) {
      handles.forEach(({ node }) => node.remove());
      handles = labels.map(makeHandle);
      classes = labels.join();
      chosen = -1;
    }
    const { theta, results } = train(points, labels, model.get("l2"));
    signs.show({ ...draw(theta, results.meeting), wrong: results.correct.includes(0) });
    read();
    handles.forEach((point, n) => {
      point.set(...points[n]);
      point.node.classList.toggle("mw-three-wrong", !results.correct[n]);
    });
    const parts = SHAPES.map((_, k) => {
      const own = results.correct.filter((_, n) => labels[n] === k);
      return `${total(own)} of ${own.length} of class ${k}`;
    });
    const right = total(results.correct), share = (100 * right) / points.length;
    ui.say(`${right} of ${points.length} right (${share.toFixed(0)} %): ${parts.join(", ")}. ${
      aboutMeeting(theta, results.meeting)}`);
    publish(model, results);
  });
}

export default { render };
