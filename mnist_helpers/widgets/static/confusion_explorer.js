// A confusion matrix whose cells show their images. Twin of confusion_explorer.py.
const DARKEST = 15;

/** The grey levels 0 to 15 of `size` pixels: two to a byte, the first in its high half; a zero byte is followed by the
 * number of zero bytes it stands for. */
function unpack(packed, size) {
  const bytes = atob(packed), levels = new Uint8Array(size + 1);
  for (let i = 0, at = 0; i < bytes.length; i++) {
    const byte = bytes.charCodeAt(i);
    if (byte) {
      levels[at++] = byte >> 4;
      levels[at++] = byte & 15;
    } else at += 2 * bytes.charCodeAt(++i);
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

const NO_BREAK = "\u00a0";

/** A probability: softmax gives neither 0 nor 1. */
const sureness = (p) => (p < 0.01 ? `<1${NO_BREAK}%` : p > 0.99 ? `>99${NO_BREAK}%` : `${Math.round(100 * p)}${NO_BREAK}%`);

/** A share of counts, which may well be 0 or 1; of nothing there is none. */
function rate(share) {
  if (!Number.isFinite(share)) return "–";
  return share === 0 || share === 1 ? `${100 * share}${NO_BREAK}%` : sureness(share);
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
      row.map((cell) => element("td", {}, cell)), element("td", { class: "mw-confusion-rate" }, rate(results.recall[i]))))),
    element("tfoot", {}, element("tr", {}, element("th", { scope: "row", class: "mw-confusion-rate" }, "precision"),
      results.precision.map((share) => element("td", { class: "mw-confusion-rate" }, rate(share))), element("td", {}))));
  return { node, buttons };
}

/** The pictures of a cell in one row. It has room for the fullest cell, so nothing moves when another one is chosen. */
function gallery() {
  const node = element("div", { class: "mw-confusion-gallery" });
  let places = [], made = "";
  const place = ([height, width]) => {
    const canvas = element("canvas", { width, height, role: "img" }), context = canvas.getContext("2d");
    const first = element("span", {}), second = element("span", {}), image = context.createImageData(width, height);
    const figure = element("figure", {}, canvas, element("figcaption", {}, first, second));
    return {
      figure,
      hide() { figure.style.visibility = "hidden"; },
      show(pixels, label, texts) {
        pixels.forEach((level, i) => {
          image.data.fill(255 - (255 / DARKEST) * level, 4 * i, 4 * i + 3);
          image.data[4 * i + 3] = 255;
        });
        context.putImageData(image, 0, 0);
        set(canvas, "aria-label", label);
        [first.textContent, second.textContent] = texts;
        figure.style.visibility = "";
      },
    };
  };
  return {
    node,
    /** Make room for as many pictures of a size. */
    reserve(count, size) {
      if (made === `${count} ${size}`) return;
      made = `${count} ${size}`;
      places = Array.from({ length: count }, () => place(size));
      node.replaceChildren(...places.map((one) => one.figure));
    },
    /** Show pictures: list of { pixels, label, texts }. */
    show(pictures) {
      places.forEach((one, n) => {
        if (pictures[n]) one.show(pictures[n].pixels, pictures[n].label, pictures[n].texts);
        else one.hide();
      });
    },
  };
}

/** Which images are shown, as a sentence. */
function whichImages(shown, count) {
  if (!count) return "There is no image to show.";
  if (shown === count) return count === 1 ? "Its image is shown." : `All ${count} images are shown.`;
  return shown === 1 ? `The first of the ${count} images is shown.` : `The first ${shown} of the ${count} images are shown.`;
}

/** The chosen cell in words. */
function sentence(names, counts, [row, column], { recall, precision, pixels }) {
  const count = counts[row][column], ofRow = total(counts[row]);
  const share = ofRow ? ` of ${ofRow} (${((100 * count) / ofRow).toFixed(1)}${NO_BREAK}%)` : "";
  return `${about(names, row, column)}: ${count}${share}. ${whichImages(pixels.length, count)} `
    + `Recall of ${names[row]}: ${rate(recall[row])}. Precision of ${names[column]}: ${rate(precision[column])}.`;
}

/** The pictures of the chosen cell, with the probabilities of its answer and of the true class. */
function picturesOf(names, [row, column], { pixels, claimed, label_probs }) {
  return pixels.map((levels, n) => {
    const texts = [sureness(claimed[n]), row === column ? "" : sureness(label_probs[n])];
    const other = texts[1] && `, and ${texts[1]} for ${names[row]}`;
    return { pixels: levels, texts, label: `${about(names, row, column)}, with probability ${texts[0]}${other}` };
  });
}

/** How many images the fullest cell has. */
function mostInACell(cells) {
  const found = {};
  for (const cell of cells) found[cell] = (found[cell] ?? 0) + 1;
  return Math.max(0, ...Object.values(found));
}

const STATE = ["counts", "class_names", "packed", "image_size", "cells", "claimed", "label_probs", "selected"];

function render({ model, el }) {
  const ui = frame(el, "Who is taken for whom?");
  const left = element("div", {}), heading = element("p", { class: "mw-confusion-heading" }), pictures = gallery();
  ui.add(element("div", { class: "mw-confusion" }, left, element("div", {}, heading, pictures.node)));
  let table = null, drawn = "", levels = null, unpacked = null, pressed = null;
  const press = (cell) => {
    if (pressed) { set(pressed, "aria-pressed", null); set(pressed, "tabindex", -1); }
    pressed = cell;
    set(pressed, "aria-pressed", "true");
    set(pressed, "tabindex", 0);
  };
  return follow(model, STATE, () => {
    const state = Object.fromEntries(STATE.map((name) => [name, model.get(name)]));
    const { counts, class_names: names, selected, image_size: size, cells } = state, [row, column] = selected;
    if (names.length !== counts.length || !counts[row] || column >= counts.length) return; // the rest is still to come
    if (unpacked !== state.packed) {
      unpacked = state.packed;
      levels = unpack(unpacked, cells.length * size[0] * size[1]);
    }
    const results = explore(state, levels), key = JSON.stringify([counts, names]);
    if (drawn !== key) {
      drawn = key;
      table = matrixTable(counts, names, results, (cell) => change(model, "selected", cell));
      left.replaceChildren(table.node);
      pressed = null;
    }
    press(table.buttons[row][column]);
    heading.textContent = row === column ? `${names[row]} recognised. Below: the probability of ${names[row]}.`
      : `${about(names, row, column)}. Below: the probability of ${names[column]}, then of ${names[row]}.`;
    pictures.reserve(mostInACell(cells), size);
    pictures.show(picturesOf(names, selected, results));
    ui.say(sentence(names, counts, selected, results));
    publish(model, results);
  });
}

export default { render };
