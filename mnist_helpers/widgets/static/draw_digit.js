// A pad to draw on, and what two models read. Twin of draw_digit.py: same names, same arithmetic.
const SIZE = 28, BOX = 20, MIDDLE = 14.5, LARGEST_ZOOM = 4;
const SHADES = 16; // in pictures; the models get the exact image
const STRONG = 0.6; // of the largest evidence of a pixel: full colour from there on
const MODELS = ["softmax regression", "hidden layer"];
const STATE = ["strokes", "pixels", "centred", "pen", "evidence_for", "weights", "example_lines", "yours", "yours_error",
  "yours_for"];
const KEY_MOVES = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  Home: [-1, -1], PageUp: [1, -1], End: [-1, 1], PageDown: [1, 1],
};

const CROSS = "M-2 0H-.8M2 0H.8M0 -2V-.8M0 2V.8M-.8 0a.8 .8 0 1 0 1.6 0a.8 .8 0 1 0 -1.6 0z";

const largestAt = (values) => values.indexOf(Math.max(...values));
const rows = (values) => Array.from({ length: SIZE }, (_, r) => Array.from(values.slice(r * SIZE, (r + 1) * SIZE)));
const write = (node, text) => { if (node.textContent !== text) node.textContent = text; };
const same = (a, b) => a === b || (Array.isArray(a) && Array.isArray(b)
  && a.length === b.length && a.every((item, i) => same(item, b[i])));

/** What a round pen leaves: the grey of a pixel follows from the distance of its centre to the nearest segment. */
function ink(strokes, pen) {
  const squared = new Float64Array(SIZE * SIZE).fill(Infinity);
  for (const stroke of strokes) {
    for (let i = 0; i < Math.max(stroke.length - 1, 1); i++) approach(squared, stroke[i], stroke[i + 1] ?? stroke[i], pen + 0.5);
  }
  return squared.map((d) => between(pen + 0.5 - Math.sqrt(d), 0, 1));
}

/** Lower the squared distances of the pixels within reach of one segment; the others stay white anyway. */
function approach(squared, [x0, y0], [x1, y1], reach) {
  const wx = x1 - x0, wy = y1 - y0, length = wx * wx + wy * wy || 1;
  const first = (a, b) => between(Math.floor(Math.min(a, b) - reach - 0.5), 0, SIZE);
  const last = (a, b) => between(Math.ceil(Math.max(a, b) + reach + 0.5), -1, SIZE - 1);
  const right = last(x0, x1), bottom = last(y0, y1);
  for (let row = first(y0, y1); row <= bottom; row++) {
    for (let column = first(x0, x1); column <= right; column++) {
      const px = column + 0.5, py = row + 0.5;
      const share = between(((px - x0) * wx + (py - y0) * wy) / length, 0, 1);
      const dx = px - (x0 + share * wx), dy = py - (y0 + share * wy), at = row * SIZE + column;
      squared[at] = Math.min(squared[at], dx * dx + dy * dy);
    }
  }
}

/** The strokes as MNIST would place them: as large as its box allows, centre of mass in its middle. */
function fitted(strokes, pen) {
  const middle = [], sizes = [];
  for (const axis of [0, 1]) {
    const values = strokes.flatMap((stroke) => stroke.map((point) => point[axis]));
    const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
    middle.push((low + high) / 2);
    sizes.push(high - low);
  }
  const extent = Math.max(...sizes), zoom = extent ? Math.min(LARGEST_ZOOM, (BOX - 2 * pen) / extent) : 1;
  const moved = strokes.map((stroke) => stroke.map((p) => p.map((x, axis) => (x - middle[axis]) * zoom + MIDDLE)));
  const centre = [0, 0];
  let mass = 0;
  ink(moved, pen).forEach((grey, i) => {
    centre[0] += grey * ((i % SIZE) + 0.5);
    centre[1] += grey * (Math.floor(i / SIZE) + 0.5);
    mass += grey;
  });
  return moved.map((stroke) => stroke.map((p) => p.map((x, axis) => x + MIDDLE - centre[axis] / mass)));
}

