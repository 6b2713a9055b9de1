// Softmax of the logits, naive and stable, both in float32. Twin of SoftmaxBars.results in softmax_bars.py.
const float32 = Math.fround;

function softmaxes(logits, shift, temperature) {
  const scores = logits.map((z) => float32(float32(z + shift) / float32(temperature)));
  const exponentials = scores.map((z) => float32(Math.exp(z)));
  const largest = Math.max(...scores);
  const shares = (terms) => {
    const sum = terms.reduce((total, term) => float32(total + term), 0);
    return terms.map((term) => float32(term / sum));
  };
  const stable = shares(scores.map((z) => float32(Math.exp(float32(z - largest)))));
  return { exponentials, naive: shares(exponentials), stable };
}

function bar(name) {
  const fill = element("span", { class: "mw-fill" });
  const value = element("span", { class: "mw-value" });
  const track = element("span", { class: `mw-bar mw-bar-${name}` }, fill);
  return {
    node: element("span", { class: "mw-cell" }, narrowName(name), track, value),
    set(p) {
      fill.style.width = `${100 * (Number.isFinite(p) ? p : 0)}%`;
      value.textContent = Number.isFinite(p) ? p.toFixed(3) : String(p).toLowerCase();
      value.classList.toggle("mw-broken", !Number.isFinite(p));
    },
  };
}

/** What has become of the naive way, in words. */
function verdict({ exponentials, naive, stable }) {
  if (naive.some(Number.isNaN)) {
    return `not a number, because ${exponentials.includes(Infinity) ? "an exponential is infinite" : "all exponentials are 0"}`;
  }
  const worst = Math.max(...naive.map((p, k) => Math.abs(p - stable[k])));
  const vanished = naive.some((p, k) => p === 0 && stable[k] !== 0);
  if (worst < 1e-6) return `the same, but for the last digits${vanished ? ", and small ones have become 0" : ""}`;
  return `${list(naive)}, wrong by up to ${plain(worst)}, because the exponentials have few digits left`;
}

const list = (probs) => probs.map((p) => p.toFixed(3)).join(", ");

function render({ model, el }) {
  const ui = frame(el, "Softmax of scores that you set");
  const makeRow = (z, k) => {
    const control = slider({
      label: `score z${subscript(k)}`, min: -5, max: 5, step: 0.1, value: z,
      oninput: (value) => change(model, "logits", replaced(model.get("logits"), k, value)),
    });
    const row = { control, naive: bar("naive"), stable: bar("stable") };
    return { ...row, node: element("div", { class: "mw-bars-row" }, control.node, row.naive.node, row.stable.node) };
  };
  let rows = [];
  const head = element("div", { class: "mw-bars-row mw-bars-head", "aria-hidden": "true" },
    element("span", {}, "score"), element("span", {}, "naive, float32"), element("span", {}, "stable, float32"));
  const table = element("div", { class: "mw-bars" });
  const shift = slider({
    label: "add to every score", min: -120, max: 120, step: 1, value: model.get("shift"), buttons: true,
    oninput: (value) => change(model, "shift", value),
  });
  const temperature = slider({
    label: "temperature (0.1 to 10, log scale)", min: -1, max: 1, step: 0.02, value: Math.log10(model.get("temperature")),
    format: (value) => (10 ** value).toPrecision(2),
    oninput: (value) => change(model, "temperature", 10 ** value),
  });
  const names = ["logits", "shift", "temperature"];
  const opened = Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const reset = button("Reset", () => change(model, opened));
  ui.add(table, shift.node, temperature.node, element("div", { class: "mw-row" }, reset));

  return follow(model, names, () => {
    const logits = model.get("logits");
    const results = softmaxes(logits, model.get("shift"), model.get("temperature"));
    if (rows.length !== logits.length) {
      rows = logits.map(makeRow);
      table.replaceChildren(head, ...rows.map((row) => row.node));
    }
    rows.forEach((row, k) => {
      row.control.set(logits[k]);
      row.naive.set(results.naive[k]);
      row.stable.set(results.stable[k]);
    });
    shift.set(model.get("shift"));
    temperature.set(Math.log10(model.get("temperature")));
    ui.say(`Stable: ${list(results.stable)}. Naive: ${verdict(results)}.`);
    publish(model, results);
  });
}

export default { render };
