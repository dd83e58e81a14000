"""The pictures of engine.md: ``python docs/pictures.py`` writes docs/pictures/*.svg."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent / "pictures"
FIRST, SECOND, PLAIN, GREY = "#9ecae1", "#fdbe85", "#f4f4f4", "#d9d9d9"


def rectangle(x: float, y: float, width: float, height: float, fill: str) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}" '
        'stroke="#444" stroke-width="1"/>'
    )


def text(x: float, y: float, words: str, anchor: str = "middle", size: int = 13) -> str:
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}">{words}</text>'


def line(x1: float, y1: float, x2: float, y2: float, style: str = "") -> str:
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="#444" fill="none"{style}/>'


ARROW = ' marker-end="url(#arrow)"'
DASHED = ' stroke-dasharray="5 4"'


def drawing(width: int, height: int, title: str, *shapes: str) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" font-family="sans-serif" role="img">',
            f"<title>{title}</title>",
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#444"/></marker></defs>',
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *shapes,
            "</svg>",
            "",
        ]
    )


def panels() -> str:
    """A (4, 20) matrix, and where its elements lie in memory."""
    cell, shapes = 26, []
    for r in range(4):
        for c in range(24):
            x, y = 40 + c * cell + c // 8 * 14, 44 + r * cell
            fill = GREY if c >= 20 else (PLAIN, FIRST, SECOND)[c // 8]
            shapes.append(rectangle(x, y, cell, cell, fill))
            shapes.append(text(x + cell / 2, y + 17, "0" if c >= 20 else f"{r},{c}", size=9))
    for p in range(3):
        shapes.append(text(40 + (p * 8 + 4) * cell + p * 14, 34, f"panel {p}"))
        x = 40 + p * 222
        for r in range(4):
            fill = (PLAIN, FIRST, SECOND)[p]
            shapes.append(rectangle(x + r * 55.5, 206, 55.5, 30, fill))
            shapes.append(text(x + r * 55.5 + 28, 225, f"row {r}", size=11))
        shapes.append(line(40 + (p * 8 + 4) * cell + p * 14, 152, x + 111, 202, ARROW))
    shapes.append(text(40, 258, "memory: 64 bytes a row, panel behind panel", "start"))
    return drawing(740, 272, "A matrix of four rows and twenty columns in three panels", *shapes)


def owners() -> str:
    """Who has what of 784-128-10 on two members."""
    shapes = [
        text(120, 24, "inputs (B, 784)"),
        rectangle(50, 56, 140, 110, PLAIN),
        text(120, 115, "read by both"),
        text(330, 24, "hidden layer (784, 128)"),
        text(330, 42, "16 panels, owned by columns", size=11),
    ]
    for p in range(16):
        shapes.append(rectangle(250 + p * 10, 56, 10, 110, FIRST if p < 8 else SECOND))
    shapes += [
        text(540, 24, "activations (B, 128)"),
        text(540, 42, "each column written by its owner", size=11),
        rectangle(470, 56, 70, 110, FIRST),
        rectangle(540, 56, 70, 110, SECOND),
        text(540, 200, "and read by rows of the batch", size=11),
        rectangle(470, 212, 140, 34, FIRST),
        rectangle(470, 246, 140, 34, SECOND),
        text(720, 24, "head (128, 10)"),
        text(720, 42, "2 panels, read by both", size=11),
        rectangle(685, 56, 70, 55, FIRST),
        rectangle(685, 111, 70, 55, SECOND),
        text(720, 200, "updated by rows of the kernel:", size=11),
        text(720, 216, "the columns below", size=11),
        line(195, 111, 245, 111, ARROW),
        line(415, 111, 465, 111, ARROW),
        line(615, 111, 680, 111, ARROW),
        line(540, 170, 540, 186, ARROW),
        rectangle(50, 222, 16, 16, FIRST),
        text(74, 235, "member 0", "start"),
        rectangle(50, 250, 16, 16, SECOND),
        text(74, 263, "member 1", "start"),
    ]
    return drawing(830, 296, "Who owns what of a network 784-128-10 on two threads", *shapes)


def step() -> str:
    """A step of that network in time."""
    parts = [
        (100, 190, "forward, own columns"),
        (296, 84, "gather"),
        (380, 120, "head and loss, own rows"),
        (506, 134, "gradient down, own columns"),
        (640, 220, "weight gradients and Adam"),
    ]
    shapes = []
    for member, fill in ((0, FIRST), (1, SECOND)):
        y = 52 + member * 62
        shapes.append(text(90, y + 28, f"member {member}", "end"))
        for x, width, words in parts:
            shapes.append(rectangle(x, y, width, 46, fill))
            first, _, rest = words.partition(", ")
            shapes.append(text(x + width / 2, y + (20 if rest else 28), first, size=11))
            shapes.append(text(x + width / 2, y + 36, rest, size=11) if rest else "")
    for x in (293, 503):
        shapes.append(line(x, 34, x, 178, ' stroke-width="2"'))
        shapes.append(text(x, 26, "meeting"))
    shapes.append(text(338, 196, "of the next batch", size=11))
    shapes.append(text(750, 196, "own columns; then the next step at once", size=11))
    title = "One training step on two threads: two meetings"
    return drawing(880, 208, title, *filter(None, shapes))


def tree() -> str:
    """The sum of the gradients of five blocks of rows."""
    shapes, x = [], [70 + 150 * i for i in range(5)]
    for i in range(5):
        shapes.append(rectangle(x[i] - 60, 20, 120, 44, (FIRST, SECOND)[i > 2]))
        shapes.append(text(x[i], 38, f"block {i}", size=12))
        last = min((i + 1) * 1024, 4500) - 1
        shapes.append(text(x[i], 55, f"rows {i * 1024} to {last}", size=10))
    nodes = [(x[0] + 75, 108, "0 + 1"), (x[2] + 75, 108, "2 + 3"), (x[1] + 75, 168, "0 .. 3")]
    nodes.append((x[2] + 75, 228, "0 .. 4"))
    for cx, y, words in nodes:
        shapes.append(rectangle(cx - 42, y, 84, 28, PLAIN))
        shapes.append(text(cx, y + 19, words, size=12))
    for a, top, b, bottom in (
        (x[0], 64, x[0] + 60, 108),
        (x[1], 64, x[0] + 90, 108),
        (x[2], 64, x[2] + 60, 108),
        (x[3], 64, x[2] + 90, 108),
        (x[0] + 75, 136, x[1] + 60, 168),
        (x[2] + 75, 136, x[1] + 90, 168),
        (x[1] + 75, 196, x[2] + 60, 228),
        (x[4], 64, x[2] + 100, 228),
    ):
        shapes.append(line(a, top, b, bottom, ARROW + (DASHED if a == x[4] else "")))
    return drawing(750, 270, "Five blocks of rows are added by a fixed binary tree", *shapes)


PICTURES: dict[str, Callable[[], str]] = {
    "panels": panels,
    "owners": owners,
    "step": step,
    "tree": tree,
}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (HERE / f"{name}.svg").write_text(draw(), encoding="utf-8")
