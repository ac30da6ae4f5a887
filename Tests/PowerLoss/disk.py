"""A disk that remembers: a FUSE file system of one file, which records each write and each flush.

The file system's root is the file itself, so the kernel asks for little more than reading, writing and flushing.
A loop device on the file turns a flush of the block device (REQ_PREFLUSH, REQ_FUA) into an fsync of the file.
The protocol is that of <linux/fuse.h>, version 7.31, spoken on /dev/fuse without a library.
"""

import errno
import mmap
import os
import stat
import struct
import time

import journal
from system import mount

INIT, GETATTR, SETATTR, OPEN, READ, WRITE = 26, 3, 4, 14, 15, 16
STATFS, RELEASE, FSYNC, FLUSH, FORGET, BATCH_FORGET, INTERRUPT, DESTROY = 17, 18, 20, 25, 2, 42, 36, 38

HEADER = struct.Struct("<IIQQIIII")
REPLY = struct.Struct("<IiQ")
MAX_WRITE = 1 << 17
FOPEN_DIRECT_IO = 1
# How long a flush takes, as on a slow disk: meanwhile others write, and more is lost at once. Seconds.
FLUSH_SECONDS = 0.002


class RecordedDisk:
    """A file whose writes go to a journal. The process that serves it ends with the mount."""

    def __init__(self, base, mount_point, journal_path):
        """Mounts the disk over the file `mount_point` and serves it from a process of its own.

        `base` holds what the disk begins with, and takes what is written.
        """
        self.path = mount_point
        # How many entries the journal has. Shared, so that whoever was answered can tell when that was.
        self._count = mmap.mmap(-1, 8)
        device = os.open("/dev/fuse", os.O_RDWR)
        mount("fuse", mount_point, "fuse", f"fd={device},rootmode={stat.S_IFREG:o},user_id=0,group_id=0")
        self.server = os.fork()
        if self.server == 0:
            try:
                with journal.Writer(journal_path) as writer:
                    _Server(device, base, writer, self._count).run()
            finally:
                os._exit(0)
        os.close(device)

    def position(self):
        """How many writes and flushes the disk has taken so far."""
        return struct.unpack("<Q", self._count[:])[0]

    def wait(self):
        """Waits for the server's end, after the unmount."""
        os.waitpid(self.server, 0)


class _Server:
    def __init__(self, device, base, writer, count):
        self.device = device
        self.writer = writer
        self.count = count
        self.file = os.open(base, os.O_RDWR)
        self.size = os.fstat(self.file).st_size
        self.handlers = {
            INIT: self.init, GETATTR: self.attributes, SETATTR: self.attributes, OPEN: self.open,
            READ: self.read, WRITE: self.write, FSYNC: self.flush, FLUSH: self.nothing,
            RELEASE: self.nothing, STATFS: self.statfs,
        }  # fmt: skip

    def run(self):
        buffer = bytearray(MAX_WRITE + 4096)
        view = memoryview(buffer)
        while True:
            try:
                length = os.readv(self.device, [buffer])
            except OSError as error:
                if error.errno == errno.ENODEV:  # unmounted
                    return
                if error.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                    continue
                raise
            _, opcode, unique, *_ = HEADER.unpack_from(buffer)
            if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
                continue
            handler = self.handlers.get(opcode)
            try:
                code, body = (0, handler(view[HEADER.size : length])) if handler else (-errno.ENOSYS, b"")
            except OSError as error:
                code, body = -error.errno, b""
            os.writev(self.device, [REPLY.pack(REPLY.size + len(body), code, unique), body])
            if opcode == DESTROY:
                return

    def init(self, request):
        major, minor, readahead, _ = struct.unpack_from("<IIII", request)
        assert major == 7 and minor >= 31, "an old kernel"
        return struct.pack("<IIIIHHIIHHII24x", 7, 31, readahead, 0, 16, 12, MAX_WRITE, 1, 0, 0, 0, 0)

    def attributes(self, _):
        attribute = struct.pack(
            "<QQQQQQIIIIIIIIII", 1, self.size, self.size // 512, 0, 0, 0, 0, 0, 0,
            stat.S_IFREG | 0o600, 1, 0, 0, 0, 4096, 0,
        )  # fmt: skip
        return struct.pack("<QII", 3600, 0, 0) + attribute

    def open(self, _):
        return struct.pack("<QII", 0, FOPEN_DIRECT_IO, 0)

    def read(self, request):
        _, offset, size = struct.unpack_from("<QQI", request)
        return os.pread(self.file, size, offset)

    def write(self, request):
        _, offset, size = struct.unpack_from("<QQI", request)
        data = request[40 : 40 + size]
        os.pwrite(self.file, data, offset)
        self.writer.write(offset, data)
        self.tick()
        return struct.pack("<II", size, 0)

    def flush(self, _):
        time.sleep(FLUSH_SECONDS)
        self.writer.flush()
        self.tick()
        return b""

    def tick(self):
        self.count[:] = struct.pack("<Q", self.writer.count)

    def nothing(self, _):
        return b""

    def statfs(self, _):
        return struct.pack("<QQQQQIIII24x", self.size // 4096, 0, 0, 1, 0, 4096, 255, 4096, 0)
