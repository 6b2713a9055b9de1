"""Formulas typeset while the book is built, so that its pages show them at once and without a script.

MathJax (from the package sphinx-mathjax-offline) runs in V8 (from the package mini-racer), as its manual describes it
for a server: https://docs.mathjax.org/en/v3.2/server/start.html. Beside each formula stands MathML, which the eye does
not see, for screen readers.
"""

import atexit
import json
from functools import cache
from importlib.metadata import files

from py_mini_racer import MiniRacer
from sphinx.util.fileutil import copy_asset_file

PACKAGES = ("ams", "boldsymbol")  # what formulas may use besides plain TeX
LOADED = (
    "core.js",
    "adaptors/liteDOM.js",
    "input/tex-base.js",
    *(f"input/tex/extensions/{name}.js" for name in PACKAGES),
    "output/chtml.js",
    "output/chtml/fonts/tex.js",
    "a11y/assistive-mml.js",
)
NO_HEIGHT = ' style="height: NaNem;"'  # of rows with a number, where there is nothing to measure; no browser heeds it
FONTS = "output/chtml/fonts/woff-v2"

# Every file that MathJax asks for must be in SOURCES. Character styles of all formulas are in one sheet.
SET_UP = """
var global = globalThis;
var MathJax = {
  loader: {
    paths: {mathjax: ''},
    load: ['adaptors/liteDOM', 'input/tex-base', ...PACKAGES.map(name => `[tex]/${name}`), 'output/chtml',
      'a11y/assistive-mml'],
    require(path) {
      const name = path.replace(/^[/]/, '');
      if (!(name in SOURCES)) throw new Error(`MathJax asks for ${name}`);
      (0, eval)(SOURCES[name]);
    },
  },
  startup: {typeset: false},
  tex: {packages: {'[+]': PACKAGES}, formatError: (jax, error) => { throw error; }},
  chtml: {adaptiveCSS: false, fontURL: FONTS},
};
0"""
TYPESET = """(latex, display) => {
  MathJax.texReset();
  try {
    return {html: MathJax.startup.adaptor.outerHTML(MathJax.tex2chtml(latex, {display}))};
  } catch (error) {
    return {error: error.message};
  }
}"""


def mathjax_files():
    """Yield name and path of each file of MathJax."""
    for file in files("sphinx-mathjax-offline"):
        _, found, name = str(file).partition("static/mathjax/")
        if found:
            yield name, file.locate()


def copy_mathjax(folder, *names):
    """Copy the files of MathJax whose names begin so."""
    for name, path in mathjax_files():
        if name.startswith(names):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            copy_asset_file(str(path), str(target))


@cache
def mathjax():
    """Return V8 with MathJax in it, ready to typeset."""
    sources = {name: path.read_text(encoding="utf-8") for name, path in mathjax_files() if name in LOADED}
    startup = next(path for name, path in mathjax_files() if name == "startup.js").read_text(encoding="utf-8")
    engine = MiniRacer()
    atexit.register(engine.close)  # later its thread no longer runs, and Python would wait for it for ever
    for name, value in {"SOURCES": sources, "PACKAGES": PACKAGES, "FONTS": FONTS}.items():
        engine.eval(f"const {name} = {json.dumps(value)}; 0")
    engine.eval(SET_UP)
    engine.eval(startup + "\n;0")
    engine.eval("MathJax.startup.promise.then(() => 0)").get(timeout=60)
    return engine


def typeset(latex, *, display):
    """Return a formula as HTML, which needs `style_sheet`. ValueError if MathJax does not understand it."""
    answer = json.loads(mathjax().eval(f"JSON.stringify(({TYPESET})({json.dumps(latex)}, {json.dumps(display)}))"))
    if "error" in answer:
        raise ValueError(f"{answer['error']}: {latex}")
    return answer["html"].replace(NO_HEIGHT, "")


def style_sheet():
    """Return the CSS for all formulas; it finds the fonts in the folder FONTS beside it."""
    return mathjax().eval("MathJax.startup.adaptor.textContent(MathJax.chtmlStylesheet())")
