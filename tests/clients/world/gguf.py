"""A copy of a GGUF file that says something else in its head (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md)."""

import struct
from pathlib import Path

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
STRING, ARRAY = 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def copy_saying(source, key, text, to):
    """Writes `source` to `to`, where `key` is the text `text`; the tensors are the same."""
    old = Path(source).read_bytes()
    reader = _Reader(old)
    tensors, values = reader.head()
    kept = [raw for name, raw in (reader.value() for _ in range(values)) if name != key]
    infos = reader.at
    for _ in range(tensors):
        reader.tensor()
    said = _string(key) + struct.pack("<I", STRING) + _string(text)
    head = MAGIC + struct.pack("<IQQ", VERSION, tensors, len(kept) + 1) + b"".join(kept) + said + old[infos : reader.at]
    Path(to).write_bytes(_aligned(head) + old[_end(reader.at) :])
    return str(to)


def _string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _end(length):
    return -(-length // ALIGNMENT) * ALIGNMENT


def _aligned(head):
    return head.ljust(_end(len(head)), b"\0")


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def head(self):
        assert self.data[:4] == MAGIC, "it is no GGUF file"
        self.at = 4
        version, tensors, values = self._take("<IQQ")
        assert version == VERSION, f"version {version}"
        return tensors, values

    def value(self):
        """A key, and all of its bytes with those of its value."""
        begin = self.at
        name = self._text()
        self._skip(*self._take("<I"))
        return name, self.data[begin : self.at]

    def tensor(self):
        self._text()
        (dimensions,) = self._take("<I")
        self.at += 8 * dimensions + 4 + 8

    def _take(self, form):
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return values

    def _text(self):
        (length,) = self._take("<Q")
        self.at += length
        return self.data[self.at - length : self.at].decode()

    def _skip(self, kind):
        if kind == STRING:
            self._text()
        elif kind == ARRAY:
            of, count = self._take("<IQ")
            for _ in range(count):
                self._skip(of)
        else:
            self.at += SIZES[kind]
