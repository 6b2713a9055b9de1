/* Lays the cells of a notebook out on slides of 1280 x 720, so that nothing is cut off, and starts reveal.js.

   nbconvert makes a section for each heading. Here its blocks (a paragraph, a formula, a table, a figure, code, what
   it printed) are measured and dealt out to as many slides, one below the other, as they need. What does not fit on
   one slide is split between lines, rows or items, and what cannot be split is made smaller. */
"use strict";

const GAP = 18; // between blocks, as in slides.css
const ROOM = 578; // height of a slide without its margins and the heading that comes again
const BLOCK = 505; // a block of this height fits on a slide below its heading
const LEAST_FIGURE = 380; // a figure may shrink to this height in order to stay with code and text

const height = (block) => Math.ceil(block.getBoundingClientRect().height);
const least = (block) => (block.querySelector("img") ? Math.min(height(block), LEAST_FIGURE) : height(block));
const total = (blocks) => blocks.reduce((sum, block) => sum + least(block), GAP * (blocks.length - 1));
const isHeading = (block) => /^H\d$/.test(block.tagName);
const asksToPredict = (block) => /^(P|UL|OL)$/.test(block.tagName) && /\bPredict\b/.test(block.textContent);
const leads = (block) =>
  isHeading(block) || "leads" in block.dataset || (block.tagName === "P" && /:\s*$/.test(block.textContent));

/** The blocks of a cell, unwrapped from nbconvert's boxes. */
function blocksOf(cell) {
  const text = cell.querySelector(".jp-MarkdownOutput");
  if (text) return [...text.childNodes].filter((node) => node.textContent.trim()).map(asBlock);
  const code = [...cell.querySelectorAll(".jp-Cell-inputArea .highlight")];
  const outputs = [...cell.querySelectorAll(".jp-OutputArea-output")];
  for (const block of code) block.classList.add("code");
  for (const block of outputs) block.classList.toggle("printed", !block.matches(".picture"));
  const blocks = [...code, ...outputs];
  for (const block of blocks.slice(0, -1)) block.dataset.leads = "";
  return blocks;
}

/** A child of a text cell as a block; a formula between blank lines is mere text there. */
function asBlock(node) {
  if (node.nodeType === Node.ELEMENT_NODE) {
    if (node.matches(".highlight, pre")) node.classList.add("code");
    return node;
  }
  const box = document.createElement("div");
  box.className = "formula";
  box.append(node);
  return box;
}

/** Make the text of a block smaller until a condition no longer holds; take it back if that does not help. */
function shrinkWhile(block, tooLarge, smallest) {
  const before = block.style.fontSize;
  const size = parseFloat(getComputedStyle(block).fontSize);
  for (let part = 0.95; part >= smallest && tooLarge(block); part -= 0.05) block.style.fontSize = `${size * part}px`;
  if (tooLarge(block)) block.style.fontSize = before;
}

/** Whether a line of code, a formula or a table is wider than the slide. */
function tooWide(block) {
  const inner = block.querySelector("mjx-math") || block;
  const pre = block.querySelector("pre") || block;
  return inner.getBoundingClientRect().width > block.parentElement.clientWidth || pre.scrollWidth > pre.clientWidth + 1;
}

const tooHigh = (block) => height(block) > BLOCK;

/** Split a block that is higher than a slide: a table by rows, a list by items, code and print by lines. */
function split(block) {
  shrinkWhile(block, tooWide, 0.6);
  shrinkWhile(block, tooHigh, 0.8);
  if (!tooHigh(block)) return [block];
  const pre = block.querySelector("pre") || block;
  if (/^(TABLE|UL|OL)$/.test(block.tagName)) return dealt(block, [...(block.tBodies?.[0] ?? block).children]);
  if (pre.tagName === "PRE") return lines(block, pre);
  shrinkWhile(block, tooHigh, 0.5);
  return [block];
}

/** Deal rows of a table or items of a list out to copies of it. */
function dealt(block, items) {
  const parts = [];
  while (items.length) {
    const part = block.cloneNode(false);
    block.before(part);
    if (block.tHead) part.append(block.tHead.cloneNode(true));
    const inside = block.tHead ? part.appendChild(document.createElement("tbody")) : part;
    if (block.tagName === "OL") part.start = block.start + parts.reduce((sum, other) => sum + other.children.length, 0);
    while (items.length && !tooHigh(part)) inside.append(items.shift());
    if (tooHigh(part) && inside.children.length > 1) items.unshift(inside.removeChild(inside.lastElementChild));
    parts.push(part);
  }
  block.remove();
  return parts;
}