function imageOf(strokes, pixels, centred, pen) {
  if (pixels.length) return ink(strokes, pen).map((grey, i) => Math.max(grey, pixels[i]));
  return ink(centred && strokes.length ? fitted(strokes, pen) : strokes, pen);
}

function numbers(text, Kind) {
  return new Kind(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

/** A layer's weights times their scales, row by row, and its bias. */
function layer(packed, name, prefix = "") {
  const part = (what, Kind) => numbers(packed[`${name}.${prefix}${what}`], Kind);
  const scales = part("weights_scales", Float32Array), columns = scales.length;
  const weights = Float64Array.from(part("weights", Int8Array), (w, i) => w * scales[i % columns]);
  return { weights, columns, bias: Array.from(part("bias", Float32Array)) };
}

function affine(x, { weights, columns, bias }) {
  const out = [...bias];
  x.forEach((value, row) => {
    if (value) for (let k = 0; k < columns; k++) out[k] += value * weights[row * columns + k];
  });
  return out;
}

function modelsOf(packed) {
  return { softmax: layer(packed, "softmax"), hidden: [layer(packed, "hidden", "hidden_"), layer(packed, "hidden")] };
}

/** What the weights of softmax regression for one class, less their mean over the classes, say of each pixel. */
function evidenceFor(about, image, { weights, columns, bias }) {
  const evidence = image.map((grey, i) => {
    if (!grey) return 0;
    const row = weights.subarray(i * columns, (i + 1) * columns);
    return (row[about] - total(row) / columns) * grey;
  });
  const sumOf = (half) => total(evidence.map((e) => half(e, 0)));
  const sums = [sumOf(Math.max), sumOf(Math.min), bias[about] - total(bias) / columns];
  return { evidence, sums: [...sums, total(sums)] };
}

function read(image, models, evidence_for) {
  const [first, last] = models.hidden;
  const logits = [affine(image, models.softmax), affine(affine(image, first).map((a) => Math.max(a, 0)), last)];
  const about = evidence_for >= 0 ? evidence_for : largestAt(logits[0]);
  return { image, about, logits, probs: logits.map(softmax), ...evidenceFor(about, image, models.softmax) };
}

/** Pixels in shades of one colour, which the style sheet sets. */
function shades() {
  const layers = Array.from({ length: SHADES }, (_, i) => element("path", { "fill-opacity": ((i + 1) / SHADES).toFixed(3) }));
  const node = element("g", { "shape-rendering": "crispEdges" }, layers);
  let drawn = layers.map(() => "");
  return {
    node,
    draw(values, top = 1) {
      const paths = layers.map(() => "");
      values.forEach((value, i) => {
        const shade = Math.round(between(value / top, 0, 1) * SHADES);
        if (shade) paths[shade - 1] += square(i);
      });
      paths.forEach((d, i) => { if (drawn[i] !== d) set(layers[i], "d", d); });
      drawn = paths;
    },
  };
}

const square = (i) => `M${i % SIZE} ${Math.floor(i / SIZE)}h1v1h-1z`;

/** A captioned picture of 28 x 28 pixels, over a pale trace of the drawn digit. */
function picture(kind, label) {
  const ghost = element("path", { class: "mw-draw-ghost", "shape-rendering": "crispEdges" }), over = shades();
  const caption = element("span", { class: "mw-draw-caption" });
  const image = element("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img", "aria-label": label },
    ghost, over.node);
  return {
    node: element("div", { class: `mw-draw-picture mw-draw-${kind}` }, image, caption),
    set(text, values, top = 1, outline = "") {
      set(ghost, "d", outline);
      over.draw(values, top);
      write(caption, text);
    },
  };
}

const percent = (p) => (p < 0.01 ? "<1 %" : p > 0.99 ? ">99 %" : `${Math.round(100 * p)} %`);
const signed = (x) => `${x <= -0.05 ? "−" : x < 0.05 ? "" : "+"}${Math.abs(x).toFixed(1)}`;

/** One column of the table: the name and answer of a model above its ten bars. */
function column(title, kind) {
  const answer = element("span", { class: "mw-draw-answer" });
  const head = element("th", { scope: "col" }, element("span", {}, title), answer);
  const cells = Array.from({ length: 10 }, () => {
    const fill = element("span", { class: "mw-draw-fill" }), value = element("span", { class: "mw-draw-value" });
    const node = element("td", { class: `mw-draw-${kind}` },
      element("span", { class: "mw-draw-cell" }, element("span", { class: "mw-draw-track" }, fill), value));
    return { node, fill, value };
  });
  const nodes = [head, ...cells.map((cell) => cell.node)];
  return {
    head, cells,
    hide(hidden) { nodes.forEach((node) => { node.hidden = hidden; }); },
    /** Whether the numbers belong to another picture; then they fade, unless a kernel soon sends others. */
    age(old) { nodes.forEach((node) => node.classList.toggle("mw-draw-old", old)); },
    set(probs) {
      const top = largestAt(probs);
      write(answer, probs.length ? String(top) : "?");
      cells.forEach(({ node, fill, value }, k) => {
        fill.style.clipPath = `inset(0 ${(100 * (1 - (probs[k] ?? 0))).toFixed(2)}% 0 0)`; // cheaper than a width: no layout
        write(value, probs.length ? percent(probs[k]) : "");
        node.classList.toggle("mw-top", k === top);
      });
    },
  };
}

function table(columns) {
  const line = (k) => element("tr", {}, element("th", { scope: "row" }, String(k)), columns.map((c) => c.cells[k].node));
  return element("table", { class: "mw-draw-table" },
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "digit"), columns.map((c) => c.head))),
    element("tbody", {}, Array.from({ length: 10 }, (_, k) => line(k))));
}

