"""The explorers of the built pages: driven by keyboard, compared with `nwp`.

What an explorer computes is read from its `state`, at full precision; what it writes on the
screen is read too, where the ends of the scale matter.

A chapter is a megabyte of formulas. Most tests open a page that is the built one but for its
article, in which the explorer and its neighbors stand alone; some open the built page as it is.
"""

import json
import os
import re

import chromium
import numpy as np
import pytest
from explorer import FOLDER, data_of, rendered
from explorer_model import FILE, exported, trained
from explorer_stills import STILLS
from numpy.testing import assert_allclose
from strings import EXPLORERS
from test_figures import contrast_on_white
from test_pages import HTML, browser, open_page  # noqa: F401

from nwp.convexity import chord_gap, two_weight_loss
from nwp.derivative import gradient_wrt_logits, gradient_wrt_probabilities
from nwp.equivalence import empirical_conditional_entropy
from nwp.grammar import Grammar
from nwp.loss import cross_entropy, cross_entropy_from_logits, one_hot, softmax
from nwp.weights import descend, safe_learning_rate

ASSETS = FOLDER.parent.parent / "assets" / "explorers"
PAGES = {
    "loss": "chapters/01_loss.html",
    "convexity": "chapters/03_convexity.html",
    "descent": "chapters/04_weights.html",
    "forcing": "chapters/07_teacher_forcing.html",
}
FORMS = {"small": "intro.html", "gradients": "chapters/05_derivative.html"}  # of the loss
EVERY_FORM = [*((name, None) for name in PAGES), *(("loss", form) for form in FORMS)]
CLOSE = {"rtol": 0, "atol": 1e-6}
ACTIVE = """e => {
    const a = e.shadowRoot.activeElement;
    return a && (a.getAttribute("aria-label") ?? (a.type === "radio" ? a.value : a.textContent));
}"""
SAID = """e => [...e.shadowRoot.querySelectorAll("[role=group] *")]
    .filter(x => x.tagName !== "STYLE")
    .flatMap(x => [...x.childNodes].filter(n => n.nodeType === 3).map(n => n.data).concat(
        x.getAttribute("aria-label") ?? "", x.getAttribute("aria-valuetext") ?? ""))
    .join(" | ")"""
CONTROLS = "button, select, input, [role=slider]"
# The theme's scripts look for the sections. A drag could select text of the neighbors.
ALONE = """([source, name, address]) => {
    const page = new DOMParser().parseFromString(source, "text/html");
    const explorer = page.querySelector(`${name}-explorer`);
    const kept = [explorer.previousElementSibling, explorer, explorer.nextElementSibling];
    const beside = "article *:not(script, section, h1, h2, h3, h4)";
    for (const e of page.querySelectorAll(beside))
        if (!kept.some((k) => k && (k.contains(e) || e.contains(k)))) e.remove();
    const base = page.createElement("base");
    base.href = address;
    page.head.prepend(base);
    return "<!DOCTYPE html>" + page.documentElement.outerHTML;
}"""


class Driver:
    """An explorer on its page, used as somebody without a mouse would."""

    def __init__(self, page, name):
        self.page, self.name = page, name
        self.element = page.locator(f"{name}-explorer")
        self.say = EXPLORERS["en"][name]

    @property
    def state(self):
        return self.element.evaluate("e => e.state")

    @property
    def text(self):
        return self.element.evaluate(
            "e => [...e.shadowRoot.querySelectorAll('div, p, output')]"
            ".filter(x => x.checkVisibility()).map(x => x.textContent).join(' | ')"
        )

    @property
    def summary(self):
        return self.element.evaluate("e => e.shadowRoot.querySelector('.summary').textContent")

    def go(self, label):
        """Press Tab from the beginning of the explorer until a control has the focus."""
        self.element.evaluate("e => { e.tabIndex = -1; e.focus(); }")
        for _ in range(40):
            self.page.keyboard.press("Tab")
            here = self.element.evaluate(ACTIVE)
            if here == label:
                return self
        raise AssertionError(f"{label!r} is not reached by Tab")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
        return self


@pytest.fixture(scope="module")
def alone(browser, tmp_path_factory):  # noqa: F811
    """Return the address, from the built pages, of a page on which an explorer stands alone."""
    folder = tmp_path_factory.mktemp("alone")

    def address_of(name, built):
        path = folder / f"{name}-{built.replace('/', '-')}"
        if not path.exists():
            source = (HTML / built).read_text(encoding="utf-8")
            page = browser.new_page()
            made = page.evaluate(ALONE, [source, name, (HTML / built).as_uri()])
            page.close()
            path.write_text(made, encoding="utf-8")
        return os.path.relpath(path, HTML)

    return address_of


