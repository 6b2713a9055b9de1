"""The pad of chapter 13: real mouse, keyboard, images from Python, and how well it reads what is drawn."""

import warnings

import numpy as np
import pytest
from interactive import MILLISECONDS_TO_ANSWER, TOLERANCE, difference, least, play, slow_move
from pages import violations

from mnist_helpers.data import StandInWarning, load_mnist
from mnist_helpers.models import init_params
from mnist_helpers.widgets import DrawDigit
from mnist_helpers.widgets.draw_digit import packed, quantized
from mnist_helpers.widgets.sphinx_host import page_script

MODEL = "document.querySelector('.mnist-widget').model"
PAD = ".mw-draw-pad"


def arc(x, y, rx, ry, start, end, count=14):
    """Points on a piece of an ellipse, angles in degrees clockwise from the right."""
    angles = np.radians(np.linspace(start, end, count))
    return [(x + rx * np.cos(a), y + ry * np.sin(a)) for a in angles]


# How the writer of this test draws, on a pad of 100 by 100; independent of the examples in the module.
DIGITS = [
    [arc(50, 50, 20, 32, -90, 275, 28)],
    [[(40, 30), (52, 18), (52, 84)]],
    [[*arc(50, 35, 18, 17, -170, 40), (32, 82), (70, 82)]],
    [[*arc(47, 33, 19, 16, -150, 85), *arc(47, 66, 21, 17, -85, 150)]],
    [[(42, 18), (30, 56), (72, 56)], [(60, 38), (58, 86)]],
    [[(68, 18), (40, 18), (37, 46), *arc(47, 62, 21, 20, -100, 140)]],
    [[(60, 16), (44, 36), (36, 58), *arc(50, 66, 16, 18, -180, 180, 24)]],
    [[(30, 20), (70, 20), (46, 84)]],
    [[*arc(50, 34, 15, 16, 90, 450, 22), *arc(50, 67, 19, 17, -90, 270, 24)]],
    [[*arc(50, 36, 16, 17, 0, 360, 24), (66, 40), (62, 84)]],
]


@pytest.fixture
def page(show):
    page = show(DrawDigit())
    page.locator(PAD).scroll_into_view_if_needed()
    return page


def places_of(page, strokes, change=((1, 0), (0, 1)), shift=(0, 0)):
    """Return where on the page the points of strokes lie, turned or stretched around the middle and then shifted."""
    box = page.locator(PAD).first.bounding_box()
    lines = [(np.array(stroke) - 50) @ np.transpose(change) + 50 + shift for stroke in strokes]
    return [points * box["width"] / 100 + (box["x"], box["y"]) for points in lines]


def draw(page, strokes, **moved):
    """Draw with the mouse."""
    for places in places_of(page, strokes, **moved):
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
        page.mouse.up()


def state_of(page):
    return page.evaluate(f"(() => {{ const {{ shown, ...state }} = {MODEL}.state; return state; }})()")


# What is drawn and written: widths of the bars in per cent and texts by column, greys of the three pictures, captions.
DRAWN = """() => {
  const rows = [...document.querySelectorAll('.mw-draw-table tbody tr')];
  const of = (row, find) => [...row.querySelectorAll('td:not([hidden])')].map(find);
  const width = td => {
    const size = part => td.querySelector('.mw-draw-' + part).getBoundingClientRect().width;
    const [, cut] = getComputedStyle(td.querySelector('.mw-draw-fill')).clipPath.match(/inset\\(0(?:px)? ([\\d.]+)/);
    return size('fill') / size('track') * (100 - cut);
  };
  const greys = svg => {
    const values = Array(784).fill(0);
    svg.querySelectorAll('g path').forEach((path, shade) => {
      const squares = (path.getAttribute('d') ?? '').matchAll(/M(\\d+) (\\d+)h1v1h-1z/g);
      for (const [, x, y] of squares) values[28 * y + +x] = shade + 1;
    });
    return values;
  };
  const texts = selector => [...document.querySelectorAll(selector)].map(node => node.textContent);
  return {
    widths: rows.map(row => of(row, width)), values: rows.map(row => of(row, td => td.innerText.trim())),
    answers: texts('.mw-draw-table thead th:not([hidden]) .mw-draw-answer'),
    bold: rows.map(row => of(row, td => td.classList.contains('mw-top'))),
    pictures: [...document.querySelectorAll('.mw-draw-picture svg')].map(greys),
    captions: texts('.mw-draw-caption'), sum: texts('.mw-draw-sum')[0], strokes:
      document.querySelector('.mw-draw-strokes').getAttribute('d'),
  };
}"""


