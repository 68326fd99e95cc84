"""What every report is made of: one HTML file without a script, that loads nothing and reads well on a telephone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from eval.charts import SHARE, Axis, dots
from eval.pianoroll import EXTRA_COLOUR, MISSED_COLOUR, RIGHT_COLOUR
from eval.statistics import Difference, interval_text

CHANGED = 12  # listed, of what differs between two runs

STYLE = f"""
:root {{ color-scheme: light; }}
* {{ box-sizing: border-box; }}
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1f2430; background: #fff; margin: 0 auto; max-width: 62rem;
  padding: 1.5rem 1.25rem 4rem; }}
h1 {{ font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.2rem; margin: 2.5rem 0 .5rem; }}
h3 {{ font-size: 1rem; margin: 1.5rem 0 .25rem; overflow-wrap: anywhere; }}
p {{ margin: .5rem 0; max-width: 46rem; overflow-wrap: anywhere; }}
.quiet {{ color: #5b6270; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: right; padding: .25rem .7rem; border-bottom: 1px solid #e3e6eb; white-space: nowrap; }}
th {{ font-weight: 600; color: #5b6270; }}
th:first-child, td:first-child, td.words, th.words {{ text-align: left; }}
th:first-child, td:first-child {{ padding-left: 0; }}
ol {{ font-size: .9rem; padding-left: 1.4rem; max-width: 46rem; }}
td.file {{ text-align: left; white-space: normal; min-width: 16rem; overflow-wrap: anywhere; }}
.charts {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem 1.5rem; }}
figure {{ margin: 0; max-width: 34rem; }}
figcaption {{ font-weight: 600; font-size: .95rem; }}
svg {{ width: 100%; height: auto; display: block; }}
svg text {{ font: 12px system-ui, sans-serif; fill: #5b6270; }}
.grid {{ stroke: #e3e6eb; }}
.axis {{ stroke: #8a8f98; }}
.roll {{ min-width: 40rem; border: 1px solid #e3e6eb; }}
.roll .black {{ fill: #f3f4f7; }}
.key span {{ display: inline-block; width: .9rem; height: .6rem; margin: 0 .35rem 0 .9rem; border-radius: 1px; }}
.key span:first-child {{ margin-left: 0; }}
.right {{ background: {RIGHT_COLOUR}; }}
.extra {{ background: {EXTRA_COLOUR}; }}
.missed {{ border: 2px solid {MISSED_COLOUR}; }}
.problem {{ color: {MISSED_COLOUR}; }}
"""


def document(title: str, parts: Sequence[str]) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def origin(header: dict[str, Any]) -> str:
    rows: list[list[object]] = []
    for key, value in header.items():
        pairs = value.items() if isinstance(value, dict) else [("", value)]
        rows += [[f"{key} {name}".strip(), shown] for name, shown in pairs if shown not in (None, "")]
    return "<h2>How to get these figures again</h2>" + table(["what", "which"], rows, words={1: "file"})


def troubles(found: Sequence[tuple[str, str, str]], of: int, what: str) -> str:
    """A line for each (kind, name, message) of what went wrong."""
    if not found:
        return ""
    lines = "".join(
        f"<p class='problem'><b>{escape(kind)}</b> {escape(name)}: {escape(message)}</p>"
        for kind, name, message in found
    )
    return f"<h2>{len(found)} of {of} {what} went wrong</h2>{lines}"


def differences(metric: str, found: dict[str, Difference]) -> str:
    """How run B differs from run A in each figure."""
    rows = [
        [
            name,
            f"{change.first:.4f}",
            f"{change.second:.4f}",
            f"{change.mean:+.4f}",
            interval_text(change.interval, sign="+"),
            f"{change.better} / {change.worse}",
            "–" if change.p is None else f"{change.p:.2g}",
        ]
        for name, change in found.items()
    ]
    return table([metric, "A", "B", "B − A", "95 % interval", "higher / lower", "p (Wilcoxon)"], rows)


def changes(
    headers: Sequence[dict[str, Any]],
    metric: str,
    found: dict[str, Difference],
    headline: str,
    shared: Sequence[tuple[float, float, str]],
    what: str,
    most: str,
) -> str:
    """What changed from run A to run B. `shared` is (A, B, name) in the `headline` figure of each `what` of both.

    `most` stands above the list of those that changed most.
    """
    first, second = headers
    moved = sorted(shared, key=lambda row: -abs(row[1] - row[0]))[:CHANGED]
    listed = [[name, f"{old:.4f}", f"{new:.4f}", f"{new - old:+.4f}"] for old, new, name in moved]
    axis_a, axis_b = (Axis(f"{headline} of {name}", 0, 1, SHARE.ticks, 2) for name in "AB")
    caption = f"Each {what}'s {headline}"
    cloud = dots(axis_a, axis_b, [row[:2] for row in shared], diagonal=True)
    return (
        f"<h2>What changed</h2><p>A: {escape(first['system'])} ({escape(first['data set'])})<br>"
        f"B: {escape(second['system'])} ({escape(second['data set'])})</p>"
        + differences(metric, found)
        + f"<p class='quiet'>{len(shared)} {what}s in common; both tests pair them {what} by {what}.</p>"
        + f"<div class='charts'>{figure(caption, cloud)}</div>"
        + f"<h3>{most}</h3>"
        + table([what, "A", "B", "B − A"], listed, words={0: "file"})
        + f"<h2>B in full: {escape(second['system'])}</h2>"
    )


def figure(caption: str, svg: str) -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>"


def table(head: Sequence[str], rows: Sequence[Sequence[object]], words: dict[int, str] | None = None) -> str:
    kinds = words or {}

    def cell(tag: str, index: int, value: object) -> str:
        kind = f' class="{kinds[index]}"' if index in kinds and (tag == "td" or kinds[index] == "words") else ""
        style = ' style="text-align:left"' if tag == "th" and index in kinds else ""
        return f"<{tag}{kind}{style}>{escape(str(value))}</{tag}>"

    top = "".join(cell("th", index, name) for index, name in enumerate(head))
    body = "".join(
        "<tr>" + "".join(cell("td", index, value) for index, value in enumerate(row)) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