@pytest.fixture
def drive(browser, alone):  # noqa: F811
    """Open an explorer, alone or on its page; afterwards nothing may have gone wrong."""
    opened = []

    def start(name, form=None, *, whole_page=False):
        built = FORMS[form] if form else PAGES[name]
        page, troubles = open_page(browser, built if whole_page else alone(name, built))
        page.emulate_media(reduced_motion="reduce")
        opened.append((page, troubles))
        return Driver(page, name)

    yield start
    for page, troubles in opened:
        assert troubles == []
        page.context.close()


# ---------------------------------------------------------------- the numbers


def check_loss(state):
    p, w = np.array(state["probabilities"]), state["target"]
    assert_allclose(p.sum(), 1, rtol=0, atol=1e-12)
    assert p.min() >= 0
    assert_allclose(state["loss"], cross_entropy(p, w), **CLOSE)
    assert state["oneHot"] == one_hot(w, 4).tolist()
    with np.errstate(divide="ignore"):
        assert_allclose(state["logitGradient"], gradient_wrt_logits(np.log(p), w), **CLOSE)
    if p[w] > 0:
        assert_allclose(state["gradient"], gradient_wrt_probabilities(p, w), **CLOSE)
    else:
        assert state["gradient"][w] is None


@pytest.mark.parametrize("form", [None, "gradients"])
def test_loss(drive, form):
    explorer = drive("loss", form)
    say = explorer.say
    check_loss(explorer.state)
    stop = say["probability-of"].format(word="“.”")
    explorer.go(stop).press(*["ArrowLeft"] * 3)
    state = explorer.state
    check_loss(state)  # the others keep their proportions 1 : 2 : 1
    assert_allclose(state["probabilities"], [0.0575, 0.115, 0.0575, 0.77], **CLOSE)
    explorer.press("PageDown")
    assert_allclose(explorer.state["probabilities"][3], 0.67, **CLOSE)
    check_loss(explorer.state)

    explorer.press("End")
    check_loss(explorer.state)
    assert explorer.state["loss"] == 0
    assert "0.000 nats" in explorer.text
    assert f"{chr(0x2212)}0.00 " not in explorer.text
    explorer.press("ArrowLeft")  # back from the corner in the proportions of before
    assert_allclose(explorer.state["probabilities"], [0.0025, 0.005, 0.0025, 0.99], **CLOSE)
    explorer.press("Home")
    check_loss(explorer.state)
    assert explorer.state["loss"] == np.inf
    assert explorer.state["logitGradient"][3] == -1
    assert "∞ nats" in explorer.text
    assert "infinite" in explorer.summary
    explorer.press("ArrowRight")
    check_loss(explorer.state)
    assert_allclose(explorer.state["loss"], np.log(100), **CLOSE)
    assert "NaN" not in explorer.text
    assert ("pull" in explorer.summary or "pushes its logit" in explorer.summary) == bool(form)

    for key, loss in [("first", 0.223), ("second", 1.386), ("certain", 0), ("impossible", np.inf)]:
        explorer.go(say[key]).press("Enter")
        check_loss(explorer.state)
        assert round(explorer.state["loss"], 3) == loss
    assert "NaN" not in explorer.text

    explorer.go(say["second"]).press("Enter")
    explorer.go(say["right-word"].format(word="“.”")).press("ArrowUp", "ArrowUp")
    assert explorer.state["target"] == 1
    explorer.go(say["probability-of"].format(word="o")).press(*["ArrowRight"] * 25)
    assert_allclose(explorer.state["probabilities"], [0.5, 1 / 6, 1 / 6, 1 / 6], **CLOSE)
    check_loss(explorer.state)


def test_the_small_loss_of_the_first_page(drive):
    explorer = drive("loss", "small")
    check_loss(explorer.state)
    assert "loss = −log 0.80 = 0.223 nats" in explorer.text
    stop = explorer.say["probability-of"].format(word="“.”")
    explorer.go(stop).press("Home")
    assert explorer.state["loss"] == np.inf
    assert "loss = −log 0.00 = ∞ nats" in explorer.text
    explorer.press(*["PageUp"] * 5)
    check_loss(explorer.state)
    assert_allclose(explorer.state["loss"], np.log(2), **CLOSE)
    explorer.go(explorer.say["right-word"].format(word="“.”")).press("ArrowUp", "ArrowUp")
    assert explorer.state["target"] == 1
    check_loss(explorer.state)