def percent(share):
    return "<1 %" if share < 0.01 else ">99 %" if share > 0.99 else f"{int(100 * share + 0.5)} %"


def signed(x):
    return f"{x:+.1f}".replace("-", "\N{MINUS SIGN}") if abs(x) >= 0.05 else "0.0"


def check_drawn(page, expected, about):
    """Require that bars, texts and pictures on the page are those of numpy's results."""
    drawn = page.evaluate(DRAWN)
    probs, evidence = expected["probs"], expected["evidence"].ravel()
    assert np.allclose(np.array(drawn["widths"])[:, :2], 100 * probs.T, atol=0.02)
    assert [row[:2] for row in drawn["values"]] == [[percent(p) for p in row] for row in probs.T]
    assert drawn["answers"][:2] == [str(k) for k in probs.argmax(axis=1)]
    assert np.array_equal(np.array(drawn["bold"])[:, :2], probs.T.max(axis=0) == probs.T)
    about = probs[0].argmax() if about < 0 else about
    top = 0.6 * np.abs(evidence).max() or 1
    shades = [np.clip(16 * part, 0, 16) for part in (expected["image"].ravel(), evidence / top, -evidence / top)]
    assert np.abs(np.array(drawn["pictures"]) - shades).max() <= 0.5001
    for_, against, bias, everything = expected["sums"]
    said = ["what the models see", f"for {about}: {signed(for_)}", f"against {about}: {signed(against)}"]
    assert drawn["captions"] == said
    side = f"{abs(everything):.1f} {'below' if everything < 0 else 'above'} the mean of all ten."
    start = f"With the bias ({signed(bias)}) the total is {signed(everything)}"
    assert drawn["sum"].startswith(start if expected["image"].any() else "There is no ink, so all of it is bias")
    assert drawn["sum"].endswith(f": the logit of {about} lies {side}")


def check_shown(page):
    """Require that the page shows and draws what numpy computes from the page's state, and return it."""
    state = state_of(page)
    expected = DrawDigit(**state).results()
    shown = page.evaluate(f"{MODEL}.get('shown')")
    assert max(difference(shown[name], value) for name, value in expected.items()) <= TOLERANCE
    check_drawn(page, expected, state["evidence_for"])
    return expected


def answers(page):
    return check_shown(page)["probs"].argmax(axis=1)


def test_pixels_of_mnist(page):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StandInWarning)
        images = load_mnist(download=False).x_test[:100] / 255
    pad = DrawDigit()
    states = [{"strokes": [], "pixels": image.ravel().tolist()} for image in images]
    for image, shown in zip(images, play(page, states), strict=True):
        pad.image = image
        expected = pad.results()
        assert max(difference(shown[name], value) for name, value in expected.items()) <= TOLERANCE
        assert np.array_equal(expected["image"], image)


def test_reads_what_the_mouse_draws(page):
    right = []
    for digit, strokes in enumerate(DIGITS):
        draw(page, strokes)
        right.append(answers(page)[1] == digit)
        page.get_by_role("button", name="Clear").click()
    assert sum(right) >= 8, right


DRAW = """strokes => {
  const pad = document.querySelector('.mw-draw-pad');
  const send = (kind, [clientX, clientY]) =>
    pad.dispatchEvent(new PointerEvent(kind, { pointerId: 1, button: 0, bubbles: true, clientX, clientY }));
  for (const stroke of strokes) {
    send('pointerdown', stroke[0]);
    for (const place of stroke.slice(1)) send('pointermove', place);
    send('pointerup', stroke.at(-1));
  }
}"""