/** Cut code or print into parts of about the same number of lines. */
function lines(block, pre) {
  const all = pre.innerHTML.replace(/\n$/, "").split("\n");
  const each = Math.ceil(all.length / Math.ceil(height(block) / BLOCK));
  const parts = [];
  while (all.length) {
    pre.innerHTML = all.splice(0, each).join("\n");
    parts.push(block.cloneNode(true));
    block.before(parts.at(-1));
  }
  block.remove();
  return parts;
}

/** Where to end a page: what leads to the next block goes with it, unless that does not fit either. */
function endOf(page, block, room) {
  let end = page.length;
  while (end > 0 && leads(page[end - 1])) end -= 1;
  return end > 0 && total([...page.slice(end), block]) <= room ? end : page.length;
}

/** Deal blocks out to slides that are at most `room` high. */
function dealOut(blocks, room) {
  const pages = [];
  let page = [];
  for (const block of blocks) {
    if (page.length && total([...page, block]) > room) {
      const end = endOf(page, block, room);
      pages.push(page.slice(0, end));
      page = page.slice(end);
    }
    page.push(block);
  }
  return [...pages, page];
}

/** As few slides as possible, and among these ways the one whose emptiest slide is the fullest. */
function evenly(blocks) {
  let best = dealOut(blocks, ROOM);
  for (let room = ROOM - 20; room > ROOM / 3; room -= 20) {
    const tried = dealOut(blocks, room);
    if (tried.length > best.length) break;
    if (emptiest(tried) > emptiest(best)) best = tried;
  }
  best.forEach(squeeze);
  return best;
}

const emptiest = (pages) => Math.min(...pages.map(total));

/** Make the figure of a slide as much smaller as it was reckoned to be. */
function squeeze(page) {
  const image = page.map((block) => block.querySelector("img")).find(Boolean);
  const excess = GAP * (page.length - 1) + page.reduce((sum, block) => sum + height(block), -ROOM);
  if (image && excess > 0) image.style.maxHeight = `${height(image) - excess}px`;
}

/** Cut a section after each request to predict: the answer comes on a slide of its own. */
function untilPredictions(blocks) {
  const parts = [[]];
  for (const block of blocks) {
    parts.at(-1).push(block);
    if (asksToPredict(block)) parts.push([]);
  }
  return parts.filter((part) => part.length);
}

/** The heading of a section on its later slides, small and no longer a heading. */
function again(heading) {
  const line = document.createElement("p");
  line.className = "again";
  line.append(...heading.cloneNode(true).childNodes);
  return line;
}

function slide(blocks, heading) {
  const section = document.createElement("section");
  section.className = blocks[0].tagName === "H1" ? "page title" : "page";
  if (heading && blocks[0] !== heading) section.append(again(heading));
  section.append(...blocks);
  return section;
}

/** Typeset and measure all blocks on a stage beside the slides, then replace nbconvert's sections by slides. */
async function layOut() {
  const stage = document.createElement("div");
  stage.className = "page stage";
  document.querySelector(".reveal").append(stage);
  const sections = [...document.querySelectorAll(".slides > section > section")].map((section) => {
    return { section, blocks: [...section.querySelectorAll(".jp-Cell")].flatMap(blocksOf) };
  });
  stage.append(...sections.flatMap(({ blocks }) => blocks));
  for (const block of stage.querySelectorAll("p + :is(.picture, .formula)")) block.previousSibling.dataset.leads = "";
  for (const details of stage.querySelectorAll("details")) details.open = true; // there must be room for the answer
  await MathJax.startup.promise;
  await MathJax.typesetPromise([stage]);
  await Promise.all([...stage.querySelectorAll("img")].map((image) => image.decode()));
  for (const { section, blocks } of sections) {
    const heading = blocks.find(isHeading);
    const pages = untilPredictions(blocks.flatMap(split)).flatMap(evenly);
    section.replaceWith(...pages.map((page) => slide(page, heading)));
  }
  for (const details of document.querySelectorAll("details")) details.open = false;
  stage.remove();
}

/** Space and Enter open an answer or a link that has the focus; everywhere else they turn the page. */
function turnsPage(event) {
  return !event.target.closest("summary, a") || ![" ", "Enter"].includes(event.key);
}

layOut().then(() =>
  Reveal.initialize({
    width: 1280,
    height: 720,
    margin: 0,
    center: false,
    display: "grid",
    hash: true,
    slideNumber: "c/t",
    transition: "none",
    keyboardCondition: turnsPage,
  })
);
