"""Weights of networks: reading PyTorch's first checkpoints, writing safetensors. Nothing of PyTorch is needed, and
no code of a checkpoint is run."""

import array
import collections
import io
import json
import math
import pickle
import struct
import sys

from recipes.problem import Problem

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
# Storages that checkpoints have: the array's type code, safetensors' name, bytes of a value.
STORAGES = {"FloatStorage": ("f", "F32", 4), "LongStorage": ("q", "I64", 8)}

# What reading a damaged or a malicious checkpoint can raise.
DAMAGE = (
    pickle.UnpicklingError, ValueError, LookupError, TypeError, AttributeError, EOFError, OverflowError, struct.error,
)

# A tensor as it stands in the pickle: a view of a storage, sizes and strides counted in values.
View = collections.namedtuple("View", "storage offset shape strides")
# A tensor: safetensors' name of its type, its shape, its values in row-major order.
Tensor = collections.namedtuple("Tensor", "kind shape values")


class Checkpoint(pickle.Unpickler):
    """Knows the four names that a state dict of tensors needs, and refuses any other."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: View(storage, offset, shape, strides)
        if module == "torch" and name in STORAGES:
            return name
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no state dict of tensors needs")

    def persistent_load(self, described):
        kind, storage, key, _, count, view = described
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"it holds {kind} {key}; expected whole storages")
        return key, storage, count


def legacy_checkpoint(name: str, content: bytes) -> dict:
    """The tensors of `torch.save` before PyTorch 1.6, by name: pickles of a magic number, a version, sizes of types,
    the state dict and the storages' keys; then, in that order, each storage's count and values."""
    file = io.BytesIO(content)
    try:
        magic, protocol, system, state, keys = (Checkpoint(file).load() for _ in range(5))
        if (magic, protocol, system.get("little_endian")) != (MAGIC, PROTOCOL, True):
            raise ValueError("it is no checkpoint of PyTorch before 1.6")
        views = {key: view for key, view in state.items() if isinstance(view, View)}
        if len(views) != len(state):
            raise ValueError("it holds more than tensors")
        kinds = {view.storage[0]: view.storage[1:] for view in views.values()}
        storages = {key: read_storage(file, *kinds[key]) for key in keys}
        if file.read(1):
            raise ValueError("bytes are left after the last storage")
        return {key: tensor(storages, view) for key, view in views.items()}
    except DAMAGE as cause:
        raise Problem(f"{name}: {cause}") from None


def read_storage(file, storage: str, count: int) -> array.array:
    code, _, width = STORAGES[storage]
    (stored,) = struct.unpack("<q", file.read(8))
    content = file.read(count * width)
    if stored != count or len(content) != count * width:
        raise ValueError(f"a storage has {len(content)} bytes, expected {count} values of {width}")
    values = array.array(code, content)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def tensor(storages: dict, view: View) -> Tensor:
    """The values of a view in row-major order, whatever its strides."""
    key, storage, _ = view.storage
    places = [view.offset]
    for size, stride in zip(view.shape, view.strides):
        places = [place + step * stride for place in places for step in range(size)]
    values = storages[key]
    if places and not 0 <= min(places) <= max(places) < len(values):
        raise ValueError(f"a tensor of shape {list(view.shape)} leaves its storage")
    code, kind, _ = STORAGES[storage]
    return Tensor(kind, tuple(view.shape), array.array(code, map(values.__getitem__, places)))


def safetensors(tensors: dict) -> bytes:
    """A header of JSON, padded to a multiple of 8 bytes, and the values, little-endian: the widest types first, then by
    name, as safetensors' own writer orders them."""
    header, body, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, (kind, shape, values) in sorted(tensors.items(), key=lambda item: (-item[1].values.itemsize, item[0])):
        if len(values) != math.prod(shape):
            raise Problem(f"{name} has {len(values)} values, but its shape is {list(shape)}")
        if sys.byteorder == "big":
            values = values[:]
            values.byteswap()
        content = values.tobytes()
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, at + len(content)]}
        body.append(content)
        at += len(content)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(body)