@pytest.mark.parametrize(("language", "folder"), [("en", ""), ("pt-BR", "pt/")])
def test_the_first_explorers_say_only_what_chapter_1_has_said(browser, alone, language, folder):  # noqa: F811
    """No gradient, no logit and no step before the chapters that introduce them."""
    later = re.compile(r"∂|logit|gradient|slope|inclina|descent|descida|learning|aprendizado|ŷ − y")
    strings = EXPLORERS[language]["loss"]
    for page in (PAGES["loss"], FORMS["small"]):
        opened, _ = open_page(browser, alone("loss", folder + page))
        explorer = opened.locator("loss-explorer")
        for move in range(explorer.locator("button, input[type=radio]").count()):
            explorer.locator("button, input[type=radio]").nth(move).evaluate("c => c.click()")
            assert not later.search(explorer.evaluate(SAID))
        opened.context.close()
    opened, _ = open_page(browser, alone("loss", folder + FORMS["gradients"]))
    said = opened.locator("loss-explorer").evaluate(SAID)
    assert later.search(said)
    assert strings["title-gradients"] in said
    opened.context.close()


def test_halving_costs_log_2(drive):
    """What the sentence after the explorer says."""
    explorer = drive("loss")
    explorer.go(explorer.say["probability-of"].format(word="“.”"))
    losses = [explorer.state["loss"]]
    for hundredths in (40, 20):
        explorer.press(*["ArrowLeft"] * hundredths)
        losses.append(explorer.state["loss"])
    assert_allclose(np.diff(losses), np.log(2), **CLOSE)


FUNCTIONS = {
    "probabilities": lambda p: cross_entropy(p, 2),
    "logits": lambda z: cross_entropy_from_logits(z, 2),
    "weights": lambda v: two_weight_loss(*v),
}


def check_chord(state):
    f, s = FUNCTIONS[state["place"]], state["fraction"]
    a, b = np.array(state["a"]), np.array(state["b"])
    assert_allclose([state["lossA"], state["lossB"]], [f(a), f(b)], **CLOSE)
    assert_allclose(state["loss"], f((1 - s) * a + s * b), **CLOSE)
    if np.isfinite([state["lossA"], state["lossB"]]).all():
        assert_allclose(state["gap"], chord_gap(f, a, b, s), **CLOSE)
        assert_allclose(state["chord"], (1 - s) * f(a) + s * f(b), **CLOSE)
    return state


def test_convexity_in_the_probabilities(drive):
    explorer = drive("convexity")
    say = explorer.say
    state = check_chord(explorer.state)
    assert [round(state[k], 3) for k in ("lossA", "lossB", "chord", "loss")] == [
        2.303,
        0.223,
        1.263,
        0.799,
    ]
    explorer.go(say["point"].format(letter="A")).press("ArrowUp", "Shift+ArrowRight")
    state = check_chord(explorer.state)
    assert_allclose(state["a"], [0.89 * 0.68, 0.89 * 0.32, 0.11], **CLOSE)
    for key in ("Home", "ArrowRight", "PageUp", "PageUp"):
        check_chord(explorer.go(say["fraction"]).press(key).state)
    assert_allclose(explorer.state["fraction"], 0.21, **CLOSE)

    explorer.go(say["probabilities-flat"]).press("Enter")
    state = check_chord(explorer.state)
    assert abs(state["gap"]) < 1e-12
    assert "strict convexity forbids it" in explorer.summary

    explorer.go(say["probabilities-edge"]).press("Enter")
    state = check_chord(explorer.state)
    assert (state["lossA"], state["chord"], state["gap"]) == (np.inf, np.inf, np.inf)
    assert np.isfinite(state["loss"])
    explorer.go(say["fraction"]).press("End")  # 0 · ∞ = 0: at B the chord is at B's loss
    state = check_chord(explorer.state)
    assert_allclose(state["chord"], state["lossB"], **CLOSE)
    explorer.press("Home")
    assert explorer.state["gap"] is None
    explorer.go(say["point"].format(letter="B")).press(*["PageDown"] * 10)
    explorer.go(say["fraction"]).press("PageUp")
    assert explorer.state["loss"] == explorer.state["chord"] == np.inf
    assert explorer.state["gap"] is None
    assert "∞" in explorer.text
    assert "NaN" not in explorer.text


def test_convexity_in_the_logits(drive):
    explorer = drive("convexity")
    explorer.go("probabilities").press("ArrowRight")
    assert check_chord(explorer.state)["gap"] > 0
    explorer.go(explorer.say["logits-flat"]).press("Enter")
    state = check_chord(explorer.state)
    assert abs(state["gap"]) < 1e-12
    assert len({round(x, 12) for x in np.subtract(state["b"], state["a"])}) == 1  # all ones
    explorer.go(explorer.say["point"].format(letter="B"))
    random = np.random.default_rng(11)
    for key in random.choice(["ArrowUp", "ArrowDown", "Shift+ArrowLeft", "PageUp"], 12):
        assert check_chord(explorer.press(str(key)).state)["gap"] > -1e-12
    explorer.press(*["PageDown"] * 10, *["Shift+ArrowRight"] * 9)  # the corner of the map
    state = check_chord(explorer.state)
    assert state["b"] == [4, 4, -4]


