// What the course adds to every page: minutes left, a search that works from a folder, and what the theme leaves out
// for readers without a mouse or without eyes.
(() => {
  // All icons are there from the start, so nothing need watch the page for new ones.
  window.FontAwesomeConfig = { observeMutations: false };

  // From file:// a page may not read other pages, so there the search shows titles without excerpts.
  if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS === "object") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  function addMinutes(minutes) {
    const left = document.createElement("span");
    left.className = "minutes-left";
    const update = () => {
      const article = document.querySelector(".bd-article").getBoundingClientRect();
      const read = Math.min(1, Math.max(0, -article.top / Math.max(1, article.height - innerHeight)));
      const rest = Math.ceil(minutes * (1 - read));
      left.textContent = read === 0 ? `${minutes} min` : `${rest} min left`;
    };
    addEventListener("scroll", update, { passive: true });
    update();
    document.querySelector(".header-article-items__start")?.append(left);
  }

  /** The theme's side bar is in no landmark, and its little arrows have no name. */
  function nameSidebar() {
    const sidebar = document.getElementById("pst-primary-sidebar");
    sidebar?.setAttribute("role", "region");
    sidebar?.setAttribute("aria-label", "Book");
    for (const summary of document.querySelectorAll(".bd-sidebar-primary summary")) {
      const page = summary.closest("li")?.querySelector("a")?.textContent.trim();
      summary.setAttribute("aria-label", `Pages below ${page}`);
    }
  }

  /** What scrolls sideways by itself must be reachable with the keyboard; what does not is no stop. */
  function reachWideFormulas() {
    const boxes = [...document.querySelectorAll("div.math")];
    const wide = boxes.map((box) => box.scrollWidth > box.clientWidth + 1); // all are measured before any is changed
    boxes.forEach((box, i) => {
      if (wide[i]) Object.entries(REACHED).forEach(([name, value]) => box.setAttribute(name, value));
      else if (box.hasAttribute("tabindex")) Object.keys(REACHED).forEach((name) => box.removeAttribute(name));
    });
  }
  const REACHED = { tabindex: "0", role: "group", "aria-label": "formula" };

  /** On paper nothing can be unfolded: answers are printed open. Folded code and outputs stay folded. Paper is white. */
  function prepareForPaper() {
    const theme = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
    const answers = [...document.querySelectorAll(".bd-article details:not(.hide):not([open])")];
    answers.forEach((part) => { part.open = true; });
    addEventListener("afterprint", () => {
      answers.forEach((part) => { part.open = false; });
      document.documentElement.dataset.theme = theme;
    }, { once: true });
  }

  addEventListener("beforeprint", prepareForPaper);

  addEventListener("load", () => {
    document.fonts.ready.then(reachWideFormulas);
    addEventListener("resize", reachWideFormulas);
  });

  addEventListener("DOMContentLoaded", () => {
    nameSidebar();
    const minutes = Number(document.querySelector("meta[name=minutes]")?.content);
    if (minutes) addMinutes(minutes);
  });
})();
