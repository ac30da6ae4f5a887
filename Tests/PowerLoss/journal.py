"""What a disk was asked to do, in order: writes with their data, and flushes."""

import struct

ENTRY = struct.Struct("<QI")
FLUSH = 0xFFFF_FFFF_FFFF_FFFF


class Writer:
    def __init__(self, path):
        self.file = open(path, "wb", buffering=1 << 20)
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, offset, data):
        self.file.write(ENTRY.pack(offset, len(data)))
        self.file.write(data)
        self.count += 1

    def flush(self):
        self.file.write(ENTRY.pack(FLUSH, 0))
        self.count += 1


def read(path):
    """The entries of a journal: (offset, data) of a write, None for a flush."""
    entries = []
    with open(path, "rb") as file:
        content = memoryview(file.read())
    position = 0
    while position < len(content):
        offset, length = ENTRY.unpack_from(content, position)
        position += ENTRY.size
        entries.append(None if offset == FLUSH else (offset, content[position : position + length]))
        position += length
    return entries