def test_reads_other_hands(page):
    """The same digits turned, slanted, in other sizes and places; the mouse's events come from a script."""
    rng = np.random.default_rng(13)
    right = np.zeros((10, 2))
    num_hands = 5
    for _ in range(num_hands):
        for digit, strokes in enumerate(DIGITS):
            angle, slant = rng.normal(scale=0.1), rng.normal(scale=0.15)
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            change = turn @ [[rng.uniform(0.5, 1.1), slant], [0, rng.uniform(0.6, 1.1)]]
            places = places_of(page, strokes, change=change, shift=rng.uniform(-8, 8, 2))
            page.evaluate(DRAW, [line.tolist() for line in places])
            assert len(state_of(page)["strokes"]) == len(strokes)
            probs = np.array(page.evaluate(f"{MODEL}.get('shown').probs"))
            right[digit] += probs.argmax(axis=1) == digit
            page.get_by_role("button", name="Clear").click()
    rates = right / num_hands
    print(
        f"read by softmax regression {rates[:, 0].mean():.0%}, by the hidden layer {rates[:, 1].mean():.0%}",
        rates[:, 1],
    )
    assert rates[:, 1].mean() >= 0.9


def test_a_finger_draws_and_does_not_scroll(show):
    page = show(DrawDigit(), has_touch=True)
    page.set_viewport_size({"width": 390, "height": 500})
    box = page.locator(PAD).first.bounding_box()
    session = page.context.new_cdp_session(page)

    def touch(kind, points):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x = box["x"] + box["width"] / 2
    touch("touchStart", [{"x": x, "y": box["y"] + 30}])
    for y in range(40, 300, 10):
        touch("touchMove", [{"x": x, "y": box["y"] + y}])
    touch("touchEnd", [])
    (stroke,) = state_of(page)["strokes"]
    assert len(stroke) > 10
    assert list(answers(page)) == [1, 1]
    assert page.evaluate("scrollY") == 0


def keys(page, text):
    for key in text.split():
        name, _, times = key.partition("*")
        for _ in range(int(times or 1)):
            page.keyboard.press(name)


