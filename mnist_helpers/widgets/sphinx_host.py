"""Sphinx extension: puts the interactives of stored notebooks into built pages, without a kernel.

    extensions = ["mnist_helpers.widgets.sphinx_host", ...]

A page gets the state of each interactive as JSON, its still picture, and ordinary scripts from the book itself: a small
host and the module of each interactive that the page shows. Other builders (EPUB, LaTeX) get the still picture.

Why not ipywidgets' own manager: it needs node to be built or another host to be loaded from, and it weighs about 1 MB
and needs require.js. The modules only use anywidget's documented interface, ``render({ model, el })``, for which a
model of a few lines is enough.
"""

import json

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from mnist_helpers.widgets._base import MIME_TYPE, module_source, module_style, read_static

__all__ = ["WidgetRenderer", "setup"]

BUILDERS = ("html", "dirhtml")
EXPORT = "export default { render };"


class WidgetRenderer:
    """What MyST-NB calls for outputs of our own kind (its entry point ``myst_nb.mime_renderers``)."""

    mime_priority_overrides = tuple((builder, MIME_TYPE, 1) for builder in BUILDERS)

    @staticmethod
    def handle_mime(renderer, data, inline):
        """Return the state of one interactive as a raw node, or None for outputs of another kind."""
        if data.mime_type != MIME_TYPE:
            return None
        state = json.dumps(data.content["state"], separators=(",", ":")).replace("</", "<\\/")
        html = f'<script type="application/json">{state}</script>'
        return [nodes.raw("", html, format="html", widget=data.content["module"])]


class JoinStills(SphinxPostTransform):
    """Put the still picture of each interactive into its box, before MyST-NB keeps only one kind of output."""

    default_priority = 3

    def run(self, **kwargs):
        """Replace, in bundles that hold both, our container's content by box, still, state and end of box."""
        if self.app.builder.name not in BUILDERS:
            return
        for bundle in list(self.document.findall(_is_bundle)):
            parts = {part["mime_type"]: part for part in bundle.children}
            if MIME_TYPE in parts:
                join(parts[MIME_TYPE], parts["image/png"])


def _is_bundle(node):
    return isinstance(node, nodes.container) and node.get("nb_element") == "mime_bundle"


def join(own, still):
    """Move the still picture into our container, between the two ends of a box."""
    (state,) = own.children
    box = f'<div class="mnist-widget" data-module="{state["widget"]}"><div class="mw-still">'
    own.children = []
    own += [_raw(box), *still.children, _raw("</div>"), state, _raw("</div>")]


def _raw(html):
    return nodes.raw("", html, format="html")


def page_script(module):
    """Return an interactive's JavaScript as an ordinary script: browsers load no modules from ``file://``."""
    source = module_source(module)
    if source.count(EXPORT) != 1:
        raise ValueError(f"{module}.js must end with one {EXPORT!r}")
    return "(() => {\n" + source.replace(EXPORT, f'mnistWidgets.register("{module}", {{ render }});') + "})();\n"


def add_scripts(app, pagename, templatename, context, doctree):
    """Add the host and the modules that this page needs, and nothing to other pages."""
    modules = sorted({node["widget"] for node in doctree.findall(nodes.raw) if "widget" in node}) if doctree else []
    if modules and app.builder.name in BUILDERS:
        for name in modules:
            app.add_css_file(f"widgets/{name}.css")
        for name in ("host", *modules):
            app.add_js_file(f"widgets/{name}.js", loading_method="defer")


def write_scripts(app, exception):
    """Write all modules, the host and the style sheet into the built book."""
    if exception is not None or app.builder.name not in BUILDERS:
        return
    folder = app.outdir / "_static" / "widgets"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "host.js").write_text(read_static("host.js"), encoding="utf-8")
    for module in all_modules():
        (folder / f"{module}.css").write_text(module_style(module), encoding="utf-8")
        (folder / f"{module}.js").write_text(page_script(module), encoding="utf-8")


def all_modules():
    """Return the names of all interactives' modules."""
    from mnist_helpers import widgets

    return sorted(
        {getattr(widgets, name).module for name in widgets.__all__ if hasattr(getattr(widgets, name), "module")}
    )


def setup(app):
    """Register with Sphinx."""
    app.add_post_transform(JoinStills)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", write_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