def test_convexity_fails_in_the_weights(drive):
    explorer = drive("convexity")
    explorer.go("probabilities").press("ArrowLeft")  # round to the last
    state = check_chord(explorer.state)
    assert (state["a"], state["b"]) == ([2, 2], [-2, -2])
    assert [round(state[k], 3) for k in ("chord", "loss", "gap")] == [0.018, 0.693, -0.675]
    assert "not convex" in explorer.summary
    assert "Here the chord test fails" in explorer.text
    explorer.go(explorer.say["point"].format(letter="A")).press("ArrowLeft", "PageUp", "PageUp")
    assert check_chord(explorer.state)["a"] == [1.9, 3]
    explorer.go(explorer.say["weights-valley"]).press("Enter")
    assert check_chord(explorer.state)["gap"] > 0


def check_descent(state):
    words = ["o", "cão", "ladra", ".", "sol", "brilha", "forte"]
    tokens = np.array([words.index(word) for word in data_of("descent")["text"].split()])
    contexts, targets = tokens[:-1], tokens[1:]
    tables = descend(np.zeros((7, 7)), contexts, targets, state["rate"], 40)
    losses = [cross_entropy_from_logits(table[contexts], targets) for table in tables]
    assert_allclose(state["losses"], losses, **CLOSE)
    assert_allclose(state["loss"], losses[state["step"]], **CLOSE)
    row = tables[state["step"], words.index(state["context"])]
    assert_allclose(state["probabilities"], softmax(row), **CLOSE)
    return state


def test_descent(drive):
    explorer = drive("descent")
    say = explorer.say
    check_descent(explorer.state)
    explorer.go(say["run"]).press("Enter")  # without motion: at once
    assert check_descent(explorer.state)["step"] == 40
    for rate, falls in [(0.5, True), (8, True), (15.9, True), (40, False)]:
        explorer.go(say["set-rate"].format(rate=rate)).press("Enter")
        state = check_descent(explorer.state)
        assert state["rate"] == rate
        assert np.all(np.diff(state["losses"]) < 0) == falls
        assert (say["within"] in explorer.text) == falls
        assert ("raised it" in explorer.summary) != falls
    explorer.go(say["rate"]).press("End")
    assert check_descent(explorer.state)["rate"] == 64
    explorer.press("ArrowLeft", "PageDown")
    assert_allclose(check_descent(explorer.state)["rate"], 2 ** (6 - 11 / 8))
    explorer.press("Home")
    assert check_descent(explorer.state)["rate"] == 0.5
    explorer.go(say["step"]).press("Home")
    assert check_descent(explorer.state)["step"] == 0
    assert_allclose(explorer.state["loss"], np.log(7), **CLOSE)
    explorer.go(say["one-step"]).press("Enter", "Enter")
    assert check_descent(explorer.state)["step"] == 2
    explorer.go(say["reset"]).press("Enter", "Enter")
    assert explorer.state["step"] == 0
    explorer.go(say["step"]).press("PageUp")
    explorer.element.locator("select").focus()
    explorer.press("ArrowDown")
    assert check_descent(explorer.state)["context"] == "cão"


def test_descent_shows_the_bound_and_the_floor(drive):
    explorer = drive("descent")
    tokens = [0, 1, 2, 3, 0, 4, 5, 6, 3, 0, 1, 2, 3]
    safe, floor = explorer.element.evaluate("e => [e.safe, e.floor]")
    assert safe == safe_learning_rate(tokens[:-1])
    assert_allclose(floor, empirical_conditional_entropy(tokens, 7, 1), **CLOSE)


def test_descent_runs_and_pauses(drive):
    explorer = drive("descent")
    explorer.page.emulate_media(reduced_motion="no-preference")
    clock = explorer.page.clock  # the page's: it goes on when the test says so
    clock.install(time=0)
    clock.pause_at(1000)
    explorer.go(explorer.say["reset"]).press("Enter")
    explorer.go(explorer.say["run"]).press("Enter")
    clock.run_for(350)
    assert explorer.state["step"] == 2  # a step every 160 ms
    explorer.press("Enter")
    clock.run_for(3000)
    assert explorer.state["step"] == 2
    explorer.press("Enter")
    clock.run_for(60_000)
    assert explorer.state["step"] == 40  # and it stays at the end


