"""What the course's book adds to Jupyter Book; see "The book" in CONTRIBUTING.md.

- formulas that MathJax has typeset while the book is built, so that pages show them at once and without a script;
- the exercise sheets, as students get them, or with solutions if the variable COURSE_EDITION is "instructor";
- under each title the way to notation, glossary and exercise sheet, and from the sheet back;
- the first use of each glossary term in a chapter is a link to the glossary;
- formulas as MathML in the EPUB.
"""

import os
import re
import sys
from hashlib import sha256
from pathlib import Path

from docutils import nodes
from formulas import FONTS, copy_mathjax, style_sheet, typeset
from latex2mathml.converter import convert
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
PAGE_BUILDERS = ("html", "dirhtml", "singlehtml")
NOTATION, GLOSSARY = "appendix/notation", "appendix/glossary"
MATHJAX = "mathjax"  # where its fonts and its style sheet lie, below _static
SHEETS = "sheets"  # made at each build from book/exercises, which hold the solutions
STUDENT_BRANCH = "student"  # where the released sheets lie, for Colab and Binder
MINUTES = re.compile(r"(\d+) minutes to read")

CLOSING = re.compile(r"[.,;:!?)\]’”…]+")

# An icon in the theme's script: rocket:[512,512,[],"f135","M156.6 384.9L…"], perhaps with two paths.
ICON = re.compile(
    r'(?P<name>"[\w-]+"|[a-zA-Z]\w*):\[\d+,\d+,\[(?P<aliases>[^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\["[^"]*","[^"]*"\])\],?'
)
ICON_NAME = re.compile(r"fa-([a-z0-9-]+)")

# Everyday words too: linked only where a chapter introduces them in bold.
EVERYDAY = {"confidence", "gap", "precision", "recall", "sensitivity", "time"}

# Where a term may not become a link: in headings, links, code and formulas.
NO_LINKS = (
    nodes.title,
    nodes.reference,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
)


def write_sheets(app, config):
    """Write the exercise sheets that the book shows."""
    root = Path(app.srcdir).parent
    if not (root / "book" / "exercises").is_dir():  # another book, made in a test
        return
    sys.path.insert(0, str(root))
    from instructor.release import write_sheets

    write_sheets(Path(app.srcdir, SHEETS), with_solutions=os.environ.get("COURSE_EDITION") == "instructor")


def launch_released_sheets(app, pagename, templatename, context, doctree):
    """Let the launch buttons of a sheet open its student version, which lies on a branch of its own."""
    if pagename.startswith(f"{SHEETS}/"):
        for button in _all_buttons(context.get("header_buttons", [])):
            if f"/book/{SHEETS}/" in button.get("url", ""):
                url = button["url"].replace("/main", f"/{STUDENT_BRANCH}")
                button["url"] = url.replace(f"/book/{SHEETS}/", "/exercises/")


def _all_buttons(buttons):
    for button in buttons:
        yield button
        yield from _all_buttons(button.get("buttons", []))


def typesets(app):
    """Say whether the pages hold formulas that MathJax has typeset."""
    return app.builder.name in PAGE_BUILDERS and app.builder.math_renderer_name == "chtml"


def link_formula_styles(app):
    """Let every page load the style sheet of the formulas."""
    if typesets(app):
        app.add_css_file(f"{MATHJAX}/formulas.css")


def write_formula_styles(app, exception):
    """Give the book the style sheet and the fonts of its formulas."""
    if exception is None and typesets(app):
        folder = Path(app.outdir, "_static", MATHJAX)
        copy_mathjax(folder, FONTS)
        (folder / "formulas.css").write_text(style_sheet(), encoding="utf-8")


def trim_icons(app, exception):
    """Cut the theme's icon script, the heaviest file of a page, down to the icons that pages and scripts name."""
    script = Path(app.outdir, "_static", "scripts", "fontawesome.js")
    if exception is not None or not script.exists():
        return
    pages = [*Path(app.outdir).rglob("*.html"), *Path(app.outdir, "_static").rglob("*.js")]
    used = {name for page in pages if page != script for name in ICON_NAME.findall(page.read_text(encoding="utf-8"))}
    whole = script.read_text(encoding="utf-8")
    script.write_text(ICON.sub(lambda icon: icon[0] if used & names_of(icon) else "", whole), encoding="utf-8")


def names_of(icon):
    """Return the name of an icon and its other names."""
    return {icon["name"].strip('"'), *re.findall(r'"([a-z0-9-]+)"', icon["aliases"])}


