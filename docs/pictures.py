#!/usr/bin/env python3
"""Makes the pictures of the manual, docs/pictures/*: a terminal, a report and plots, all of the tutorial's data.

    docs/pictures.py                all pictures, in about three minutes on two cores
    docs/pictures.py terminal       some of them

It runs the commands of docs/tutorial.md in a temporary folder. `mtl` comes from PATH. The picture of the
report needs weasyprint and pymupdf from PyPI (70.0 and 2.0), which draw a page without a browser.
"""

import argparse
import html
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs/pictures"
COLUMNS = 116

# The commands of the tutorial up to its two runs.
PREPARE = """
cp "$MTL"/docs/tutorial/* .
python3 make_orders.py
mtl init orders.csv --target returned,rating,hours
sed -i.bak 's/kind: multiclass .*/kind: ordinal/; s/stratified: .*/random: {valid: 0.15, test: 0.25}}/' orders.yaml
sed 's/^name: orders/name: sharing/' orders.yaml | cat - sweep.yaml > sharing.yaml
"""
# Plots of the sweep: file, and what to draw.
PLOTS = {"curves-rating": "curves", "shares": "shares", "gains": "gains", "front": "front"}

# Colours of a terminal by their ANSI codes.
COLOURS = {31: "#f07178", 32: "#a5d6a7", 33: "#ffcb6b", 34: "#82aaff", 35: "#c792ea", 36: "#89ddff",
           90: "#8a919c"}
TEXT = "#dfe3e8"
CELL, LINE, MARGIN = 8.4, 18, 16


def shell(folder, commands):
    environment = dict(os.environ, MTL=str(ROOT), COLUMNS=str(COLUMNS))
    done = subprocess.run(["bash", "-ec", commands], cwd=folder, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(f"{commands}\n{done.stdout}")
    return done.stdout


def spans(line):
    """The parts of a line that differ in style: text, colour, bold or dim."""
    colour, weight = None, None
    for text, codes in re.findall(r"([^\x1b]+)|\x1b\[([\d;]*)m", line):
        if text:
            yield text, colour, weight
        for code in map(int, filter(None, codes.split(";"))) if not text else ():
            colour = COLOURS.get(code, colour) if code else None
            weight = {0: None, 1: "bold", 2: "dim"}.get(code, weight)
        if not text and codes == "":
            colour, weight = None, None


def terminal(lines):
    """An SVG of lines with ANSI colours, in the cells of a terminal."""
    columns = max(sum(len(text) for text, _, _ in spans(line)) for line in lines)
    width, height = columns * CELL + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" font-size="14"',
           '  font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace">',
           f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#1e2227"/>']
    for row, line in enumerate(lines):
        at = 0
        for text, colour, weight in spans(line):
            style = ' font-weight="bold"' if weight == "bold" else ' opacity="0.65"' if weight == "dim" else ""
            # Each group of words has a place and a length, so that columns stand below each other in any font.
            for words in re.finditer(r"\S+(?: \S+)*", text):
                x, y = MARGIN + (at + words.start()) * CELL, MARGIN + (row + 0.75) * LINE
                out.append(f'<text x="{x:.1f}" y="{y:.1f}" textLength="{len(words[0]) * CELL:.1f}" '
                           f'lengthAdjust="spacingAndGlyphs" fill="{colour or TEXT}"{style}>'
                           f'{html.escape(words[0])}</text>')
            at += len(text)
    return "\n".join(out + ["</svg>\n"])


def draw_terminal(folder):
    """`mtl run` of the tutorial: its progress without the middle epochs, and its scores."""
    lines = shell(folder, "mtl run orders.yaml --color always").splitlines()
    plain = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines]
    first = next(i for i, line in enumerate(plain) if re.match(r" +4 ", line))
    last = next(i for i, line in enumerate(plain) if line.startswith("  trained")) - 1
    lines = ["$ mtl run orders.yaml", *lines[:first], "    ...", *lines[last:]]
    (PICTURES / "terminal.svg").write_text(terminal(lines))


def draw_plots(folder):
    shell(folder, "mtl run sharing.yaml -j 2")
    for name, kind in PLOTS.items():
        shell(folder, f"mtl plot sharing --kind {kind} --to plots")
        shutil.copy(folder / f"plots/{name}.svg", PICTURES / f"{name}.svg")


def draw_report(folder):
    """The upper part of the report of the sweep."""
    import pymupdf
    import weasyprint

    shell(folder, "mtl report sharing --to report.html")
    style = weasyprint.CSS(string="@page { size: 1100px 6000px; margin: 0 }")
    page = weasyprint.HTML(filename=str(folder / "report.html")).write_pdf(stylesheets=[style])
    pymupdf.open(stream=page)[0].get_pixmap(dpi=96).save(PICTURES / "report.png")  # cut


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", help="terminal, plots, report")
    wanted = parser.parse_args().pictures or ["terminal", "plots", "report"]
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        shell(folder, PREPARE)
        if "terminal" in wanted:
            draw_terminal(folder)
        if "plots" in wanted or "report" in wanted:
            draw_plots(folder)
        if "report" in wanted:
            draw_report(folder)


if __name__ == "__main__":
    main()
