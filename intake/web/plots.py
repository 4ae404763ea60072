"""Small charts as SVG, drawn by the server: no script, no inline style (CSP), readable by a screen reader."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, ROW, LABEL = 720, 28, 220
COLUMN_HEIGHT = 180


def rows(values: Sequence[tuple[str, float]], title: str) -> Markup:
    """Horizontal bars, one a row, with their names in front and their values behind."""
    most = max((value for _, value in values), default=0) or 1
    room = WIDTH - LABEL - 60
    parts = []
    for number, (name, value) in enumerate(values):
        top, length = number * ROW, round(room * value / most, 1)
        parts.append(f'<text class="plot__name" x="{LABEL - 10}" y="{top + 19}">{escape(_short(name))}</text>'
                     f'<rect class="plot__bar" x="{LABEL}" y="{top + 4}" width="{length}" height="{ROW - 8}"/>'
                     f'<text class="plot__value" x="{LABEL + length + 8}" y="{top + 19}">{value:g}</text>')
    return _svg("".join(parts), max(len(values), 1) * ROW, title)


def columns(names: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], title: str) -> Markup:
    """Columns side by side for each name; one or two series, told apart by pattern as well as by colour."""
    most = max((value for _, values in series for value in values), default=0) or 1
    step = WIDTH / max(len(names), 1)
    wide = step * 0.8 / max(len(series), 1)
    parts = [f'<line class="plot__axis" x1="0" x2="{WIDTH}" y1="{COLUMN_HEIGHT}" y2="{COLUMN_HEIGHT}"/>',
             f'<text class="plot__value" x="0" y="12">{most:g}</text>']
    for which, (_, values) in enumerate(series):
        for number, value in enumerate(values):
            high = round((COLUMN_HEIGHT - 20) * value / most, 1)
            parts.append(f'<rect class="plot__bar plot__bar--{which}" x="{number * step + step * 0.1 + which * wide:.1f}" '
                         f'y="{COLUMN_HEIGHT - high}" width="{wide:.1f}" height="{high}"/>')
    every = max(1, len(names) // 12)
    for number, name in enumerate(names):
        if number % every == 0:
            parts.append(f'<text class="plot__tick" x="{number * step + step / 2:.1f}" y="{COLUMN_HEIGHT + 18}">'
                         f'{escape(name)}</text>')
    return _svg("".join(parts), COLUMN_HEIGHT + 26, title)


def _short(name: str) -> str:
    return name if len(name) <= 26 else f"{name[:25]}…"


def _svg(inner: str, height: int, title: str) -> Markup:
    return Markup(f'<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">{inner}</svg>')