def test_a_rate_that_is_chosen_in_a_run_does_not_end_it(drive):
    explorer = drive("descent")
    explorer.page.emulate_media(reduced_motion="no-preference")
    clock = explorer.page.clock
    clock.install(time=0)
    clock.pause_at(1000)
    explorer.go(explorer.say["reset"]).press("Enter")
    explorer.go(explorer.say["run"]).press("Enter")
    clock.run_for(350)
    explorer.go(explorer.say["set-rate"].format(rate=40)).press("Enter")
    assert check_descent(explorer.state)["rate"] == 40
    clock.run_for(350)
    assert explorer.state["step"] == 4
    explorer.go(explorer.say["rate"]).press("ArrowLeft")
    clock.run_for(60_000)
    assert check_descent(explorer.state)["step"] == 40
    assert explorer.state["rate"] < 40


def test_teacher_forcing(drive):
    explorer = drive("forcing")
    data = data_of("forcing")
    explorer.go(explorer.say["next"])
    costs = []
    for t in range(1, 5):
        state = explorer.state
        assert state["read"] == data["text"][:t]
        shares = {data["words"][i]: p for i, p in data["predictions"][" ".join(state["read"])]}
        p = shares[data["text"][t]]
        costs.append(float(cross_entropy([p, 1 - p], 0)))
        assert_allclose(state["losses"], costs, **CLOSE)
        assert_allclose(state["total"], sum(costs), **CLOSE)
        assert f"{costs[-1]:.3f}" in explorer.text
        explorer.press("Enter")
    assert explorer.state["step"] == 4  # and it stays there
    assert "chain rule" in explorer.summary
    assert int(np.argmax(costs)) == 2  # "forte", as the question before the explorer asks
    explorer.go(explorer.say["back"]).press("Space")
    assert explorer.state["step"] == 3


def test_free_running_reads_its_own_words(drive):
    explorer = drive("forcing")
    data, grammar = data_of("forcing"), Grammar.portuguese()
    explorer.go("teacher").press("ArrowRight")
    left = 0
    for draw in data["draws"]:
        own = [data["text"][0], *(data["words"][i] for i in draw["words"])]
        explorer.go(explorer.say["next"])
        for t in range(1, len(own)):
            state = explorer.state
            assert (state["read"], state["drawn"]) == (own[:t], own[t])
            assert state["target"] == (data["text"][t] if t < 5 else None)
            assert len(state["losses"]) == min(t, 4)
            possible = all(
                own[k] in grammar.next_word_distribution(own[:k])
                for k in range(1, t + 1)
                if k <= draw["inside"]  # after that, there is nothing to ask
            )
            assert state["left"] == (not possible)
            explorer.press("Enter")
        left += explorer.state["left"]
        assert "NaN" not in explorer.text
        assert explorer.element.evaluate("e => e.scrollWidth <= e.clientWidth")
        explorer.go(explorer.say["again"]).press("Enter")
    assert explorer.state["draw"] == 0  # round
    assert left == 3  # the sentence after the explorer says so


def test_the_data_are_what_the_model_gives():
    written, anew = json.loads(FILE.read_text(encoding="utf-8")), exported(trained())
    predictions = written.pop("predictions"), anew.pop("predictions")
    assert written == anew
    assert predictions[0].keys() == predictions[1].keys()
    for prefix, shares in predictions[0].items():
        assert [i for i, _ in shares] == [i for i, _ in predictions[1][prefix]]
        ours, theirs = (np.array([p for _, p in rows]) for rows in (shares, predictions[1][prefix]))
        assert_allclose(ours, theirs, rtol=1e-6)
        assert ours.min() > 0
        assert ours.sum() < 1 + 1e-9


def test_a_word_that_is_possible_is_never_shown_with_probability_0(drive):
    explorer = drive("loss")
    stop = explorer.say["probability-of"].format(word="“.”")
    explorer.go(stop).press("End", "ArrowLeft")  # 0.99; "cão" has half of the rest
    explorer.element.locator("input[type=radio]").first.check()
    assert_allclose(explorer.state["probabilities"][0], 0.0025, **CLOSE)
    assert "0.0025" in explorer.summary
    assert "probability 0.00:" not in explorer.summary


def test_only_the_main_button_moves_anything(drive):
    for name, target in (("loss", ".chart"), ("convexity", ".handle")):
        explorer = drive(name)
        before = explorer.state
        piece = explorer.element.locator(target).first
        piece.scroll_into_view_if_needed()
        box = piece.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        explorer.page.mouse.move(x, y)
        explorer.page.mouse.down(button="right")
        explorer.page.mouse.move(x + 40, y + 40)
        explorer.page.mouse.up(button="right")
        assert explorer.state == before, name


