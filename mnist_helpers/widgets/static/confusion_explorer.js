// A confusion matrix whose cells show their images. Twin of confusion_explorer.py.
const DARKEST = 15;

/** The grey levels 0 to 15 of all images: two pixels to a byte, the first in its high half, as base64. */
function unpack(packed) {
  const bytes = atob(packed), levels = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    levels[2 * i] = bytes.charCodeAt(i) >> 4;
    levels[2 * i + 1] = bytes.charCodeAt(i) & 15;
  }
  return levels;
}

function explore(state, levels) {
  const { counts, cells, image_size: [height, width], selected } = state, area = height * width;
  const shown = cells.flatMap((cell, n) => (cell[0] === selected[0] && cell[1] === selected[1] ? [n] : []));
  return {
    recall: counts.map((row, k) => row[k] / total(row)),
    precision: counts.map((_, k) => counts[k][k] / total(counts.map((row) => row[k]))),
    count: [counts[selected[0]][selected[1]]],
    pixels: shown.map((n) => Array.from(levels.subarray(n * area, (n + 1) * area))),
    claimed: shown.map((n) => state.claimed[n]),
    label_probs: shown.map((n) => state.label_probs[n]),
  };
}

const percent = (share) => (Number.isFinite(share) ? `${(100 * share).toFixed(0)}\u00a0%` : "–");

/** Ink on paper, in both themes. */
function picture(pixels, [height, width], label) {
  const canvas = element("canvas", { width, height, role: "img", "aria-label": label });
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  pixels.forEach((level, i) => {
    image.data.fill(255 - (255 / DARKEST) * level, 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 255;
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

/** What a cell counts, in words. */
function about(names, row, column) {
  return row === column ? `${names[row]} recognised` : `${names[row]} taken for ${names[column]}`;
}

/** The table: one button for each cell. One of them is in the tab order; the arrow keys go from cell to cell. */
function matrixTable(counts, names, results, onchoose) {
  const worst = Math.max(1, ...counts.flatMap((row, i) => row.filter((_, j) => i !== j)));
  const buttons = counts.map((row, i) => row.map((count, j) => {
    const node = element("button", {
      type: "button", class: "mw-confusion-cell", tabindex: -1, "aria-label": `${about(names, i, j)}: ${count}`,
      onclick: () => onchoose([i, j]),
      onkeydown: (event) => {
        const way = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
        const next = way && buttons[i + way[0]]?.[j + way[1]];
        if (!way) return;
        event.preventDefault();
        if (next) { next.focus(); next.click(); }
      },
    }, String(count));
    if (i === j) node.classList.add("mw-confusion-right");
    else node.style.setProperty("--mw-share", `${(100 * Math.sqrt(count / worst)).toFixed(0)}%`);
    if (!count) node.classList.add("mw-confusion-none");
    return node;
  }));
  const long = names.some((name) => name.length > 2);
  const head = (text, attributes) => element("th", { scope: "col", ...attributes }, element("span", {}, text));
  const node = element("table", { class: `mw-confusion-table${long ? " mw-confusion-long" : ""}` },
    element("caption", {}, "rows: true class, columns: predicted class"),
    element("thead", {}, element("tr", {},
      element("td", {}), names.map((name) => head(name)), head("recall", { class: "mw-confusion-rate" }))),
    element("tbody", {}, buttons.map((row, i) => element("tr", {}, element("th", { scope: "row" }, names[i]),
      row.map((cell) => element("td", {}, cell)), element("td", { class: "mw-confusion-rate" }, percent(results.recall[i]))))),
    element("tfoot", {}, element("tr", {}, element("th", { scope: "row", class: "mw-confusion-rate" }, "precision"),
      results.precision.map((share) => element("td", { class: "mw-confusion-rate" }, percent(share))), element("td", {}))));
  return { node, buttons };
}

function render({ model, el }) {
  const ui = frame(el, "Who is taken for whom?");
  const left = element("div", {}), heading = element("p", { class: "mw-confusion-heading" });
  const gallery = element("div", { class: "mw-confusion-gallery" });
  ui.add(element("div", { class: "mw-confusion" }, left, element("div", {}, heading, gallery)));

  const names = ["counts", "class_names", "packed", "image_size", "cells", "claimed", "label_probs", "selected"];
  const choose = (cell) => change(model, "selected", cell);
  let table = null, drawn = "", levels = null, unpacked = null, pressed = null;
  return follow(model, names, () => {
    const state = Object.fromEntries(names.map((name) => [name, model.get(name)]));
    const { counts, class_names: classes, selected: [row, column] } = state;
    if (classes.length !== counts.length || !counts[row] || column >= counts.length) return; // the rest is still to come
    if (unpacked !== state.packed) {
      unpacked = state.packed;
      levels = unpack(unpacked);
    }
    const results = explore(state, levels);
    const key = JSON.stringify([counts, classes]);
    if (drawn !== key) {
      drawn = key;
      table = matrixTable(counts, classes, results, choose);
      left.replaceChildren(table.node);
      pressed = null;
    }
    if (pressed) { set(pressed, "aria-pressed", null); set(pressed, "tabindex", -1); }
    pressed = table.buttons[row][column];
    set(pressed, "aria-pressed", "true");
    set(pressed, "tabindex", 0);

    heading.textContent = `True ${classes[row]}, answer ${classes[column]}`;
    gallery.replaceChildren(...results.pixels.map((pixels, n) => {
      const sure = percent(results.claimed[n]), other = percent(results.label_probs[n]);
      const label = `${about(classes, row, column)}, with probability ${sure}`;
      const caption = element("figcaption", {}, `${classes[column]}: ${sure}`);
      if (row !== column) caption.append(element("br", {}), `${classes[row]}: ${other}`);
      return element("figure", {}, picture(pixels, state.image_size, label), caption);
    }));
    const [count] = results.count, ofRow = total(counts[row]), shown = results.pixels.length;
    const images = shown === count ? "All of them are shown." : `The first ${shown} are shown.`;
    const share = ofRow ? ` of ${ofRow} (${((100 * count) / ofRow).toFixed(1)} %)` : "";
    const rates = `Recall of ${classes[row]}: ${percent(results.recall[row])}. ` +
      `Precision of ${classes[column]}: ${percent(results.precision[column])}.`;
    ui.say(`${about(classes, row, column)}: ${count}${share}. ${count ? images : "There is no image to show."} ${rates}`);
    publish(model, results);
  });
}

export default { render };
