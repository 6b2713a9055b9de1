"""Sphinx extension: puts the interactives of stored notebooks into built pages, without a kernel.

    extensions = ["mnist_helpers.widgets.sphinx_host", ...]

A page gets the state of each interactive as JSON, its still picture, and ordinary scripts from the book itself: a small
host and the module of each interactive that the page shows. Other builders (EPUB, LaTeX) get the still picture.

Why not ipywidgets' own manager: it needs node to be built or another host to be loaded from, and it weighs about 1 MB
and needs require.js. The modules only use anywidget's documented interface, ``render({ model, el })``, for which a
model of a few lines is enough.
"""

from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

from mnist_helpers.widgets._base import MIME_TYPE, box_html, module_source, module_style, read_static

__all__ = ["WidgetRenderer", "setup"]

BUILDERS = ("html", "dirhtml")
STILL = "<!-- still -->"
EXPORT = "export default { render };"


class WidgetRenderer:
    """What MyST-NB calls for outputs of our own kind (its entry point ``myst_nb.mime_renderers``)."""

    @staticmethod
    def handle_mime(renderer, data, inline):
        """Return a node that keeps module and state of one interactive, or None for outputs of another kind."""
        if data.mime_type != MIME_TYPE:
            return None
        return [nodes.raw("", "", format="html", widget=data.content["module"], state=data.content["state"])]


class AddStills(SphinxPostTransform):
    """Give each interactive its still picture, before MyST-NB keeps only one kind of output."""

    default_priority = 3

    def run(self, **kwargs):
        """Surround, in outputs that hold both, the still by the box that ``host.js`` looks for."""
        if self.app.builder.name not in BUILDERS:
            return
        for bundle in list(self.document.findall(_is_bundle)):
            parts = {part["mime_type"]: part for part in bundle.children}
            if MIME_TYPE in parts:
                surround(parts[MIME_TYPE], parts.get("image/png"))


def _is_bundle(node):
    return isinstance(node, nodes.container) and node.get("nb_element") == "mime_bundle"


def surround(own, still):
    """Put both ends of the box and the still (None where there is none) into our container."""
    (kept,) = own.children
    start, end = box_html(kept["widget"], kept["state"], still=STILL).split(STILL)
    pictures = [] if still is None else still.children
    own.children = []
    own += [nodes.raw("", start, format="html", widget=kept["widget"]), *pictures, nodes.raw("", end, format="html")]


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


def write_scripts(app):
    """Write all modules, the host and the style sheets, before pages are made: their addresses carry a checksum."""
    if app.builder.name not in BUILDERS:
        return
    folder = Path(app.outdir, "_static", "widgets")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "host.js").write_text(read_static("host.js"), encoding="utf-8")
    for module in all_modules():
        (folder / f"{module}.css").write_text(module_style(module), encoding="utf-8")
        (folder / f"{module}.js").write_text(page_script(module), encoding="utf-8")


def prefer_own(app, config):
    """Let our kind of output win over the picture; without this extension the picture is what a page shows."""
    config.nb_mime_priority_overrides = [
        *config.nb_mime_priority_overrides,
        *((builder, MIME_TYPE, 1) for builder in BUILDERS),
    ]


def all_modules():
    """Return the names of all interactives' modules."""
    from mnist_helpers import widgets

    return sorted(
        {getattr(widgets, name).module for name in widgets.__all__ if hasattr(getattr(widgets, name), "module")}
    )


def setup(app):
    """Register with Sphinx."""
    app.connect("config-inited", prefer_own)
    app.add_post_transform(AddStills)
    app.connect("html-page-context", add_scripts)
    app.connect("builder-inited", write_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