def test_a_drag_from_elsewhere_moves_nothing(drive):
    explorer = drive("loss")
    before = explorer.state
    chart = explorer.element.locator(".chart")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    explorer.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] + 20)  # a text
    explorer.page.mouse.down()
    explorer.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    explorer.page.mouse.up()
    assert explorer.state == before


SELECTED = """e => [getSelection(), e.shadowRoot.getSelection?.()]
    .map(s => s ? s.toString().trim() : "").join("")"""


@pytest.mark.parametrize(
    ("name", "target"),
    [("loss", ".chart"), ("loss", "input.bar"), ("convexity", ".handle"), ("convexity", ".map")],
)
def test_a_drag_selects_no_text(drive, name, target):
    explorer = drive(name)
    piece = explorer.element.locator(target).first
    piece.scroll_into_view_if_needed()
    box = piece.bounding_box()
    mouse = explorer.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(box["x"] + 20, box["y"] - 60, steps=4)
    mouse.move(box["x"] + box["width"], box["y"] + box["height"] + 60, steps=4)
    assert explorer.element.evaluate(SELECTED) == ""
    mouse.up()
    hint = explorer.element.locator(".hint").first
    hint.evaluate("e => e.scrollIntoView({ block: 'center' })")  # not below the header
    hint = hint.bounding_box()  # a text can be selected still
    mouse.move(hint["x"] + 30, hint["y"] + 15)
    mouse.down()
    mouse.move(hint["x"] + 150, hint["y"] + 15, steps=4)
    assert explorer.element.evaluate(SELECTED) != ""
    mouse.up()


# The words that the ring around the control with the focus would cross.
COVERED = """e => {
    const c = e.shadowRoot.activeElement;
    const ringed = c.matches(".choices input") ? c.nextElementSibling : c;
    const style = getComputedStyle(ringed), box = ringed.getBoundingClientRect();
    if (c.matches(".handle")) {
        const target = getComputedStyle(c.querySelector(".target"));
        return target.fill === "rgba(0, 0, 0, 0)" && parseFloat(target.strokeWidth) > 0
            ? [] : ["a disc over the map"];
    }
    if (style.outlineStyle === "none") return ["no ring"];
    const out = parseFloat(style.outlineOffset) + parseFloat(style.outlineWidth);
    const ring = { left: box.left - out, right: box.right + out,
                   top: box.top - out, bottom: box.bottom + out };
    const words = document.createTreeWalker(e.shadowRoot, NodeFilter.SHOW_TEXT);
    const covered = [];
    while (words.nextNode()) {
        const node = words.currentNode, holder = node.parentElement;
        if (!holder || !node.data.trim() || !holder.checkVisibility() || holder.tagName === "STYLE"
            || ringed.contains(node) || holder.closest(".hidden, .tag, .summary")) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const r of range.getClientRects()) {
            // of a line, the letters: without the space above and below them
            const inset = (r.height - 0.75 * parseFloat(getComputedStyle(holder).fontSize)) / 2;
            if (r.left < ring.right && r.right > ring.left
                && r.top + inset < ring.bottom && r.bottom - inset > ring.top) {
                covered.push(node.data.trim());
                break;
            }
        }
    }
    return covered;
}"""


@pytest.mark.parametrize(("name", "form"), EVERY_FORM)
@pytest.mark.parametrize("width", [390, 1280])
def test_the_ring_of_the_focus_covers_no_word(drive, name, form, width):
    explorer = drive(name, form)
    explorer.page.set_viewport_size({"width": width, "height": 800})
    explorer.element.evaluate("e => { e.tabIndex = -1; e.focus(); }")
    stops = 0
    while True:
        explorer.page.keyboard.press("Tab")
        if not explorer.element.evaluate("e => !!e.shadowRoot.activeElement"):
            break
        stops += 1
        assert explorer.element.evaluate(COVERED) == [], explorer.element.evaluate(ACTIVE)
    assert stops >= 3


def test_two_points_at_one_place_have_no_chord(drive):
    explorer = drive("convexity")
    ends = explorer.element.locator(".handle")
    for end in (ends.nth(0), ends.nth(1)):  # both into one corner of the map
        end.focus()
        explorer.press(*["Shift+ArrowLeft"] * 30, *["Shift+ArrowDown"] * 30)
    assert explorer.state["a"] == explorer.state["b"]
    assert "there is no chord" in explorer.summary


# ---------------------------------------------------------------- what every explorer keeps to


