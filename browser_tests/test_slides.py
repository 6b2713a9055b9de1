"""Slides opened from disk with every host blocked: the most formulas, the longest print, the longest table."""

import subprocess
import sys

import pytest
from pages import HTML, open_page, violations

ROOT = HTML.parents[2]
NAMES = ("04_jacobian", "10_collapse", "14_reproductions")
VIEW = {"viewport": {"width": 1280, "height": 720}}

# What reaches into the margins of a slide, or is wider than its box, with all answers open.
CUT_OFF = """() => Reveal.getSlides().flatMap(slide => {
  const { h, v } = Reveal.getIndices(slide);
  Reveal.slide(h, v);
  for (const details of slide.querySelectorAll('details')) details.open = true;
  const wrong = [...slide.querySelectorAll('*')].filter(element => {
    const { left, right, top, bottom, width, height } = element.getBoundingClientRect();
    const outside = left < 60 || right > 1220 || top < 30 || bottom > 680;
    const hides = element.matches('.page > *, pre') && element.scrollWidth > element.clientWidth + 1;
    return width && height && (outside || hides) && !element.closest('mjx-assistive-mml');
  });
  for (const details of slide.querySelectorAll('details')) details.open = false;
  return wrong.slice(0, 1).map(element => [h, v, element.outerHTML.slice(0, 100)]);
})"""
LONELY_HEADINGS = """() => [...document.querySelectorAll('.page:not(.title) > :is(h2, h3):last-child')]
  .map(heading => heading.textContent)"""
LONELY_FORMULAS = """() => [...document.querySelectorAll('.page > .again + .formula')].map(box => box.textContent)"""
UNTYPESET = """() => [...document.querySelectorAll('.page :is(p, li, td, th)')]
  .flatMap(element => [...element.childNodes]).filter(node => node.nodeType === Node.TEXT_NODE)
  .map(node => node.data).filter(text => text.includes('$'))"""
RULES = {"page-has-heading-one": {"enabled": False}}  # one slide is not a page
SHOWN = {"include": [[".page.present"]], "exclude": [["mjx-container"]]}
GO_TO = "i => { const { h, v } = Reveal.getIndices(Reveal.getSlides()[i]); Reveal.slide(h, v); }"
PROMPTED = """() => [...document.querySelectorAll('.page > :is(p, ul, ol):not(:last-child)')]
  .map(block => block.textContent).filter(text => /\\bPredict\\b/.test(text))"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    subprocess.run([sys.executable, ROOT / "tools" / "make_slides.py", *NAMES, "--to", folder], check=True)
    return folder


@pytest.fixture(params=NAMES, scope="module")
def slides(request, browser, folder):
    problems = []
    page = open_page(browser.new_context(**VIEW), folder / f"{request.param}.slides.html", problems)
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    yield page
    page.context.close()
    assert problems == []


def test_nothing_is_cut_off(slides):
    assert slides.evaluate("Reveal.getTotalSlides()") > 30
    assert slides.evaluate(CUT_OFF) == []
    assert slides.evaluate(LONELY_HEADINGS) == []
    assert slides.evaluate(LONELY_FORMULAS) == []  # a formula comes with the sentence that it ends


def test_formulas_and_figures(slides):
    assert slides.locator("mjx-container").count() > 1
    assert slides.locator("mjx-merror").count() == 0
    assert slides.evaluate(UNTYPESET) == []
    assert slides.evaluate("[...document.images].filter(image => !image.alt || !image.naturalWidth).length") == 0


def test_nothing_follows_a_request_to_predict(slides):
    assert slides.evaluate(PROMPTED) == []


def test_a_key_opens_an_answer_or_turns_the_page(slides):
    slides.evaluate("""() => {
      const { h, v } = Reveal.getIndices(document.querySelector('details').closest('section'));
      Reveal.slide(h, v);
    }""")
    details = slides.locator(".page.present details").first
    before = slides.evaluate("Reveal.getIndices()")
    details.locator("summary").focus()
    slides.keyboard.press("Space")
    assert details.get_attribute("open") is not None
    assert slides.evaluate("Reveal.getIndices()") == before
    slides.evaluate("document.activeElement.blur()")
    slides.keyboard.press("Space")
    assert slides.evaluate("Reveal.getIndices()") != before


def test_axe_has_nothing_to_say(slides):
    for index in (1, 6):
        slides.evaluate(GO_TO, index)
        assert violations(slides, SHOWN, rules=RULES) == []
