"""The clients that bring packages: pip, npm and apt, as the machine is configured for them."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from recipes.problem import Problem

# What to do when a client is missing.
INSTALL = {
    "npm": "install Node.js with npm (on Debian and Ubuntu: apt-get install npm)",
    "apt-get": "it is part of Debian and its relatives; on another system, run this in a `debian:12` container",
}


class Package:
    """A pinned package: its client, name, version and the sha256 of the file that comes."""

    def __init__(self, client: str, name: str, version: str, file: str, sha256: str):
        self.client, self.name, self.version = client, name, version
        self.file, self.sha256 = file, sha256

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def bring(self, folder: pathlib.Path) -> pathlib.Path:
        """The package's file in `folder`, fetched unless a whole one is there."""
        file = folder / self.file
        if file.exists() and sha256(file) == self.sha256:
            return file
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as making:
            print(f"fetching {self} with {self.client}", flush=True)
            CLIENTS[self.client](self, pathlib.Path(making), folder)
            found = [path for path in pathlib.Path(making).iterdir() if path.is_file()]
            if len(found) != 1:
                raise Problem(f"{self.client} brought {len(found)} files for {self}, expected {self.file}")
            hash = sha256(found[0])
            if hash != self.sha256:
                raise Problem(
                    f"{found[0].name}: sha256 is {hash}, expected {self.sha256}; it is another package than "
                    "the one this script knows, and nothing was done with it"
                )
            os.replace(found[0], file)
        return file


def sha256(file: pathlib.Path) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else (
            hashlib.sha256(opened.read()).hexdigest()
        )


def run(what: str, command: list, folder: pathlib.Path) -> None:
    """Runs a client in `folder`; what it says when it fails is told."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except FileNotFoundError:
        client = command[0]
        raise Problem(f"{what} needs `{client}`, which is not on this machine: {INSTALL[client]}") from None
    if done.returncode != 0:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        told = "\n    ".join(said[-6:]) or "(it said nothing)"
        raise Problem(
            f"{what} could not be fetched; is there a network, and is `{pathlib.Path(command[0]).name}` "
            f"configured for it? It said:\n    {told}"
        )


def pip(package: Package, making: pathlib.Path, _: pathlib.Path) -> None:
    known = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True)
    if known.returncode != 0:
        raise Problem(
            f"{package} needs pip, which this Python ({sys.executable}) has not: "
            "run `python3 -m ensurepip` (on Debian and Ubuntu: apt-get install python3-pip)"
        )
    form = "--only-binary" if package.file.endswith(".whl") else "--no-binary"
    run(
        str(package),
        [
            *[sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"],
            *["--no-deps", form, ":all:", "--dest", making, f"{package.name}=={package.version}"],
        ],
        making,
    )


def npm(package: Package, making: pathlib.Path, _: pathlib.Path) -> None:
    run(
        str(package),
        ["npm", "pack", "--silent", "--ignore-scripts", f"{package.name}@{package.version}"],
        making,
    )


def apt(package: Package, making: pathlib.Path, folder: pathlib.Path) -> None:
    settings = apt_settings(folder)
    run(
        f"{package} (from the apt sources of this machine; Debian 12 has it)",
        ["apt-get", "-qq", *settings, "download", f"{package.name}={package.version}"],
        making,
    )


CLIENTS = {"pip": pip, "npm": npm, "apt": apt}


def apt_settings(folder: pathlib.Path) -> list:
    """apt's indices in a private folder, brought up to date once per run of this script: the
    machine's own state stays as it is, and nobody needs to be root."""
    state = folder / "apt"
    settings = ["-o", f"Dir::State::lists={state / 'lists'}", "-o", f"Dir::Cache={state / 'cache'}"]
    settings += ["-o", "Acquire::Languages=en,de", "-o", "APT::Sandbox::User="]
    if state not in UPDATED:
        for part in ["lists/partial", "cache/archives/partial"]:
            (state / part).mkdir(parents=True, exist_ok=True)
        print("updating a private copy of the apt indices", flush=True)
        run("the list of apt's packages", ["apt-get", "-qq", *settings, "update"], folder)
        UPDATED.add(state)
    return settings


UPDATED: set = set()


def apt_index(folder: pathlib.Path, codename: str, wanted: str) -> str:
    """One index of a release's main part as text: `Packages`, or `Translation-de`."""
    settings = apt_settings(folder)
    form = "$(CODENAME)\t$(COMPONENT)\t$(FILENAME)"
    asked = subprocess.run(
        ["apt-get", "indextargets", *settings, "--format", form], capture_output=True, text=True
    )
    lines = [line.split("\t") for line in asked.stdout.splitlines()]
    files = [
        line[2]
        for line in lines
        if line[0] == codename and line[1] == "main" and f"_{wanted}" in pathlib.Path(line[2]).name
    ]
    if not files:
        found = ", ".join(sorted({line[0] for line in lines})) or "none"
        raise Problem(
            f"apt on this machine knows no `{wanted}` of `{codename}` (it knows: {found}); "
            "the text is that of Debian 12: run this in a `debian:12` container"
        )
    helper = shutil.which("apt-helper") or "/usr/lib/apt/apt-helper"
    read = subprocess.run([helper, "cat-file", files[0]], capture_output=True)
    if read.returncode != 0:
        raise Problem(f"apt's own reader cannot read {files[0]}: {read.stderr.decode(errors='replace').strip()}")
    return read.stdout.decode("utf-8")
