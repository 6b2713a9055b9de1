// The Jacobian of softmax and the gradient that its label's row gives. Twin of Jacobian.results in jacobian.py.
function derivatives(logits, label) {
  const probs = softmax(logits);
  const jacobian = probs.map((p, i) => probs.map((q, j) => p * ((i === j) - q)));
  const gradient = probs.map((p, j) => p - (j === label));
  return {
    probs,
    jacobian,
    row_sums: jacobian.map(total),
    gradient,
    gradient_sum: [total(gradient)],
    through_probs: jacobian[label].map((entry) => (-1 / probs[label]) * entry),
  };
}

/** A number with its sign: three decimals, or three digits and a power of ten where these would show little. */
function signed(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "+∞" : "−∞";
  const size = Math.abs(x), sign = x > 0 ? "+" : x < 0 ? "−" : "";
  return sign + (size !== 0 && size < 1e-3 ? plain(size) : size.toFixed(3));
}

/** The same with a place where a narrow cell may break it. */
function broken(text) {
  return text.replace("e", "\u200be");
}

/** Write a text only where it is new: most cells keep theirs while a slider is dragged. */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A row of a table: its head, then empty cells. */
function tableRow(head, count, kind) {
  const name = element("th", { scope: "row" }, head);
  const cells = Array.from({ length: count }, () => element("td", {}));
  return { name, cells, node: element("tr", { class: `mw-jacobian-${kind}` }, name, cells) };
}

function makeTable(count) {
  const columns = Array.from({ length: count }, (_, k) => element("th", { scope: "col" }, `z${subscript(k)}`));
  const matrix = columns.map((_, i) => tableRow(`p${subscript(i)}`, count + 1, "entry"));
  const route = tableRow("", count, "route"), gradient = tableRow("p − t", count + 1, "gradient");
  const fills = columns.map(() => element("span", { class: "mw-jacobian-fill" }));
  const scale = ["+1", "0", "−1"].map((text) => element("span", {}, text));
  const bars = element("tr", { class: "mw-jacobian-bars", "aria-hidden": "true" }, element("th", {}, scale),
    fills.map((fill) => element("td", {}, element("span", { class: "mw-jacobian-track" }, fill))));
  const node = element("table", { class: "mw-jacobian", style: `--count: ${count}` },
    element("caption", {}, "How much each probability changes when a score rises (∂pᵢ / ∂zⱼ)"),
    element("thead", {}, element("tr", {}, element("td", {}), columns, element("th", { scope: "col" }, "sum"))),
    element("tbody", {}, matrix.map((row) => row.node)),
    element("tbody", { class: "mw-jacobian-result" }, route.node, gradient.node, bars));
  const show = (results, label) => {
    results.jacobian.forEach((entries, i) => {
      matrix[i].node.classList.toggle("mw-jacobian-label", i === label);
      entries.forEach((entry, j) => {
        const cell = matrix[i].cells[j];
        write(cell, broken(signed(entry)));
        cell.classList.toggle("mw-jacobian-minus", entry < 0);
        cell.style.setProperty("--share", `${(160 * Math.abs(entry)).toFixed(1)}%`); // no entry is larger than 1/4
      });
      write(matrix[i].cells[count], Math.abs(results.row_sums[i]).toFixed(3));
    });
    write(gradient.cells[count], Math.abs(results.gradient_sum[0]).toFixed(3));
    write(route.name, `row ${label} × (−1/p${subscript(label)})`);
    for (let j = 0; j < count; j++) {
      write(route.cells[j], broken(signed(results.through_probs[j])));
      write(gradient.cells[j], broken(signed(results.gradient[j])));
      const size = Math.abs(results.gradient[j]);
      fills[j].style.height = `${50 * size}%`;
      fills[j].style.top = `${results.gradient[j] > 0 ? 50 - 50 * size : 50}%`;
      fills[j].classList.toggle("mw-jacobian-minus", results.gradient[j] < 0);
    }
  };
  return { node, show };
}

/** What the row of the label has to do with p − t. */
function sentence({ probs, gradient }, label) {
  const p = probs[label], name = `p${subscript(label)}`;
  if (!Number.isFinite(1 / p)) {
    return `${name} has underflowed to ${plain(p)}, so the way through the probabilities gives ${
      p === 0 ? "nan" : "infinities"}. p − t does not need it.`;
  }
  const factor = p >= 0.9995 && p < 1 ? "just below −1" : plain(-1 / p);
  return `The label has ${name} = ${probability(p)}, and −1/${name} is ${factor}. Row ${label} multiplied by it gives p − t = (${
    gradient.map(signed).join(", ")}). Every row of the table sums to 0, and so does p − t.`;
}

function render({ model, el }) {
  const ui = frame(el, "The Jacobian of softmax, and the gradient it leads to");
  const group = unique("mw-label");
  const makeRow = (z, k) => {
    const control = slider({
      label: `score z${subscript(k)}`, min: -10, max: 10, step: 0.1, value: z,
      oninput: (value) => change(model, "logits", replaced(model.get("logits"), k, value)),
    });
    const radio = element("input", {
      type: "radio", name: group, "aria-label": `label is class ${k}`, onchange: () => change(model, "label", k),
    });
    const fill = element("span", { class: "mw-jacobian-prob" }), value = element("span", { class: "mw-number" });
    const prob = element("span", { class: "mw-jacobian-share" },
      narrowName(`p${subscript(k)}`), element("span", { class: "mw-jacobian-scale" }, fill), value);
    const node = element("div", { class: "mw-jacobian-row" }, control.node, prob, element("label", {}, radio, narrowName("label")));
    return { control, radio, fill, value, node };
  };
  const head = element("div", { class: "mw-jacobian-row mw-jacobian-head", "aria-hidden": "true" },
    element("span", {}, "score"), element("span", {}, "probability"), element("span", {}, "label"));
  const rowsBox = element("div", {}), tableBox = element("div", {});
  ui.add(rowsBox, tableBox);
  let rows = [], table = null;

  return follow(model, ["logits", "label"], () => {
    const logits = model.get("logits"), label = Math.min(model.get("label"), logits.length - 1);
    const results = derivatives(logits, label);
    if (rows.length !== logits.length) {
      rows = logits.map(makeRow);
      table = makeTable(logits.length);
      rowsBox.replaceChildren(head, ...rows.map((row) => row.node));
      tableBox.replaceChildren(table.node);
    }
    rows.forEach((row, k) => {
      row.control.set(logits[k]);
      row.radio.checked = k === label;
      row.fill.style.width = `${100 * results.probs[k]}%`;
      write(row.value, signed(results.probs[k]).replace("+", ""));
    });
    table.show(results, label);
    ui.say(sentence(results, label));
    publish(model, results);
  });
}

export default { render };
