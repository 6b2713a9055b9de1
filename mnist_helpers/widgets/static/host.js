// Host of the interactives in a built page: gives each module a model, as anywidget does, but without a kernel.
window.mnistWidgets = (() => {
  const modules = {};

  /** The part of anywidget's model that the modules use. */
  class Model {
    constructor(state) {
      this.state = state;
      this.listeners = {};
    }
    get(name) {
      return this.state[name];
    }
    /** Set one part of the state, or several at once: all have their values before anyone is told. */
    set(name, value) {
      const parts = Object.entries(typeof name === "object" ? name : { [name]: value });
      const changed = parts.filter(([key, part]) => this.state[key] !== part);
      Object.assign(this.state, Object.fromEntries(changed));
      for (const [key] of changed) {
        for (const listener of [...(this.listeners[`change:${key}`] ?? [])]) listener();
      }
    }
    on(event, listener) {
      (this.listeners[event] ??= new Set()).add(listener);
    }
    off(event, listener) {
      this.listeners[event]?.delete(listener);
    }
    save_changes() {} // there is no kernel to tell
  }

  /** Replace the still picture of one box by the interactive. The still stays for paper and if the module fails. */
  function mount(box) {
    if (box.model) return;
    const state = JSON.parse(box.querySelector("script[type='application/json']").textContent);
    const el = document.createElement("div");
    el.className = "mw-live";
    box.append(el);
    box.model = new Model(state);
    try {
      modules[box.dataset.module].render({ model: box.model, el });
      box.classList.add("mw-mounted");
    } catch (error) {
      el.remove();
      throw error;
    }
  }

  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        near.unobserve(target);
        mount(target);
      }
    }
  }, { rootMargin: "300px" });

  // As soon as the page has nothing else to do, so that nothing moves under a reader who scrolls; at once where one looks.
  addEventListener("DOMContentLoaded", () => {
    const idle = window.requestIdleCallback ?? ((callback) => setTimeout(callback, 200));
    for (const box of document.querySelectorAll(".mnist-widget")) {
      near.observe(box);
      idle(() => mount(box));
    }
  });

  return { register: (name, module) => { modules[name] = module; } };
})();
