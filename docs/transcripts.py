#!/usr/bin/env python3
"""Runs the commands of Markdown pages and compares what they print with the page, or writes it there.

    docs/transcripts.py docs/tutorial.md docs/howto/*.md            check
    docs/transcripts.py --write docs/tutorial.md                    replace the outputs

A command is a line that begins with `$ ` in a ```console block; lines that begin with `> ` continue it. What
follows, up to the next command, is its output. All commands of a page run in order, in one shell, in an empty
folder. `mtl` and `python3` come from PATH; MTL is the folder of the clone. A command that fails ends its page,
unless its block says ```console fails.

A line `...` stands for any lines. When writing, as many lines as before are kept at the start and at the end; a part
between two `...` begins at the first line whose first words are the same. Times, speeds, dates, suffixes of runs and the
size of scores differ between machines: a check wants every line of the page, whatever its numbers, in any order.
"""

import argparse
import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHOWN_WIDTH = "100"


class Shell:
    """One bash for all commands of a page."""

    def __init__(self, folder):
        environment = dict(os.environ, MTL=str(ROOT), COLUMNS=SHOWN_WIDTH, NO_COLOR="1", PYTHONUNBUFFERED="1")
        self.bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=folder, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )

    def run(self, command):
        self.bash.stdin.write(f"{command}\necho \"[end $?]\"\n")
        self.bash.stdin.flush()
        lines = []
        for line in self.bash.stdout:
            end = re.fullmatch(r"(.*)\[end (\d+)\]\n", line)
            if end:
                return lines + ([end[1]] if end[1] else []), int(end[2])
            lines.append(line.rstrip())
        return lines, -1

    def close(self):
        self.bash.stdin.close()
        self.bash.wait()


def normal(line):
    """A line without what differs between machines and runs."""
    line = re.sub(r"\b([a-z_]+)-[a-z0-9]{6}\b", r"\1-RUN", line)
    line = re.sub(r"\d[\d.,]* (ms|s|min|h)\b( \d+ (s|min)\b)?", "TIME", line)
    line = re.sub(r"[−+-]?\d[\d,.]*(e-?\d+)?", "#", line)
    return re.sub(r"[ ─]+", " ", line).strip()


def segments(expected):
    parts = [[]]
    for line in expected:
        if line == "...":
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def shortened(expected, actual):
    """The actual output, left out where the expected one is."""
    parts = segments(expected)
    if len(parts) == 1:
        return actual
    start, end = len(parts[0]), len(parts[-1])
    written, place = actual[:start], start
    for part in parts[1:-1]:
        first = normal(part[0])[:16]
        found = next((i for i in range(place, len(actual)) if normal(actual[i]).startswith(first)), None)
        if found is None:
            print(f"  no line begins with: {first}")
            continue
        written += ["..."] + actual[found : found + len(part)]
        place = found + len(part)
    return written + ["..."] + (actual[len(actual) - end :] if end else [])


def matches(expected, actual):
    """Is every line of the page printed? Stages that work side by side end in any order."""
    have = {normal(line) for line in actual}
    return all(line == "..." or line.startswith("Time ") or normal(line) in have for line in expected)


def page(path, write):
    lines = path.read_text().split("\n")
    written, wrong, at = [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(folder)
        while at < len(lines):
            written.append(lines[at])
            opened = re.fullmatch(r"```console( fails)?", lines[at])
            at += 1
            if not opened:
                continue
            while lines[at] != "```":
                if not lines[at].startswith("$ "):
                    sys.exit(f"{path}:{at + 1}: output without a command: {lines[at]}")
                number, command = at + 1, lines[at][2:]
                written.append(lines[at])
                at += 1
                while lines[at].startswith("> "):
                    command += "\n" + lines[at][2:]
                    written.append(lines[at])
                    at += 1
                expected = []
                while lines[at] != "```" and not lines[at].startswith("$ "):
                    expected.append(lines[at])
                    at += 1
                while expected and not expected[-1]:
                    expected.pop()
                actual, status = shell.run(command)
                while actual and not actual[-1]:
                    actual.pop()
                actual = [line.replace(folder, ".").replace(str(ROOT), "$MTL") for line in actual]
                if (status != 0) != bool(opened[1]):
                    wrong += 1
                    print(f"{path}:{number}: `{command}` ended with {status}\n" + "\n".join(actual[-12:]))
                    if not write:
                        shell.close()
                        return wrong
                if not write and not matches(expected, actual):
                    wrong += 1
                    print(f"{path}:{number}: `{command}` prints otherwise")
                    shown = shortened(expected, actual)
                    print("\n".join(difflib.unified_diff(
                        [normal(line) for line in expected], [normal(line) for line in shown], "page", "now", "", "", 0, ""
                    )))
                written += shortened(expected, actual)
                if actual and lines[at].startswith("$ "):
                    written.append("")
            written.append("```")
            at += 1
        shell.close()
    if write:
        path.write_text("\n".join(written))
    print(f"{path}: {'written' if write else 'checked'}, {wrong} wrong")
    return wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--write", action="store_true", help="replace the outputs on the pages")
    arguments.add_argument("pages", nargs="+", type=pathlib.Path)
    given = arguments.parse_args()
    return 1 if sum(page(path, given.write) for path in given.pages) else 0


if __name__ == "__main__":
    sys.exit(main())