def test_keyboard_alone_draws_digits(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "application"
    keys(page, "ArrowLeft*2 Space ArrowDown*18 Space")
    assert list(answers(page)) == [1, 1]
    keys(page, "Delete")
    assert state_of(page)["strokes"] == []
    keys(page, "ArrowUp*18 ArrowLeft*4 Space ArrowRight*12 End*6 ArrowDown*3 End*2 ArrowDown*6 Enter")
    assert list(answers(page)) == [7, 7]
    assert len(state_of(page)["strokes"]) == 1
    page.wait_for_function("document.querySelector('[role=status]').textContent.startsWith('Pen up, column 12')")


def test_undo_and_clear(page):
    example = state_of(page)["strokes"]
    undo = page.get_by_role("button", name="Undo")
    assert undo.is_disabled()
    draw(page, DIGITS[4])
    assert len(state_of(page)["strokes"]) == 2, "the example must make room for one's own strokes"
    undo.click()
    assert len(state_of(page)["strokes"]) == 1
    page.get_by_role("button", name="Clear").click()
    assert not check_shown(page)["image"].any()
    undo.click()
    assert len(state_of(page)["strokes"]) == 1
    undo.click()
    assert state_of(page)["strokes"] == example
    assert undo.is_disabled()
    for digit in range(10):
        page.get_by_label("example").select_option(str(digit))
        assert list(answers(page)) == [digit, digit]
    undo.click()
    assert list(answers(page)) == [8, 8]


def test_nothing_is_lost_when_python_sets_an_image_meanwhile(page):
    box = page.locator(PAD).first.bounding_box()
    middle = box["x"] + box["width"] / 2
    page.mouse.move(middle, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(middle, box["y"] + 120, steps=5)
    before = state_of(page)["strokes"][0]
    corner = np.zeros((28, 28))
    corner[:3, :3] = 0.5
    page.evaluate(
        f"pixels => {{ {MODEL}.set('strokes', []); {MODEL}.set('pixels', pixels); }}", corner.ravel().tolist()
    )
    assert np.array_equal(check_shown(page)["image"], corner)
    page.mouse.move(middle, box["y"] + 200, steps=5)
    page.mouse.up()
    (stroke,) = state_of(page)["strokes"]
    assert stroke[: len(before)] == before
    assert len(stroke) > len(before)
    image = check_shown(page)["image"]
    assert np.array_equal(image[:3, :3], corner[:3, :3])
    assert image[:, 12:16].max() == 1
    undo = page.get_by_role("button", name="Undo")
    while undo.is_enabled():
        undo.click()
    assert state_of(page)["pixels"] == []
    assert state_of(page)["strokes"] == DrawDigit().strokes


def test_undo_brings_back_an_image_from_python(page):
    grey = np.full(784, 0.25).tolist()
    page.evaluate(f"pixels => {{ {MODEL}.set('pixels', pixels); }}", grey)
    page.get_by_label("example").select_option("5")
    assert list(answers(page)) == [5, 5]
    undo = page.get_by_role("button", name="Undo")
    undo.click()
    assert state_of(page)["pixels"] == grey
    undo.click()
    assert state_of(page)["pixels"] == []
    assert undo.is_disabled()


def test_every_control_does_what_it_says(page):
    for digit in range(10):
        page.get_by_label("example").select_option(str(digit))
        assert state_of(page)["strokes"] == DrawDigit().examples[digit]
        assert list(answers(page)) == [digit, digit]
    for about in (*range(10), -1):
        page.get_by_label("evidence of softmax regression for").select_option(str(about))
        assert state_of(page)["evidence_for"] == about
        check_shown(page)
    pen = page.get_by_label("pen radius")
    thin = check_shown(page)["image"].sum()
    pen.focus()
    page.keyboard.press("End")
    assert state_of(page)["pen"] == 2.4
    assert pen.get_attribute("aria-valuetext") == "2.4 of 28"
    assert check_shown(page)["image"].sum() > thin
    assert float(page.locator(".mw-draw-strokes").get_attribute("stroke-width")) == 4.8
    page.keyboard.press("ArrowLeft")
    assert state_of(page)["pen"] == pytest.approx(2.3)
    box = pen.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert state_of(page)["pen"] == pytest.approx(1.5, abs=0.2)
    centred = page.get_by_label("fit and centre as MNIST does")
    for on in (False, True):
        centred.focus()
        page.keyboard.press("Space")
        assert state_of(page)["centred"] == on == centred.is_checked()
        check_shown(page)
    page.get_by_role("button", name="Clear").click()
    assert state_of(page)["strokes"] == []
    assert not check_shown(page)["image"].any()
    assert page.evaluate(DRAWN)["strokes"] == ""


def test_the_digit_that_is_there_makes_room_but_a_chosen_example_stays(page):
    draw(page, DIGITS[1])
    assert len(state_of(page)["strokes"]) == 1
    page.get_by_label("example").select_option("7")
    draw(page, [[(30, 50), (60, 50)]])
    strokes = state_of(page)["strokes"]
    assert strokes[:1] == DrawDigit().examples[7]
    assert len(strokes) == 2
    page.get_by_role("button", name="Undo").click()
    assert state_of(page)["strokes"] == DrawDigit().examples[7]


def test_two_views_of_one_pad_have_one_history(show):
    page = show(DrawDigit())
    # A second view of the same model, as in JupyterLab.
    page.evaluate("() => { window.mnistWidgets.register = (_, module) => { window.twin = module; }; }")
    page.add_script_tag(content=page_script("draw_digit"))
    page.evaluate(f"""() => {{
      const el = document.createElement('div');
      document.querySelector('main').prepend(el);
      window.twin.render({{ model: {MODEL}, el }});
    }}""")
    example = state_of(page)["strokes"]
    draw(page, DIGITS[4])  # on the first pad
    page.locator(PAD).nth(1).scroll_into_view_if_needed()
    box = page.locator(PAD).nth(1).bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 150, box["y"] + 40, steps=8)
    page.mouse.up()
    assert len(state_of(page)["strokes"]) == 3
    undo = page.get_by_role("button", name="Undo")
    for view, left in ((0, 2), (1, 1), (0, example)):
        undo.nth(view).click()
        strokes = state_of(page)["strokes"]
        assert strokes == left if isinstance(left, list) else len(strokes) == left
    assert undo.nth(0).is_disabled()
    assert undo.nth(1).is_disabled()


def test_centring_makes_the_place_indifferent(page):
    corner = {"change": 0.35 * np.eye(2), "shift": (-25, -25)}
    draw(page, DIGITS[7], **corner)
    assert list(answers(page)) == [7, 7]
    small = check_shown(page)["probs"]
    page.get_by_label("fit and centre as MNIST does").uncheck()
    off = check_shown(page)
    assert off["image"][16:].sum() == 0, "it is drawn in the upper left"
    assert np.abs(off["probs"] - small).max() > 0.3


MOVES = """count => {
  const pad = document.querySelector('.mw-draw-pad'), box = pad.getBoundingClientRect();
  const send = (kind, i) => pad.dispatchEvent(new PointerEvent(kind, { pointerId: 1, button: 0, bubbles: true,
    clientX: box.left + box.width * (0.5 + 0.3 * Math.cos(i / 9)),
    clientY: box.top + box.height * (0.5 + 0.4 * Math.sin(i / 7)) }));
  send('pointerdown', 0);
  const milliseconds = [];
  for (let i = 1; i <= count; i++) {
    const start = performance.now();
    send('pointermove', i);
    document.body.getBoundingClientRect();
    milliseconds.push(performance.now() - start);
  }
  send('pointerup', count);
  return milliseconds;
}"""


@pytest.mark.timing
@pytest.mark.parametrize("count", [300, 3000])
def test_every_move_is_answered_in_time(page, count):
    def measure():
        page.get_by_role("button", name="Clear").click()
        milliseconds = page.evaluate(MOVES, count)
        assert len(state_of(page)["strokes"][0]) == count + 1
        return slow_move(milliseconds)

    assert least(measure, MILLISECONDS_TO_ANSWER) <= MILLISECONDS_TO_ANSWER


def test_an_answer_stays_with_its_picture(show):
    """Without a kernel one's own function cannot read what is drawn."""
    page = show(DrawDigit(predict=lambda x: np.eye(10)[4] * 0.91 + 0.009))
    value = page.get_by_text("92 %", exact=True)
    waits = page.get_by_text("needs a running kernel", exact=True)
    assert value.is_visible()
    assert not waits.is_visible()
    draw(page, DIGITS[1])
    waits.wait_for(state="visible")
    value.wait_for(state="hidden")
    status = page.locator("[role=status]")
    status.get_by_text("has not seen this picture").wait_for()
    assert "your function: 4" not in status.inner_text()
    assert "yours" not in DrawDigit(**state_of(page)).probs
    page.get_by_role("button", name="Undo").click()
    value.wait_for(state="visible")
    assert not waits.is_visible()
    assert DrawDigit(**state_of(page)).probs["yours"].argmax() == 4
    status.get_by_text("your function: 4 (92 %)").wait_for()


def test_own_function_is_shown_beside_the_models(show):
    probs = np.eye(10)[4] * 0.91 + 0.009
    page = show(DrawDigit(predict=lambda x: probs))
    assert page.get_by_role("columnheader", name="yours").is_visible()
    assert page.get_by_text("92 %", exact=True).is_visible()
    page = show(DrawDigit(predict=lambda x: x @ np.zeros((3, 10))))
    assert page.locator(".mw-draw-complaint").inner_text().startswith("Your function: ValueError: matmul")
    draw(page, DIGITS[1])
    assert answers(page)[1] == 1
    assert not show(DrawDigit()).get_by_role("columnheader", name="yours").is_visible()


def test_models_of_another_size(page):
    rng = np.random.default_rng(0)
    other = DrawDigit(weights=small_weights(rng, num_hidden=5))
    page.evaluate(f"weights => {MODEL}.set('weights', weights)", other.weights)
    assert np.allclose(check_shown(page)["probs"], other.results()["probs"])


def small_weights(rng, num_hidden):
    models = {"softmax": None, "hidden": num_hidden}
    return packed(
        {
            f"{name}.{part}": values
            for name, units in models.items()
            for part, values in quantized(init_params(784, 10, num_hidden=units, scale=0.1, rng=rng)).items()
        }
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [800, 390])
def test_accessible(show, scheme, width):
    page = show(DrawDigit(predict=lambda x: np.full(10, 0.1)), color_scheme=scheme)
    dark = "document.documentElement.dataset.theme = 'dark'; document.documentElement.style.colorScheme = 'dark'"
    if scheme == "dark":
        page.evaluate(dark)
    page.set_viewport_size({"width": width, "height": 900})
    draw(page, DIGITS[5])
    assert violations(page, rules={"region": {"enabled": False}, "page-has-heading-one": {"enabled": False}}) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