/** The pad: it tells `pen` what pointer and keys do, and shows the strokes as they were drawn. */
function drawingArea(pen) {
  const hint = element("p", { class: "mw-draw-hint", id: unique("mw-draw-hint") },
    "Draw a digit with mouse, finger or pen. Keyboard: arrow keys move the pen (Home, End, Page Up, Page Down: diagonally; ",
    "with Shift: four pixels), Space puts it down or lifts it, Delete clears.");
  const lines = Array.from({ length: SIZE - 1 }, (_, i) => `M${i + 1} 0V${SIZE}M0 ${i + 1}H${SIZE}`).join("");
  const below = shades(), marks = element("path", { class: "mw-draw-strokes" });
  const cursor = element("g", { class: "mw-draw-cursor" },
    ["mw-draw-halo", "mw-draw-cross"].map((name) => element("path", { class: name, d: CROSS })));
  const node = element("svg", {
    class: "mw-draw-pad", viewBox: `0 0 ${SIZE} ${SIZE}`, tabindex: 0, role: "application", "aria-label": "drawing area",
    "aria-roledescription": "drawing area", "aria-describedby": hint.id,
  }, element("path", { class: "mw-draw-lines", d: lines }), below.node,
  element("rect", { class: "mw-draw-box", x: MIDDLE - BOX / 2, y: MIDDLE - BOX / 2, width: BOX, height: BOX }), marks, cursor);
  const place = (at, typing) => {
    set(cursor, "transform", `translate(${at})`);
    cursor.classList.toggle("mw-draw-shown", typing);
    cursor.classList.toggle("mw-draw-down", typing && pen.isDown());
  };
  const pointer = followPointer(node, pen, place);
  followKeys(node, pen, place, pointer);
  return {
    node, hint,
    set(strokes, pixels, radius) {
      below.draw(pixels);
      set(marks, "stroke-width", 2 * radius);
      const path = (stroke) => `M${stroke.map((p) => p.join(" ")).join("L")}${stroke.length > 1 ? "" : "h0"}`; // h0: a dot
      set(marks, "d", strokes.map(path).join(""));
    },
  };
}

