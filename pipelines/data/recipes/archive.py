"""Reading packages without unpacking them. One whose members point outside its folder is refused
whole, before any of it is used."""

import io
import lzma
import pathlib
import posixpath
import tarfile
import zipfile
import zlib

from recipes.problem import Problem


class Archive:
    """A tar file: .tgz, .tar.gz, or the data part of a .deb."""

    def __init__(self, file: pathlib.Path):
        self.name = file.name
        try:
            content = file.read_bytes()
            if content.startswith(b"!<arch>\n"):
                content = self.data_of_deb(content)
            self.tar = tarfile.open(fileobj=io.BytesIO(content))
            self.members = {plain(member.name): member for member in self.tar.getmembers()}
        except (tarfile.TarError, lzma.LZMAError, EOFError, ValueError) as cause:
            raise Problem(f"{self.name} is damaged: {cause}") from None
        for member in self.tar.getmembers():
            refuse_outside(self.name, member)

    def data_of_deb(self, content: bytes) -> bytes:
        """A .deb is an `ar` archive: 60 bytes of header per member, bodies at even offsets."""
        at = 8
        while at + 60 <= len(content):
            name, size = content[at : at + 16].decode("ascii").strip(), int(content[at + 48 : at + 58])
            if name.rstrip("/").startswith("data.tar"):
                if at + 60 + size > len(content):
                    break
                return content[at + 60 : at + 60 + size]
            at += 60 + size + size % 2
        raise ValueError("it has no whole data.tar")

    def names(self, folder: str) -> list:
        """The files of a folder, in order of their names."""
        start = folder.rstrip("/") + "/"
        return sorted(name for name, member in self.members.items() if name.startswith(start) and member.isfile())

    def read(self, name: str) -> bytes:
        member = self.members.get(name)
        if member is None or not member.isfile():
            raise Problem(f"{self.name} has no file {name}")
        return self.tar.extractfile(member).read()

    def text(self, name: str, encoding: str = "utf-8") -> str:
        try:
            return self.read(name).decode(encoding)
        except UnicodeDecodeError as cause:
            raise Problem(f"{self.name}: {name} is not {encoding}: {cause}") from None


class Wheel:
    """A zip file with Python's packages."""

    def __init__(self, file: pathlib.Path):
        self.name = file.name
        try:
            self.zip = zipfile.ZipFile(file)
        except zipfile.BadZipFile as cause:
            raise Problem(f"{self.name} is damaged: {cause}") from None

    def read(self, name: str) -> bytes:
        """Only what is asked for is read, by its name: no member decides where it is written."""
        try:
            return self.zip.read(name)
        except KeyError:
            raise Problem(f"{self.name} has no file {name}") from None
        except (zipfile.BadZipFile, zlib.error, EOFError) as cause:
            raise Problem(f"{self.name} is damaged: {cause}") from None


def plain(name: str) -> str:
    return name[2:] if name.startswith("./") else name


def refuse_outside(archive: str, member: tarfile.TarInfo) -> None:
    """Refuses a member that would stand, or lead, outside the folder it is unpacked in."""
    place = plain(member.name)
    paths = [("stands", place)]
    if member.issym():
        paths.append(("leads", posixpath.join(posixpath.dirname(place), member.linkname)))
        if posixpath.isabs(member.linkname):
            paths.append(("leads", member.linkname))
    elif member.islnk():
        paths.append(("leads", member.linkname))
    elif not (member.isfile() or member.isdir()):
        raise Problem(f"{archive} was refused: its member `{member.name}` is a device")
    for how, path in paths:
        normal = posixpath.normpath(path)
        drive = len(path) > 1 and path[1] == ":"
        if posixpath.isabs(path) or drive or "\\" in path or normal == ".." or normal.startswith("../"):
            raise Problem(f"{archive} was refused: its member `{member.name}` {how} outside its folder")
