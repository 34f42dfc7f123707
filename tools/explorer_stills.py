"""The still pictures of the explorers, for a reader without JavaScript.

Each is an SVG of phone width, drawn from numbers that `nwp` computes; the same numbers fill
its alternative text. Colors come from the style sheet, by role, so that they follow the page
into dark mode.
"""

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

import numpy as np

from nwp.convexity import two_weight_loss
from nwp.equivalence import empirical_conditional_entropy
from nwp.loss import cross_entropy, cross_entropy_from_logits
from nwp.weights import descend

Point = tuple[float, float]
Strings = Mapping[str, str]
WIDTH = 340

WORDS = ("o", "cão", "ladra", ".")
FIRST, SECOND = [0.05, 0.10, 0.05, 0.80], [0.25, 0.25, 0.25, 0.25]
LOW, HIGH = np.array([0.1, 0.1, 0.8]), np.array([0.7, 0.2, 0.1])  # by their losses
RATES = (0.5, 8.0, 40.0)
STEPS = 40


def text(at: Point, content: str, kind: str = "", anchor: str = "start") -> str:
    place = f'x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}"'
    return f'<text {place} class="{kind}">{escape(content)}</text>'


def line(points: Iterable[Point], kind: str, close: bool = False) -> str:
    steps = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path class="{kind}" d="M{steps}{"Z" if close else ""}"/>'


def dot(at: Point, kind: str, radius: float = 5) -> str:
    return f'<circle class="{kind}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius}"/>'


def box(at: Point, width: float, height: float, kind: str) -> str:
    size = f'width="{width:.1f}" height="{height:.1f}" rx="3"'
    return f'<rect class="{kind}" x="{at[0]:.1f}" y="{at[1]:.1f}" {size}/>'


def picture(parts: Iterable[str], height: int, alternative: str) -> str:
    """Wrap the parts as an image with alternative text."""
    view = f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(alternative)}"'
    return f'<svg class="nwp-still" {view}>{"".join(parts)}</svg>'


def bars() -> list[str]:
    """Draw the document's first prediction, a bar for each word."""
    parts = []
    for row, (word, p) in enumerate(zip(WORDS, FIRST, strict=True)):
        y = 34 + 26 * row
        kind = "prediction" if word == "." else "quiet"
        parts += [
            text((0, y + 13), word, kind),
            box((48, y), 240, 16, "faint"),
            box((48, y), 240 * p, 16, "prediction"),
            text((WIDTH, y + 13), f"{p:.2f}", kind, "end"),
        ]
    return parts


def shares() -> dict[str, str]:
    """Name the probabilities of the first prediction for an alternative text."""
    return dict(zip((*WORDS[:3], "stop"), (f"{p:.2f}" for p in FIRST), strict=True))


def loss_small(strings: Strings, data: Any) -> str:
    """Draw the document's first prediction as bars, and write what it costs."""
    cost = f"{cross_entropy(FIRST, 3):.3f}"
    result = strings["result"].format(p=f"{FIRST[3]:.2f}", loss=cost)
    parts = [
        text((0, 16), strings["title-small"], "title"),
        *bars(),
        text((0, 160), result, "loss"),
    ]
    return picture(parts, 172, strings["still-small"].format(**shares(), first=cost))


def loss(strings: Strings, data: Any) -> str:
    """Draw the document's prediction as bars, and the curve of the loss with its two points."""
    costs = cross_entropy([FIRST, SECOND], [3, 3], reduction="none")
    parts = [text((0, 16), strings["still-title"], "title"), *bars()]

    def at(p: float, cost: float) -> Point:
        return 48 + 240 * p, 320 - 40 * cost

    axis = np.linspace(np.exp(-4), 1, 80)
    rows = np.stack([axis, 1 - axis], axis=-1)
    curve = cross_entropy(rows, np.zeros(len(rows), int), reduction="none")
    parts += [
        line([at(0, 4), at(0, 0), at(1, 0)], "axis"),
        line([at(p, c) for p, c in zip(axis, curve, strict=True)], "curve"),
    ]
    for p, cost in zip((0.80, 0.25), costs, strict=True):
        x, y = at(p, cost)
        parts += [dot((x, y), "prediction"), text((x + 8, y - 8), f"{p:.2f} → {cost:.3f}", "loss")]
        parts.append(text((x, 338), f"{p:.2f}", "quiet", "middle"))
    named = shares() | {"first": f"{costs[0]:.3f}", "second": f"{costs[1]:.3f}"}
    return picture(parts, 344, strings["still"].format(**named))