@pytest.mark.parametrize(("name", "form"), EVERY_FORM)
def test_controls_are_named_and_large_enough(drive, name, form):
    explorer = drive(name, form, whole_page=True)
    controls = explorer.element.evaluate(
        f"""e => [...e.shadowRoot.querySelectorAll("{CONTROLS}")].filter(c => c.checkVisibility())
        .map(c => {{
            const box = (c.closest("label") ?? c).getBoundingClientRect();
            const label = c.getAttribute("aria-label") ?? c.labels?.[0]?.textContent;
            const slider = c.type === "range" || c.getAttribute("role") === "slider";
            return [label || c.textContent, Math.min(box.width, box.height),
                    !slider || !!c.getAttribute("aria-valuetext")];
        }})"""
    )
    assert len(controls) >= 4
    for label, size, valued in controls:
        assert label.strip()
        assert size >= 24, f"{label}: {size} px"
        assert valued, f"{label} says no value"


@pytest.mark.parametrize(("name", "form"), EVERY_FORM)
@pytest.mark.parametrize("width", [360, 700, 1280])
def test_nothing_runs_over_the_side(drive, name, form, width):
    explorer = drive(name, form)
    explorer.page.set_viewport_size({"width": width, "height": 740})
    over = explorer.element.evaluate(
        """e => { const box = e.getBoundingClientRect();
        return [...e.shadowRoot.querySelectorAll("*")].filter(x => x.checkVisibility()
            && !x.closest(".hidden")).filter(x => { const r = x.getBoundingClientRect();
            return r.width && (r.left < box.left - 1 || r.right > box.right + 1); })
        .map(x => x.outerHTML.slice(0, 80)); }"""
    )
    assert over == []


