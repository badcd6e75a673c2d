"""What `fetch --self-test` tests; it needs neither network nor packages."""

import hashlib
import io
import os
import json
import pathlib
import pickle
import random
import struct
import tarfile
import tempfile
import unittest
import zipfile
from unittest import mock

from recipes import chinese, client, conversations, digits, models, packages, place
from recipes.archive import Archive, Wheel
from recipes.problem import Problem
from recipes.weights import MAGIC, PROTOCOL, legacy_checkpoint, safetensors


def run() -> int:
    tests = unittest.defaultTestLoader.loadTestsFromModule(__import__(__name__, fromlist=["run"]))
    return 0 if unittest.TextTestRunner(verbosity=1).run(tests).wasSuccessful() else 1


def packed(*members) -> bytes:
    """A .tar.gz of members: (name, content), or (name, type, where a link leads)."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, *rest in members:
            member = tarfile.TarInfo(name)
            if len(rest) == 1:
                member.size = len(rest[0])
                tar.addfile(member, io.BytesIO(rest[0]))
            else:
                member.type, member.linkname = rest
                tar.addfile(member)
    return made.getvalue()


class InFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name: str, content: bytes) -> pathlib.Path:
        (self.folder / name).write_bytes(content)
        return self.folder / name


class Archives(InFolder):
    def test_a_package_is_read(self):
        archive = Archive(self.file("good.tgz", packed(("./a/b.txt", b"text"), ("a/c", b""))))
        self.assertEqual(archive.text("a/b.txt"), "text")
        self.assertEqual(archive.names("a"), ["a/b.txt", "a/c"])
        with self.assertRaisesRegex(Problem, "good.tgz has no file a/d"):
            archive.read("a/d")

    def test_members_outside_the_folder_are_refused(self):
        link, hard = tarfile.SYMTYPE, tarfile.LNKTYPE
        for bad in [
            ("../evil", b""),
            ("a/../../evil", b""),
            ("/etc/evil", b""),
            ("c:/evil", b""),
            ("..\\evil", b""),
            ("a/link", link, "../../evil"),
            ("a/link", link, "/etc/passwd"),
            ("a/link", hard, "../evil"),
            ("a/device", tarfile.CHRTYPE, ""),
        ]:
            file = self.file("bad.tgz", packed(("a/good", b"1"), bad))
            with self.subTest(bad), self.assertRaisesRegex(Problem, "bad.tgz was refused"):
                Archive(file)
        Archive(self.file("good.tgz", packed(("a/b", b""), ("a/c/link", link, "../b"))))

    def test_a_debian_package_is_read(self):
        tar = packed(("./usr/share/x", b"1"))
        parts = [(b"debian-binary", b"2.0"), (b"data.tar.gz", tar)]
        deb = b"!<arch>\n"
        for name, content in parts:
            deb += name.ljust(48) + str(len(content)).encode().ljust(10) + b"`\n" + content
            deb += b"\n" * (len(content) % 2)
        self.assertEqual(Archive(self.file("x.deb", deb)).read("usr/share/x"), b"1")
        with self.assertRaisesRegex(Problem, "is damaged"):
            Archive(self.file("x.deb", deb[:-20]))

    def test_a_damaged_package_is_refused(self):
        with self.assertRaisesRegex(Problem, "cut.tgz is damaged"):
            Archive(self.file("cut.tgz", packed(("a", os.urandom(9999)))[:-2000]))


    def test_a_wheel_is_read(self):
        with zipfile.ZipFile(self.folder / "a.whl", "w") as wheel:
            wheel.writestr("a/b", b"content " * 99)
        self.assertEqual(Wheel(self.folder / "a.whl").read("a/b"), b"content " * 99)
        with self.assertRaisesRegex(Problem, "a.whl has no file a/c"):
            Wheel(self.folder / "a.whl").read("a/c")
        content = (self.folder / "a.whl").read_bytes()
        for bad in [content[:-9], content.replace(b"content", b"contend", 1)]:
            with self.assertRaisesRegex(Problem, "bad.whl is damaged"):
                Wheel(self.file("bad.whl", bad)).read("a/b")


def checkpoint(view: tuple, rebuild=b"ctorch._utils\n_rebuild_tensor_v2\n", count=6) -> bytes:
    """A state dict of one tensor `a`, a view (offset, shape, strides) of the storage 0, 1, 2, 3, 4, 5, in the form of
    `torch.save` before PyTorch 1.6."""
    text = lambda word: b"X" + struct.pack("<i", len(word)) + word.encode()
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("key") + text("cpu") + b"K\x06Nt"
    offset, shape, strides = (pickle.dumps(part, 2)[2:-1] for part in view)
    tensor = rebuild + b"(" + storage + b"Q" + offset + shape + strides + b"\x89Nt" + b"R"
    state = b"\x80\x02ccollections\nOrderedDict\n)R" + text("a") + tensor + b"s."
    parts = [pickle.dumps(part, 2) for part in [MAGIC, PROTOCOL, {"little_endian": True}]]
    return b"".join([*parts, state, pickle.dumps(["key"], 2), struct.pack(f"<q{count}f", count, *range(count))])


class Weights(unittest.TestCase):
    def test_a_view_is_read_in_row_major_order(self):
        found = legacy_checkpoint("x", checkpoint((0, (2, 3), (3, 1))))["a"]
        self.assertEqual((found.kind, found.shape, list(found.values)), ("F32", (2, 3), [0, 1, 2, 3, 4, 5]))
        found = legacy_checkpoint("x", checkpoint((0, (3, 2), (1, 3))))["a"]
        self.assertEqual((found.shape, list(found.values)), ((3, 2), [0, 3, 1, 4, 2, 5]))
        found = legacy_checkpoint("x", checkpoint((1, (2, 1), (2, 1))))["a"]
        self.assertEqual((found.shape, list(found.values)), ((2, 1), [1, 3]))

    def test_a_checkpoint_that_runs_code_is_refused(self):
        with self.assertRaisesRegex(Problem, "x: it names posix.system, which no state dict of tensors needs"):
            legacy_checkpoint("x", checkpoint((0, (6,), (1,)), rebuild=b"cposix\nsystem\n"))

    def test_a_damaged_checkpoint_is_refused(self):
        whole = checkpoint((0, (2, 3), (3, 1)))
        for bad in [whole[:-1], whole + b"0", whole[:40], b"", b"PK" + whole]:
            with self.assertRaisesRegex(Problem, "^x: "):
                legacy_checkpoint("x", bad)
        with self.assertRaisesRegex(Problem, "leaves its storage"):
            legacy_checkpoint("x", checkpoint((1, (2, 3), (3, 1))))
        with self.assertRaisesRegex(Problem, "expected 6 values"):
            legacy_checkpoint("x", checkpoint((0, (2,), (1,)), count=5))

    def test_safetensors_are_written(self):
        tensors = legacy_checkpoint("x", checkpoint((0, (3, 2), (1, 3))))
        content = safetensors(tensors)
        (size,) = struct.unpack("<Q", content[:8])
        self.assertEqual(size % 8, 0)
        header = json.loads(content[8 : 8 + size])
        self.assertEqual(header["a"], {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]})
        self.assertEqual(struct.unpack("<6f", content[8 + size :]), (0, 3, 1, 4, 2, 5))
        self.assertEqual(models.count(content), 1)

    def test_blocks_are_numbered_within_their_stages(self):
        for name, expected in [
            ("_conv_stem.weight", "conv_stem.weight"),
            ("_bn1.running_var", "bn2.running_var"),
            ("_blocks.0._project_conv.weight", "blocks.0.0.conv_pw.weight"),
            ("_blocks.1._expand_conv.weight", "blocks.1.0.conv_pw.weight"),
            ("_blocks.15._bn2.bias", "blocks.6.0.bn3.bias"),
            ("_fc.bias", "classifier.bias"),
        ]:
            self.assertEqual(models.timm_name(name), expected)
        with self.assertRaisesRegex(Problem, "no weight of EfficientNet-lite0"):
            models.timm_name("_blocks.0._expand_conv.weight")


class Packages(InFolder):
    def bring(self, content: bytes, expected: bytes):
        calls = []

        def fake(package, making, _):
            calls.append(package)
            (making / "p-1.tgz").write_bytes(content)

        package = client.Package("fake", "p", "1", "p-1.tgz", hashlib.sha256(expected).hexdigest())
        with mock.patch.dict(client.CLIENTS, fake=fake), mock.patch("builtins.print"):
            package.bring(self.folder)
        return calls

    def test_a_package_is_fetched_once(self):
        self.assertEqual(len(self.bring(b"good", b"good")), 1)
        self.assertEqual(self.bring(b"good", b"good"), [])
        self.assertEqual([path.name for path in self.folder.iterdir()], ["p-1.tgz"])

    def test_another_package_is_refused(self):
        with self.assertRaisesRegex(Problem, "p-1.tgz: sha256 is .* expected"):
            self.bring(b"evil", b"good")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_missing_client_is_named(self):
        with mock.patch.dict(os.environ, PATH=str(self.folder)):
            with self.assertRaisesRegex(Problem, "needs `npm`, which is not on this machine: install Node.js"):
                client.run("digits 1", ["npm", "pack"], self.folder)

    def test_what_a_client_says_is_told(self):
        with self.assertRaisesRegex(Problem, "is there a network.*\n.*no such host"):
            client.run("digits 1", ["sh", "-c", "echo no such host >&2; exit 1"], self.folder)


class Good:
    PACKAGES, ROWS = [], {"rows.txt": 2}

    @staticmethod
    def prepare(_, files, out):
        out.text("rows.txt", 2, "a\nb\n")


class Killed(Good):
    @staticmethod
    def prepare(_, files, out):
        out.text("rows.txt", 2, "a\n")
        raise KeyboardInterrupt


class Places(InFolder):
    def names(self):
        return sorted(path.name for path in self.folder.iterdir())

    def test_a_folder_is_made_whole_or_not_at_all(self):
        with self.assertRaises(KeyboardInterrupt):
            place.make(self.folder, "rows", Killed)
        self.assertEqual(self.names(), [])
        (self.folder / ".making-rows-left").mkdir()
        self.assertEqual(place.make(self.folder, "rows", Good), {"rows.txt": 2})
        self.assertEqual(self.names(), ["rows"])
        with self.assertRaises(KeyboardInterrupt):
            place.make(self.folder, "rows", Killed)
        self.assertTrue(place.is_done(self.folder / "rows", Good))

    def test_a_folder_is_done_while_its_files_are_as_made(self):
        rows = self.folder / "rows"
        self.assertFalse(place.is_done(rows, Good))
        place.make(self.folder, "rows", Good)
        self.assertTrue(place.is_done(rows, Good))
        self.assertFalse(place.is_done(rows, Killed))
        (rows / "rows.txt").write_text("a\nc\n")
        self.assertFalse(place.is_done(rows, Good))
        place.make(self.folder, "rows", Good)
        self.assertTrue(place.is_done(rows, Good))
        (rows / "rows.txt").unlink()
        self.assertFalse(place.is_done(rows, Good))

    def test_a_row_too_few_is_refused(self):
        with mock.patch.object(Good, "ROWS", {"rows.txt": 3}):
            with self.assertRaisesRegex(Problem, "rows are .*2.*expected .*3"):
                place.make(self.folder, "rows", Good)
        self.assertEqual(self.names(), [])

    def test_parts_are_shares_and_a_function_of_the_key(self):
        parts = [place.part(f"key {number}") for number in range(5000)]
        self.assertEqual(parts, [place.part(f"key {number}") for number in range(5000)])
        self.assertLess(abs(parts.count("train") - 4000), 150)
        self.assertLess(abs(parts.count("test") - 500), 100)


class Digits(unittest.TestCase):
    def test_the_overlay_is_the_published_one(self):
        generator = random.Random(0)
        left, right = (bytes(generator.randrange(256) for _ in range(digits.PIXELS)) for _ in range(2))
        canvas = [[0] * 36 for _ in range(36)]
        for image, offset in [(left, 0), (right, 6)]:
            for at, value in enumerate(image):
                row, column = offset + at // 28, offset + at % 28
                canvas[row][column] = max(canvas[row][column], value)
        small = [canvas[int((r + 0.5) * 36 / 28)][int((c + 0.5) * 36 / 28)] for r in range(28) for c in range(28)]
        places = digits.overlay()
        made = [max((left + b"\0")[l], (right + b"\0")[r]) for l, r in zip(*places)]
        self.assertEqual(made, small)

    def test_a_lying_header_is_refused(self):
        whole = bytes([0, 0, 8, 1, 0, 0, 0, 3]) + b"abc"
        self.assertEqual(digits.idx("x", whole, 1), b"abc")
        for bad in [whole[:-1], whole + b"d", bytes([0, 0, 9]) + whole[3:]]:
            with self.assertRaises(Problem):
                digits.idx("x", bad, 1)


class Texts(unittest.TestCase):
    def test_chinese_sentences_end_with_their_marks(self):
        tokens = [(word, "w") for word in ["“", "好", "。", "”", "他", "说", "？", "走"]]
        found = ["".join(word for word, _ in part) for part in chinese.sentences(tokens)]
        self.assertEqual(found, ["“好。”", "他说？", "走"])

    def test_chinese_words_and_names_are_tagged(self):
        self.assertEqual("".join(chinese.segment(["总书记", "江", "泽民"])), "BMESBE")
        tagged = [("江", "nr"), ("泽民", "nr"), ("叶利钦", "nr"), ("王", "nr"), ("在", "p"), ("北京", "ns")]
        expected = ["B-person", "I-person", "B-person", "B-person", "O", "B-place"]
        self.assertEqual(chinese.names(tagged), expected)

    def test_conversations_are_read(self):
        text = (
            "categories:\n- a\nconversations:\n- - What is it?\n  - 'It''s\n    a: test. '\n"
            '  - "Say \\"yes\\"\\n"\n- - One\n  - Two\n    lines\n\n- - Code\n  - |\n    a = 1\n    b\n'
        )
        found = conversations.conversations(text, "a.yml")
        self.assertEqual(found[0], ["What is it?", "It's a: test. ", 'Say "yes"\n'])
        self.assertEqual(found[1:], [["One", "Two lines"], ["Code", "a = 1\nb"]])

    def test_indices_are_read(self):
        index = "Package: a\nDescription-md5: 1\nDescription-en: A short\n First\n line.\n .\n Second.\n\nPackage: b\n"
        self.assertEqual(packages.translations(index, "Description-en"), {"1": ("A short", ["First line.", "Second."])})
        self.assertEqual(packages.tags({"Tag": "role::program, x11::a,\n b::c++"}), {"role::program", "x11::a", "b::c++"})
        self.assertEqual(packages.column("implemented-in::c++"), "implemented_in_cpp")