def convexity(strings: Strings, data: Any) -> str:
    """Draw a chord that passes above the loss, and one that passes below."""
    side, rise, foot = 150.0, 150 * np.sqrt(3) / 2, 184.0

    def in_triangle(p: np.ndarray) -> Point:
        return 4 + side * (p[1] + p[2] / 2), foot - rise * p[2]

    def in_square(a: float, b: float) -> Point:
        return 186 + side * (a + 3) / 6, foot - side * (b + 3) / 6

    corners = np.eye(3)
    parts = [text((0, 16), strings["title"].split(": ")[-1].capitalize(), "title")]
    for level in (0.25, 0.5, 1, 1.5, 2, 3, 4):
        share = np.exp(-level)
        ends = [[0, 1 - share, share], [1 - share, 0, share]]
        region = [corners[0], corners[1], *np.array(ends)]
        parts.append(line(map(in_triangle, region), "band", close=True))
    parts.append(line(map(in_triangle, corners), "axis", close=True))
    for level in (0.1, 0.3, np.log(2), 1.5, 3, 6):
        product = -np.log(np.expm1(level))  # loss ≥ level where ab ≤ product
        parts += _bands(product, in_square)
    parts.append(line([in_square(*c) for c in [(-3, -3), (3, -3), (3, 3), (-3, 3)]], "axis", True))

    ends = cross_entropy([HIGH, LOW], [2, 2], reduction="none")
    middle = float(cross_entropy((HIGH + LOW) / 2, 2))
    valley, top = float(two_weight_loss(2.0, 2.0)), float(two_weight_loss(0.0, 0.0))
    a, b = in_triangle(HIGH), in_triangle(LOW)
    c, d = in_square(2, 2), in_square(-2, -2)
    for start, end, x, chord, cost, message in [
        (a, b, 4, ends.mean(), middle, strings["still-convex"]),
        (c, d, 186, valley, top, strings["still-not"]),
    ]:
        parts += [line([start, end], "chord"), dot(start, "prediction"), dot(end, "prediction")]
        parts += [
            text((x, foot + 24), f"{strings['chord-word']} {chord:.3f} {message}", ""),
            text((x, foot + 42), f"{strings['loss-word']} {cost:.3f}", "loss"),
        ]
    parts += [
        text((in_triangle(corners[2])[0], foot - rise - 6), "“.”", "", "middle"),
        text((186, foot - side - 6), "−log σ(ab)", ""),
    ]
    numbers = {"high": ends[0], "low": ends[1], "chord": ends.mean(), "loss": middle}
    numbers |= {"end": valley, "middle": top}
    alternative = strings["still"].format(**{k: f"{v:.3f}" for k, v in numbers.items()})
    return picture(parts, 232, alternative)


def _bands(product: float, place: Callable[[float, float], Point]) -> list[str]:
    """Draw the part of the square [-3, 3]² where ab is at most `product`."""
    sign = -1 if product < 0 else 1
    size = max(abs(product), 1e-9)
    a = size / 3 * (9 / size) ** np.linspace(0, 1, 25)
    corner = [*zip(a, product / a, strict=True), (3, 3 * sign)]
    corner = [(x, np.clip(y, -3, 3)) for x, y in corner]
    paths = [corner, [(-x, -y) for x, y in corner]]
    if product >= 0:
        paths.insert(0, [(-3, -3), (3, -3), (3, 3), (-3, 3)])
    steps = ("M" + "L".join("{:.1f} {:.1f}".format(*place(*p)) for p in ps) + "Z" for ps in paths)
    return [f'<path class="band" fill-rule="evenodd" d="{"".join(steps)}"/>']