@pytest.mark.parametrize("name", PAGES)
def test_still_picture_without_scripts(browser, name):  # noqa: F811
    context = chromium.context(browser, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{HTML.as_uri()}/{PAGES[name]}")
    picture = page.get_by_role("img").and_(page.locator(f"{name}-explorer > svg"))
    assert picture.is_visible()
    assert picture.bounding_box()["height"] > 100
    assert len(picture.get_attribute("aria-label")) > 100
    context.close()


def test_still_pictures_say_the_numbers():
    said = {}
    for name in STILLS:
        for language in EXPLORERS:
            name_and_form = name.split("-")
            still = rendered(name_and_form[0], language, *name_and_form[1:]).split("</script>")[1]
            said[name, language] = still
            assert "{" not in said[name, language]
            assert "nan" not in said[name, language]
    for name, numbers in {
        "loss": ("0.05", "0.10", "0.80", "0.223", "1.386"),
        "loss-small": ("0.05", "0.10", "0.80", "0.223"),
        "convexity": ("2.303", "0.223", "1.263", "0.799", "0.018", "0.693"),
        "descent": ("1.946", "0.70", "0.18", "0.159"),
        "forcing": ("1.151", "0.811", "1.895"),
    }.items():
        for language in EXPLORERS:
            label = re.search('aria-label="([^"]*)"', said[name, language])[1]
            words = [label, *re.findall(">([^<]*)</text>", said[name, language])]
            if language == "pt-BR":
                assert all(number.replace(".", ",") in label for number in numbers), label
                assert not re.search(r"\d\.\d", " ".join(words))
            else:
                assert all(number in label for number in numbers), label
                assert not re.search(r"\d,\d", " ".join(words))


@pytest.mark.parametrize("name", PAGES)
def test_slider_moves_are_not_announced_twice(drive, name):
    """A slider says its own value; only what a button changed is said by the live region."""
    explorer = drive(name)
    explorer.page.clock.install(time=0)
    explorer.page.clock.pause_at(1000)
    live = "e => e.shadowRoot.querySelector('[aria-live=polite]').textContent"
    regions = "e => [...e.shadowRoot.querySelectorAll('output')].map(o => o.ariaLive)"
    assert set(explorer.element.evaluate(regions)) <= {"off"}  # by itself an output is polite
    if name != "forcing":  # it has no slider
        explorer.element.locator("input[type=range]").first.focus()
        explorer.press("ArrowRight", "ArrowRight")
        explorer.page.clock.run_for(600)
        assert explorer.element.evaluate(live) == ""
    press = {"loss": "second", "convexity": "probabilities-flat", "descent": "one-step"}
    explorer.go(explorer.say[press.get(name, "next")]).press("Enter")
    explorer.page.clock.run_for(600)
    assert explorer.element.evaluate(live) == explorer.summary


@pytest.mark.parametrize("name", PAGES)
def test_pages_load_only_what_they_need(browser, name):  # noqa: F811
    source = (HTML / PAGES[name]).read_text(encoding="utf-8")
    scripts = re.findall(r'src="[^"]*explorers/(\w+)\.js', source)
    assert scripts == ["explorer", name]
    (inline,) = re.findall(rf"<{name}-explorer[^>]*><script[^>]*>(.*?)</script>", source)
    files = sum((ASSETS / f"{script}.js").stat().st_size for script in scripts)
    assert files + len(inline.encode()) <= 36_000


@pytest.mark.parametrize("name", PAGES)
def test_the_portuguese_pages_have_them_in_portuguese(browser, name):  # noqa: F811
    page, troubles = open_page(browser, f"pt/{PAGES[name]}")
    element = page.locator(f"{name}-explorer")
    assert element.get_attribute("lang") == "pt-BR"
    text = element.evaluate("e => e.shadowRoot.textContent")
    assert EXPLORERS["pt-BR"][name]["title"] in text
    assert EXPLORERS["en"][name]["title"] not in text
    assert element.evaluate("e => e.state") is not None
    assert troubles == []
    page.context.close()


def test_other_pages_load_none(browser):  # noqa: F811
    assert "explorers/" not in (HTML / "reference/claims.html").read_text(encoding="utf-8")


# ---------------------------------------------------------------- languages and colors


def test_each_explorer_has_strings():
    assert EXPLORERS["en"].keys() == PAGES.keys()


@pytest.mark.parametrize(("name", "form"), EVERY_FORM)
@pytest.mark.parametrize("language", EXPLORERS)
def test_no_word_of_a_still_is_cut_off(browser, tmp_path, name, form, language):  # noqa: F811
    path = tmp_path / "still.html"  # no script: the element stays a still picture
    path.write_text(
        f"<meta charset=utf-8><link rel=stylesheet href='{(ASSETS / 'explorer.css').as_uri()}'>"
        f"{rendered(name, language, form)}",
        encoding="utf-8",
    )
    page = browser.new_page()
    page.goto(path.as_uri())
    cut = page.locator(f"{name}-explorer svg").evaluate(
        "s => [...s.querySelectorAll('text')].map(t => [t.textContent, t.getBBox()])"
        ".filter(([_, b]) => b.x < -2 || b.x + b.width > s.viewBox.baseVal.width + 2)"
        ".map(([text]) => text)"
    )
    page.close()
    assert cut == []


@pytest.mark.parametrize(("name", "form"), EVERY_FORM)
@pytest.mark.parametrize("language", EXPLORERS)
def test_every_string_is_there(browser, tmp_path, name, form, language):  # noqa: F811
    """The element by itself, in each language, through all its buttons and choices."""
    links = "".join(
        f'<script src="{(ASSETS / s).as_uri()}.js"></script>' for s in ("explorer", name)
    )
    path = tmp_path / "page.html"
    path.write_text(
        f"<meta charset=utf-8>{rendered(name, language, form)}{links}", encoding="utf-8"
    )
    context = chromium.context(browser)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    element = page.locator(f"{name}-explorer")
    assert element.evaluate("e => !!e.shadowRoot"), errors
    title = EXPLORERS[language][name][f"title-{form}" if form else "title"]
    assert title in element.evaluate("e => e.shadowRoot.textContent")
    for turn in range(element.locator("button, input[type=radio]").count()):
        control = element.locator("button, input[type=radio]").nth(turn)
        control.evaluate("c => c.click()")
        text = element.evaluate(SAID)
        assert not re.search(r"undefined|NaN|\{\w+\}", text)
        assert re.search(r"\d,\d" if language == "pt-BR" else r"\d\.\d", text)
        assert not re.search(r"\d\.\d" if language == "pt-BR" else r"\d,\d", text)
    assert errors == []
    context.close()


@pytest.mark.parametrize("theme", [":root", 'html[data-theme="dark"]'])
def test_text_colors_are_legible_on_their_ground(theme):
    css = (ASSETS / "explorer.css").read_text(encoding="utf-8")
    block = re.search(re.escape(theme) + r" \{(.*?)\}", css, re.DOTALL)[1]
    colors = dict(re.findall(r"--nwp-(\w+): (#\w+);", block))
    ground = contrast_on_white(colors["ground"])
    for role in ("truth", "prediction", "loss", "quiet"):
        ratio = contrast_on_white(colors[role]) / ground
        assert max(ratio, 1 / ratio) >= 4.5, role


def test_dark_pages_have_dark_explorers(drive):
    explorer = drive("loss")
    ground = "e => getComputedStyle(e).backgroundColor"
    light = explorer.element.evaluate(ground)
    explorer.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert light == "rgb(255, 255, 255)"
    assert explorer.element.evaluate(ground) == "rgb(26, 29, 33)"