/** Draw with mouse, finger or pen, one at a time; `isDown` of what is returned says whether one is. */
function followPointer(node, pen, place) {
  let pointer = null;
  const points = (event) => {
    const size = node.getBoundingClientRect();
    const events = event.getCoalescedEvents?.() ?? [];
    const inside = (share) => Math.round(100 * SIZE * between(share, 0, 1)) / 100;
    return (events.length ? events : [event]).map(({ clientX, clientY }) =>
      [inside((clientX - size.left) / size.width), inside((clientY - size.top) / size.height)]);
  };
  const lift = (event) => { if (event.pointerId === pointer) { pointer = null; pen.lift(); } };
  node.addEventListener("pointerdown", (event) => {
    if (pointer !== null || event.button !== 0) return;
    pointer = event.pointerId;
    try { node.setPointerCapture(pointer); } catch { /* a pointer made by a script cannot be captured */ }
    node.focus({ preventScroll: true });
    event.preventDefault();
    pen.down(points(event).at(-1));
    place([0, 0], false);
  });
  node.addEventListener("pointermove", (event) => { if (event.pointerId === pointer) pen.move(points(event)); });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) node.addEventListener(name, lift);
  return { isDown: () => pointer !== null };
}

/** Draw with the keys: a cross shows where the pen is. */
function followKeys(node, pen, place, pointer) {
  let at = [14, 5];
  const told = () => `Pen ${pen.isDown() ? "down" : "up"}, column ${at[0]}, row ${at[1]}. `;
  const onkey = (event) => {
    const way = KEY_MOVES[event.key];
    if (way) {
      at = at.map((x, axis) => between(x + way[axis] * (event.shiftKey ? 4 : 1), 0, SIZE));
      if (pen.isDown()) pen.move([at], told);
      else pen.tell(told);
    } else if (event.key === " " || event.key === "Enter") {
      if (pen.isDown()) pen.lift(told);
      else pen.down(at, told);
    } else if (event.key === "Delete" || event.key === "Backspace") pen.clear();
    else if (event.key === "z" && (event.ctrlKey || event.metaKey)) pen.undo();
    else return false;
    place(at, true);
    return true;
  };
  node.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey || event.altKey;
    if (pointer.isDown() || (command && event.key !== "z")) return;
    if (onkey(event)) { event.preventDefault(); event.stopPropagation(); }
  });
  node.addEventListener("focus", () => place(at, node.matches(":focus-visible") && !pointer.isDown()));
  node.addEventListener("blur", () => { if (!pointer.isDown()) pen.lift(); place(at, false); });
}

/** The strokes that a line of text holds. */
function parsed(line) {
  return line.split(";").map((stroke) => stroke.trim().split(/\s+/).map((point) => point.split(",").map(Number)));
}

/** Whether a drawing [strokes, pixels] is another one with its last stroke drawn on. */
function drawnOn([strokes, pixels], [before, pixelsBefore]) {
  const stroke = strokes.at(-1), start = before.at(-1);
  return before.length > 0 && strokes.length === before.length && stroke.length > start.length && same(pixels, pixelsBefore)
    && same(stroke.slice(0, start.length), start) && same(strokes.slice(0, -1), before.slice(0, -1));
}

/** What was drawn before: one entry for each stroke, whether it was drawn here, in another view or from Python. */
function drawingHistory(model) {
  const past = [];
  const now = () => [model.get("strokes"), model.get("pixels")];
  let known = null, ours = false; // the drawing when we last looked; whether it is we who change it
  const put = ([strokes, pixels]) => {
    ours = true;
    change(model, { strokes, pixels });
    ours = false;
    known = now();
  };
  const remember = (what) => {
    past.push(what);
    if (past.length > 200) past.shift();
  };
  return {
    put,
    remember: () => remember(now()),
    isEmpty: () => past.length === 0,
    undo() { if (past.length) put(past.pop()); },
    /** Look whether something else has changed the drawing. */
    notice() {
      if (ours) return;
      const drawing = now();
      if (known && past.length && same(past.at(-1), drawing)) past.pop(); // undone in another view
      else if (known && !same(known, drawing) && !drawnOn(drawing, known)) remember(known);
      known = drawing;
    },
  };
}

