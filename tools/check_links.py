"""Ask every link of the book, and of the pages about the repository, whether it still leads somewhere; needs a network.

    python tools/check_links.py

Sphinx's own linkcheck does it: it comes with what builds the book, so nothing more has to be trusted or kept up to
date, it sees the links as the book has them, also those in notebooks, it looks for anchors, and it waits where a site
asks it to. What it finds stands in build/links. Links within the book are tested in browser_tests/.

A link is broken if the site says so or does not exist. Sites that refuse programs, or do not answer in time, are listed
and do no harm: nothing is known of those links.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "LICENSE-TEXT.md")
SETTINGS = {
    "linkcheck_ignore": [
        r".*/-your-account-/",
        r".*/security/advisories/new$",  # only for those who are signed in
        r".*\.example\.(org|com|edu)\b",
        r"https?://(localhost|127\.0\.0\.1)[:/]",
    ],
    "linkcheck_timeout": 30,
    "linkcheck_retries": 3,
    "linkcheck_report_timeouts_as_broken": False,
    "linkcheck_allow_unauthorized": True,
}
REFUSED = ("403 ", "418 ", "429 ", "999 ")


def check_book(out):
    """Let Sphinx check the links of the book; return its answers."""
    from jupyter_book.sphinx import build_sphinx  # loads what only this needs

    Path(out, "output.json").unlink(missing_ok=True)  # of an earlier check
    book = ROOT / "book"
    settings = SETTINGS | {"external_toc_path": str(book / "_toc.yml"), "latex_individualpages": False}
    options = {"path_config": book / "_config.yml", "noconfig": True, "confoverrides": settings, "builder": "linkcheck"}
    failed = build_sphinx(book, out, **options, quiet=True, really_quiet=True)
    if isinstance(failed, Exception):
        raise failed
    return answers(out)


def check_pages(folder, names, out, settings=SETTINGS):
    """Let Sphinx check the links of Markdown files that belong to no book; return its answers."""
    Path(out, "output.json").unlink(missing_ok=True)
    options = {"extensions": "myst_parser", "root_doc": Path(names[0]).stem, "include_patterns": ",".join(names)}
    options |= {name: ",".join(value) if isinstance(value, list) else int(value) for name, value in settings.items()}
    pairs = [part for name, value in options.items() for part in ("-D", f"{name}={value}")]
    command = [sys.executable, "-m", "sphinx", "-b", "linkcheck", "-C", "-Q", *pairs, str(folder), str(out)]
    subprocess.run(command, check=False)  # it fails if one link is broken
    return answers(out)


def answers(out):
    """Return what Sphinx wrote about each link."""
    report = Path(out, "output.json")
    if not report.exists():
        raise RuntimeError(f"Sphinx has checked nothing: there is no {report}")
    return [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]


def sort_out(found):
    """Return the links that are broken, those that lead elsewhere for good, and those of which nothing is known."""
    broken, moved, unknown = [], [], []
    for answer in found:
        if answer["status"] == "broken":
            (unknown if answer["info"].startswith(REFUSED) else broken).append(answer)
        elif answer["status"] == "timeout":
            unknown.append(answer)
        elif answer["status"] == "redirected" and answer["code"] in (301, 308):
            moved.append(answer)
    return broken, moved, unknown


def main():
    out = ROOT / "build" / "links"
    found = check_book(out / "book") + check_pages(ROOT, PAGES, out / "pages")
    asked = {answer["uri"] for answer in found if answer["uri"].startswith("http")}
    broken, moved, unknown = sort_out(found)
    for title, links in (("broken", broken), ("moved for good", moved), ("nothing known", unknown)):
        for link in links:
            print(f"{title}: {link['filename']}:{link['lineno']}: {link['uri']}  {link['info']}")
    print(f"{len(asked)} links, {len(broken)} broken, {len(moved)} moved, {len(unknown)} of which nothing is known")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
