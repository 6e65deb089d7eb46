"""Pure: write the blocks of a report as Markdown, and as one HTML page that needs no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from html import escape

from tests.benchmarks.report import (
    Block,
    Command,
    Figure,
    Heading,
    Items,
    Paragraph,
    Table,
)

GENERATED = "<!-- Written by make bench; edit tests/benchmarks/report.py instead. -->"
STYLE = """
:root{color-scheme:light dark;--ink:#1f2328;--paper:#fff;--faint:#d0d7de;--stripe:#f6f8fa}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--faint:#3d444d;
--stripe:#151b23}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:60rem;margin:2rem auto;padding:0 1rem}
figure{margin:1rem 0;overflow-x:auto}svg{max-width:100%;height:auto}
figcaption{font-size:.85rem;opacity:.75}
div{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .8rem;border-bottom:1px solid var(--faint);text-align:right}
th:first-child,td:first-child{text-align:left}tr:nth-child(even){background:var(--stripe)}
code,pre{font-family:ui-monospace,monospace;background:var(--stripe);padding:.1rem .3rem}
"""


def markdown(blocks: Iterable[Block]) -> str:
    """Return the report in Markdown; figures are linked to, as files beside it."""
    return "\n\n".join([GENERATED, *map(_markdown, blocks)]) + "\n"


def html(blocks: Iterable[Block], title: str = "cpkit: benchmarks") -> str:
    """Return the report as one page, its drawings inside."""
    return (
        f'<!doctype html>\n{GENERATED}\n<html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>\n"
        + "\n".join(map(_html, blocks))
        + "\n</html>\n"
    )


def _markdown(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {text}"
        case Paragraph(text):
            return text
        case Items(points):
            return "\n".join(f"- {point}" for point in points)
        case Table(head, rows):
            ruler = [":--", *["--:"] * (len(head) - 1)]
            return "\n".join(map(_line, [head, ruler, *rows]))
        case Figure(name, _, words):
            return f"![{words}]({name}.svg)\n\n*{words}*"
        case Command(line):
            return f"```sh\n{line}\n```"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _html(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"<h{level}>{_inline(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{_inline(text)}</p>"
        case Items(points):
            return "<ul>" + "".join(f"<li>{_inline(point)}</li>" for point in points) + "</ul>"
        case Table(head, rows):
            return _html_table(head, rows)
        case Figure(_, svg, words):
            return f"<figure>{svg}<figcaption>{escape(words)}</figcaption></figure>"
        case Command(line):
            return f"<pre><code>{escape(line)}</code></pre>"


def _html_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def row(tag: str, cells: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{_inline(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(row("td", cells) for cells in rows)
    return f"<div><table><thead>{row('th', head)}</thead><tbody>{body}</tbody></table></div>"


def _inline(text: str) -> str:
    tagged: Callable[[str], str] = lambda tag: rf"<{tag}>\1</{tag}>"  # noqa: E731
    text = re.sub(r"`([^`]+)`", tagged("code"), escape(text, quote=False))
    return re.sub(r"\*\*([^*]+)\*\*", tagged("strong"), text)