/** The pen: strokes are added to the state whatever else changes it meanwhile. `tell` gets what is to be said of it. */
function makePen(model, tell) {
  const past = drawingHistory(model);
  let open = null; // the stroke that is being drawn, all of it
  const draw = (strokes, pixels = model.get("pixels")) => past.put([strokes, pixels]);
  // The digit that is there at first makes room for the reader's own.
  const isGreeting = (strokes) => past.isEmpty() && model.get("example_lines").some((line) => same(parsed(line), strokes));
  const pen = {
    isDown: () => open !== null,
    down(point, note) {
      const strokes = model.get("strokes"), others = isGreeting(strokes) ? [] : strokes;
      past.remember();
      open = [point];
      tell(note);
      draw([...others, open]);
    },
    move(points, note) {
      if (!open) return;
      const strokes = model.get("strokes");
      const others = same(strokes.at(-1), open) ? strokes.slice(0, -1) : strokes; // replaced from Python: keep all of ours
      const longer = [...open];
      for (const [x, y] of points) {
        const [a, b] = longer.at(-1);
        if (Math.hypot(x - a, y - b) > 0.1) longer.push([x, y]);
      }
      if (longer.length === open.length) return;
      open = longer;
      tell(note);
      draw([...others, open]);
    },
    lift(note) {
      open = null;
      pen.tell(note);
    },
    tell(note) { tell(note, true); },
    load(strokes) {
      open = null;
      past.remember();
      tell();
      draw(strokes, []);
    },
    clear: () => { if (model.get("strokes").length || model.get("pixels").length) pen.load([]); },
    undo() {
      open = null;
      tell();
      past.undo();
    },
    canUndo: () => !past.isEmpty(),
    notice: past.notice,
  };
  return pen;
}

function checkbox(label, onchange) {
  const input = element("input", { type: "checkbox", "aria-label": label });
  input.addEventListener("change", () => onchange(input.checked));
  return { input, node: element("label", { class: "mw-draw-check" }, input, element("span", {}, label)) };
}

/** Pad and controls, which follow the model. */
function drawingPart(model, pen) {
  const pad = drawingArea(pen);
  const undo = button("Undo", pen.undo);
  const example = choice({
    label: "example", value: "", options: [["", "choose"], ...Array.from({ length: 10 }, (_, k) => [String(k), `a ${k}`])],
    onchange: (k) => { if (k !== "") pen.load(parsed(model.get("example_lines")[Number(k)])); },
  });
  const centred = checkbox("fit and centre as MNIST does", (on) => change(model, "centred", on));
  const radius = slider({
    label: "pen radius", min: 0.6, max: 2.4, step: 0.1, value: model.get("pen"), format: (r) => `${r.toFixed(1)} of ${SIZE}`,
    oninput: (r) => change(model, "pen", r),
  });
  const replaces = element("p", { class: "mw-draw-hint" },
    "Your first stroke replaces the digit that is there. An example that you choose stays: you can draw on it.");
  let lines = null, examples = [];
  return {
    node: element("div", {}, pad.node, pad.hint,
      element("div", { class: "mw-row" }, undo, button("Clear", pen.clear), example.node), replaces, centred.node, radius.node),
    update() {
      const [strokes, pixels, pen_] = ["strokes", "pixels", "pen"].map((name) => model.get(name));
      if (model.get("example_lines") !== lines) {
        lines = model.get("example_lines");
        examples = lines.map(parsed);
      }
      pad.set(strokes, pixels, pen_);
      set(undo, "aria-disabled", String(!pen.canUndo())); // not disabled: it keeps the focus
      const which = pixels.length ? -1 : examples.findIndex((one) => same(one, strokes));
      example.set(which < 0 ? "" : String(which));
      centred.input.checked = model.get("centred");
      centred.input.disabled = pixels.length > 0; // an image from Python stays where it is
      radius.set(pen_);
    },
  };
}

/** Whether a text holds these pixels, one byte each, up to one step of grey: Python rounds in other places. */
function isImageOf(text, image) {
  const bytes = atob(text);
  return bytes.length === image.length && image.every((grey, i) => Math.abs(bytes.charCodeAt(i) - 255 * grey) <= 1);
}

