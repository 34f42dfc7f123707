"""axe-core, which is vendored (axe/), asked of a page in the browser."""

from pathlib import Path

AXE = Path(__file__).parent / "axe" / "axe.min.js"
DESKTOP, PHONE = {"width": 1280, "height": 740}, {"width": 360, "height": 740}

ON_COLOR = ["color-contrast", "link-in-text-block"]
# What repeats a hundred times on a page would make the check five times as long. Of the texts that
# stand in the same boxes one is asked for its color: `kind` names the tags, classes and styles
# that a text stands in, and whether it is in an even row.
VIOLATIONS = """async ([onColor, colorAlone]) => {
    const options = {
        preload: false, // it would fetch style sheets, which a browser forbids on disk
        resultTypes: ["violations"],
    };
    const kinds = new Map();
    const kind = (e) => {
        if (!e) return "";
        if (!kinds.has(e)) {
            const row = e.matches("tr:nth-child(even)");
            kinds.set(e, `${kind(e.parentElement)}>${e.tagName}.${e.getAttribute("class")}`
                + `[${e.getAttribute("style")}]${row}`);
        }
        return kinds.get(e);
    };
    const isText = (n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim();
    const texts = [...document.body.querySelectorAll("*")].filter((e) => e.checkVisibility()
        && (e.shadowRoot || e.matches("input, select, textarea")
            || [...e.childNodes].some(isText)));
    const one = [...new Map(texts.map((e) => [kind(e), e])).values()];
    const found = await axe.run({ include: one },
        { ...options, runOnly: { type: "rule", values: onColor } });
    const others = colorAlone ? { violations: [] } : await axe.run(document,
        { ...options, rules: Object.fromEntries(onColor.map((r) => [r, { enabled: false }])) });
    return [...found.violations, ...others.violations].flatMap((v) => v.nodes.map((n) =>
        `${v.id} at ${n.target.join(" ")}: ${n.failureSummary.replace(/\\s+/g, " ")}`));
}"""
# Of the tokens of the code, too, one of each kind keeps its color; and a formula keeps its place,
# but its drawing only if it has a part that no formula before it has.
THIN = """() => {
    const seen = new Set();
    document.querySelectorAll("pre span[class]").forEach((token) => {
        const kind = `${token.className} in ${token.closest("[class*=highlight-]")?.className}`;
        if (seen.has(kind)) token.replaceWith(...token.childNodes);
        seen.add(kind);
    });
    document.querySelectorAll(".katex").forEach((formula) => {
        const kinds = [...formula.querySelectorAll("*")].map(
            (part) => `${part.tagName}.${part.getAttribute("class")}`);
        if (kinds.every((kind) => seen.has(kind)))
            formula.querySelectorAll(".katex-html, .katex-mathml")
                .forEach((drawing) => drawing.replaceChildren());
        kinds.forEach((kind) => seen.add(kind));
    });
}"""
# The theme looks for what scrolls 0.3 s after a page last changed. On a busy machine the folds
# may open later than that, and a size that stays tells it nothing.
LOOK_AGAIN = "() => window.dispatchEvent(new Event('resize'))"
STOPS_ARE_SET = """() => [...document.querySelectorAll("main :is(pre, div.math)")].every(
    (box) => (box.scrollWidth > box.clientWidth
        || (box.scrollHeight > box.clientHeight && !box.matches("div.math")))
        === (box.tabIndex === 0))"""


# On a long page a color may still be on its way from one scheme to the other.
COLORS_ARE_THERE = """() => {
    document.body.getBoundingClientRect();
    for (const animation of document.getAnimations()) animation.finish();
}"""


def thin(page) -> None:
    """Take from a page what is there many times, before axe-core is asked."""
    page.evaluate(THIN)


def violations(page, color_alone: bool = False) -> list[str]:
    """Return what axe-core finds on a page that has loaded it: with all its rules, or on color."""
    return page.evaluate(VIOLATIONS, [ON_COLOR, color_alone])


def settle(page, scheme: str, size: dict[str, int]) -> None:
    """Give a page a scheme and a size, and wait until all of it has them."""
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
    page.evaluate(LOOK_AGAIN)
    page.wait_for_function(STOPS_ARE_SET)
    page.evaluate(COLORS_ARE_THERE)