def descent(strings: Strings, data: Any) -> str:
    """Draw the mean loss of the table at three learning rates, and its floor."""
    said = data["text"].split()
    words = list(dict.fromkeys(said))
    tokens = np.array([words.index(word) for word in said])
    contexts, targets = tokens[:-1], tokens[1:]
    zeros = np.zeros((len(words), len(words)))
    floor = empirical_conditional_entropy(tokens, len(words), 1)

    def at(step: float, cost: float) -> Point:
        return 44 + 250 * step / STEPS, 200 - 84 * cost

    parts = [text((0, 16), strings["still-title"], "title")]
    parts.append(line([at(0, 2), at(0, 0), at(STEPS, 0)], "axis"))
    parts.append(line([at(0, floor), at(STEPS, floor)], "axis"))
    last = {}
    for rate in RATES:
        tables = descend(zeros, contexts, targets, rate, STEPS)
        costs = [float(cross_entropy_from_logits(table[contexts], targets)) for table in tables]
        last[rate] = costs[-1]
        kind = "curve" if rate == 8 else "other"
        parts.append(line([at(t, c) for t, c in enumerate(costs)], kind))
        x, y = at(STEPS, costs[-1] + {0.5: 0, 8.0: -0.1, 40.0: 0.1}[rate])
        parts.append(text((x + 6, y + 4), f"{rate:g}", "loss" if rate == 8 else "quiet"))
    start = float(costs[0])
    for cost in (start, floor):
        parts.append(text((38, at(0, cost)[1] + 4), f"{cost:.3f}", "quiet", "end"))
    parts.append(text((169, 222), strings["axis"], "quiet", "middle"))
    alternative = strings["still"].format(
        start=f"{start:.3f}",
        floor=f"{floor:.3f}",
        slow=f"{last[0.5]:.2f}",
        right=f"{last[8.0]:.2f}",
        fast=f"{last[40.0]:.2f}",
    )
    return picture(parts, 230, alternative)


def forcing(strings: Strings, data: Any) -> str:
    """Write the text with the loss of each word, and the first drawn sentence that errs."""
    words, said = data["words"], data["text"]

    def probability(prefix: list[str], word: str) -> float:
        return dict(map(tuple, data["predictions"][" ".join(prefix)]))[words.index(word)]

    probabilities = [probability(said[:t], said[t]) for t in range(1, len(said))]
    costs = [0.0 - float(np.log(p)) for p in probabilities]
    errs = next(draw for draw in data["draws"] if draw["inside"] <= len(draw["words"]))
    own = [said[0], *(words[i] for i in errs["words"])]
    parts = [text((0, 16), strings["still-teacher"], "title")]
    for t, word in enumerate(said):
        parts.append(text((24 + 70 * t, 44), word, "", "middle"))
        if t:
            parts.append(text((24 + 70 * t, 64), f"{costs[t - 1]:.3f}", "loss", "middle"))
    parts.append(text((0, 104), strings["still-free"], "title"))
    for t, word in enumerate(own):
        parts.append(text((24 + 70 * t, 132), word, "prediction" if t else "", "middle"))
    x = 24 + 70 * errs["inside"]
    parts.append(line([(x - 24, 138), (x + 24, 138)], "curve"))
    alternative = strings["still"].format(
        losses=" + ".join(f"{cost:.3f}" for cost in costs),
        total=f"{sum(costs):.3f}",
        sentence=" ".join(own),
    )
    return picture(parts, 150, alternative)


STILLS = {
    "loss": loss,
    "loss-small": loss_small,
    "convexity": convexity,
    "descent": descent,
    "forcing": forcing,
}