/** The models' bars, and those of the reader's own function. */
function answerPart(model) {
  const columns = [column(MODELS[0], "first"), column(MODELS[1], "second"), column("yours", "third")];
  columns[2].head.append(element("span", { class: "mw-draw-wait" }, "needs a running kernel"));
  const complaint = element("p", { class: "mw-draw-complaint", hidden: "" });
  return {
    nodes: [table(columns), complaint],
    /** Draw everything and return it in words. */
    update({ image, probs }) {
      const yours = model.get("yours"), error = model.get("yours_error");
      const has = yours.length > 0 || error !== "", old = has && !isImageOf(model.get("yours_for"), image);
      columns.forEach((one, i) => one.set(i < 2 ? probs[i] : yours));
      columns[2].hide(!has);
      columns[2].age(old);
      complaint.hidden = !error || old;
      write(complaint, error && `Your function: ${error}`);
      const answers = MODELS.map((name, i) => [name, probs[i]]);
      if (yours.length && !old) answers.push(["your function", yours]);
      const list = answers.map(([name, p]) => `${name}: ${largestAt(p)} (${percent(p[largestAt(p)])})`).join(", ");
      const empty = image.every((grey) => !grey) ? "The pad is empty, and yet both answer. " : "";
      const needs = old ? " Your function has not seen this picture: that needs a running kernel." : "";
      return `${empty}Read by ${list}.${needs}${error && !old ? ` Your function: ${error}` : ""}`;
    },
  };
}

/** The image that the models see, and what speaks for a class and against it. */
function evidencePart(model) {
  const seen = picture("seen", "the image of 28 by 28 pixels that the models see");
  const speaks = [picture("speaks", "pixels that speak for the class"), picture("speaks", "pixels that speak against the class")];
  const about = choice({
    label: "evidence of softmax regression for", value: "-1",
    options: [["-1", "its answer"], ...Array.from({ length: 10 }, (_, k) => [String(k), String(k)])],
    onchange: (k) => change(model, "evidence_for", Number(k)),
  });
  const sum = element("p", { class: "mw-draw-sum" });
  return {
    nodes: [element("div", { class: "mw-row mw-draw-about" }, about.node),
      element("div", { class: "mw-draw-pictures" }, seen.node, speaks.map((one) => one.node)), sum],
    update({ image, evidence, sums: [for_, against, bias, all], about: class_ }) {
      about.set(String(model.get("evidence_for")));
      seen.set("what the models see", image);
      const outline = Array.from(image, (grey, i) => (grey >= 0.5 ? square(i) : "")).join("");
      const strength = STRONG * evidence.reduce((top, e) => Math.max(top, Math.abs(e)), 1e-9);
      speaks[0].set(`for ${class_}: ${signed(for_)}`, evidence, strength, outline);
      speaks[1].set(`against ${class_}: ${signed(against)}`, evidence.map((e) => -e), strength, outline);
      const side = `${Math.abs(all).toFixed(1)} ${all < 0 ? "below" : "above"}`;
      const distance = `the logit of ${class_} lies ${side} the mean of all ten.`;
      write(sum, image.some((grey) => grey) ? `With the bias (${signed(bias)}) the total is ${signed(all)}: ${distance}`
        : `There is no ink, so all of it is bias: ${distance}`);
    },
  };
}

function render({ model, el }) {
  const ui = frame(el, "Draw a digit: what do two models read?");
  let note = () => "", sentence = "", source = null, models = null;
  const speak = () => ui.say(note() + sentence);
  const pen = makePen(model, (told = () => "", now = false) => {
    note = told;
    if (now) speak();
  });
  const drawing = drawingPart(model, pen), answers = answerPart(model), evidence = evidencePart(model);
  ui.add(element("div", { class: "mw-draw" }, drawing.node, element("div", {}, answers.nodes, evidence.nodes)));

  return follow(model, STATE, () => {
    if (model.get("weights") !== source) {
      source = model.get("weights");
      models = modelsOf(source);
    }
    pen.notice();
    const image = imageOf(...["strokes", "pixels", "centred", "pen"].map((name) => model.get(name)));
    const all = read(image, models, model.get("evidence_for")), { about, ...results } = all;
    drawing.update();
    sentence = answers.update(all);
    evidence.update(all);
    speak();
    publish(model, { ...results, image: rows(results.image), evidence: rows(results.evidence) });
  });
}

export default { render };