def slug(term):
    """Return the anchor of a glossary term."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


def read_terms(app, env, docnames):
    """Read the glossary: its source says which terms there are, so a chapter needs no markup for them."""
    source = Path(env.doc2path(GLOSSARY)).read_text(encoding="utf-8")
    env.course_terms = {}
    for names, definition in re.findall(r"^- \*\*(.+?)\*\*: (.+)$", source, flags=re.MULTILINE):
        for name in names.split(", "):
            env.course_terms[name] = (slug(names), tooltip(definition))


def tooltip(definition):
    """Return a definition as plain text: no links, no formulas."""
    text = re.sub(r" ?\(\[[^)]*\)\)", "", definition)
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    return "" if "$" in text else text


def mark_terms(app, doctree):
    """Give each item of the glossary its anchor."""
    if app.env.docname == GLOSSARY:
        for item in doctree.findall(nodes.list_item):
            item["ids"].append(slug(next(iter(item.findall(nodes.strong))).astext()))


def pattern(terms):
    """Return a pattern that finds any of the terms, the longest first, also in the plural and with a capital."""
    longest_first = sorted(terms, key=len, reverse=True)
    return re.compile(
        rf"(?<![\w-])({'|'.join(map(re.escape, longest_first))})(?:e?s)?(?![\w-])",
        re.IGNORECASE,
    )


def link_terms(app, doctree, docname):
    """Make the first use of each glossary term in a chapter a link to the glossary."""
    if not docname.startswith("chapters/") or not getattr(app.env, "course_terms", None):
        return
    terms = {name.lower(): entry for name, entry in app.env.course_terms.items()}
    glossary = app.builder.get_relative_uri(docname, GLOSSARY)
    seen, finder = set(), pattern(terms)
    for text in list(doctree.findall(nodes.Text)):
        if not _inside(text, NO_LINKS) and _inside(text, (nodes.paragraph,)):
            text.parent.replace(text, list(_linked(text, terms, finder, seen, glossary)))


def _inside(node, kinds):
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False


def _linked(text, terms, finder, seen, glossary):
    """Yield the pieces of a text, with links where a term is used for the first time."""
    start = 0
    for match in finder.finditer(text):
        anchor, definition = terms[match[1].lower()]
        introduced = isinstance(text.parent, nodes.strong) and match[0] == text.astext()
        if anchor not in seen and (introduced or match[1].lower() not in EVERYDAY):
            seen.add(anchor)
            yield nodes.Text(text[start : match.start()])
            target = f"{glossary}#{anchor}"
            yield nodes.reference(
                "",
                match[0],
                internal=True,
                refuri=target,
                reftitle=definition,
                classes=["term"],
            )
            start = match.end()
    yield nodes.Text(text[start:])


def keep_together(app, doctree, docname):
    """Let no line of a page begin with the point or the bracket that follows a formula."""
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        closing = CLOSING.match(after) if isinstance(after, nodes.Text) else None
        if closing:
            parent, place = formula.parent, formula.parent.index(formula)
            together = nodes.inline("", "", formula, nodes.Text(closing[0]), classes=["together"])
            parent[place : place + 2] = [together, nodes.Text(after[closing.end() :])]


def add_ways(app, doctree, docname):
    """Put a line of links under the title of each chapter and each exercise sheet."""
    folder, _, name = docname.partition("/")
    if folder not in ("chapters", SHEETS) or app.builder.name not in (
        "html",
        "singlehtml",
    ):
        return
    other = SHEETS if folder == "chapters" else "chapters"
    partner = next(
        (doc for doc in sorted(app.env.found_docs) if doc.startswith(f"{other}/{name[:2]}_")),
        None,
    )
    ways = [(NOTATION, "Notation"), (GLOSSARY, "Glossary")]
    if partner:
        ways.append(
            (
                partner,
                "Exercises of this chapter" if other == SHEETS else "The chapter of this sheet",
            )
        )
    line = nodes.paragraph("", classes=["ways"])
    for target, text in ways:
        uri = app.builder.get_relative_uri(docname, target)
        line += [nodes.reference("", text, internal=True, refuri=uri), nodes.Text(" ")]
    title = next(iter(doctree.findall(nodes.title)), None)
    if title is not None:
        title.parent.insert(title.parent.index(title) + 1, line)


def add_minutes(app, pagename, templatename, context, doctree):
    """Tell the page's script how many minutes the text says it takes."""
    found = MINUTES.search(doctree.astext()) if doctree and pagename.startswith("chapters/") else None
    if found:
        context["metatags"] = context.get("metatags", "") + f'<meta name="minutes" content="{found[1]}" />'


def visit_inline_math(self, node):
    """Write a formula in a line as MathJax shows it."""
    _write_formula(self, node, "span", display=False)


def visit_display_math(self, node):
    """Write a displayed formula as MathJax shows it."""
    _write_formula(self, node, "div", display=True)


def _write_formula(self, node, tag, *, display):
    try:
        formula = typeset(node.astext(), display=display)
    except ValueError as error:
        place = node if node.line else node.parent  # of a formula in a line only its paragraph knows the line
        LOGGER.warning("this formula cannot be typeset: %s", error, location=place)
        formula = self.encode(node.astext())
    self.body += [self.starttag(node, tag, "", CLASS="math notranslate nohighlight"), formula, f"</{tag}>"]
    raise nodes.SkipNode


def visit_inline_math_of_epub(self, node):
    """Write a formula in a line as MathML."""
    self.body.append(convert(node.astext()))
    raise nodes.SkipNode


def visit_display_math_of_epub(self, node):
    """Write a displayed formula as MathML, its number beside it."""
    latex, number = node.astext(), re.search(r"\\tag\{(.+?)\}", node.astext())
    label = f'<span class="eqno">({number[1]})</span>' if number else ""
    mathml = convert(re.sub(r"\\tag\{.+?\}", "", latex), display="block")
    self.body.append(f'<div class="math">{label}{mathml}</div>')
    raise nodes.SkipNode


def setup(app):
    """Register with Sphinx."""
    app.connect("config-inited", write_sheets, priority=1)
    app.connect("env-before-read-docs", read_terms)
    app.connect("doctree-read", mark_terms)
    app.connect("doctree-resolved", link_terms)
    app.connect("doctree-resolved", keep_together)
    app.connect("doctree-resolved", add_ways)
    app.connect("html-page-context", add_minutes)
    app.connect("html-page-context", launch_released_sheets, priority=900)
    app.connect("builder-inited", link_formula_styles)
    app.connect("build-finished", write_formula_styles)
    app.connect("build-finished", trim_icons)
    code = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    app.add_config_value("course_book_code", sha256(code).hexdigest(), "html")  # when it changes, so may every page
    app.add_html_math_renderer("chtml", (visit_inline_math, None), (visit_display_math, None))
    app.add_html_math_renderer("mathml", (visit_inline_math_of_epub, None), (visit_display_math_of_epub, None))
    return {"parallel_read_safe": True, "parallel_write_safe": False}  # one V8 typesets all formulas
