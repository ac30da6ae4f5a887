"""A workload on a file system, recorded to the last block; and the images that a power loss could leave."""

import collections
import json
import os
import random

import filesystems
import journal
from disk import RecordedDisk
from prefill import prefill_mints
from service import Service
from system import run, unmount_when_free
from workload import Workload


class Recording:
    """A folder with `base` (the disk before), `journal` (what was written to it) and `promises`."""

    def __init__(self, folder, file_system, seed):
        self.folder = folder
        self.file_system = filesystems.ALL[file_system]
        self.seed = seed
        self.base = f"{folder}/base"
        self.journal = f"{folder}/journal"
        # How many of the last writes and flushes the disk loses although it has answered the flushes.
        self.forgets = 0

    def record(self, binary, seconds, rotates):
        """Runs the workload.

        Where `rotates`, the file of mints is nearly full when it begins, and challenges expire.
        """
        mount_point, device, disk_file = (f"{self.folder}/{name}" for name in ("mnt", "device", "disk"))
        self.file_system.format(self.base)
        if rotates:
            self.file_system.mount(self.base, mount_point)
            prefill_mints(f"{mount_point}/state")
            unmount_when_free(mount_point)
        run("fallocate", "--dig-holes", self.base)
        copy_sparse(self.base, disk_file)
        open(device, "wb").close()
        disk = RecordedDisk(disk_file, device, self.journal)
        self.file_system.mount(disk.path, mount_point)
        service = Service(binary, f"{mount_point}/state", self.folder, challenge_seconds=1 if rotates else 3600)
        workload = Workload(service, disk.position, self.folder, self.seed)
        try:
            workload.run(seconds)
            if rotates and not os.path.exists(f"{service.state}/mints.jsonl.000001"):
                raise RuntimeError("the file of mints was not rotated")
        finally:
            if service.process:
                service.kill()
            unmount_when_free(mount_point)
            unmount_when_free(device)
            disk.wait()
            os.remove(disk_file)
        self._take(sorted(workload.promises, key=lambda promise: promise["position"]), sorted(workload.events))

    def _take(self, promises, events):
        self.promises, self.events = promises, events
        self.entries = journal.read(self.journal)
        # Which writes hold lines of JSON.
        self.record_writes = [
            index for index, entry in enumerate(self.entries) if entry and b'"}\n' in bytes(entry[1])
        ]

    def save(self, folder):
        """Copies it to another folder, for ``load``."""
        os.makedirs(folder)
        for name in ("base", "journal"):
            copy_sparse(f"{self.folder}/{name}", f"{folder}/{name}")
        with open(f"{folder}/promises", "w") as file:
            content = {"promises": self.promises, "events": self.events}
            json.dump({"file_system": self.file_system.name, "seed": self.seed, **content}, file)

    @staticmethod
    def load(folder):
        with open(f"{folder}/promises") as file:
            content = json.load(file)
        recording = Recording(folder, content["file_system"], content["seed"])
        recording._take(content["promises"], content["events"])
        return recording

    def __str__(self):
        counts = collections.Counter(promise["kind"] for promise in self.promises)
        flushes = sum(entry is None for entry in self.entries)
        return f"{len(self.entries) - flushes} writes, {flushes} flushes, " + ", ".join(
            f"{count} {kind}s" for kind, count in sorted(counts.items())
        )

    def promises_before(self, moment):
        return [promise for promise in self.promises if promise["position"] <= moment]

    def loss(self, number):
        """The power loss of that number: the same for the same seed and recording."""
        return PowerLoss(self, random.Random(f"{self.seed}.{self.file_system.name}.{number}"), self.forgets)


class PowerLoss:
    """A moment, and which of the blocks written since the last flush before it are on the disk."""

    def __init__(self, recording, chance, forgets=0):
        self.recording = recording
        self.chance = chance
        entries = recording.entries
        self.moment = min(len(entries), self._moment(recording))
        # Often the last moment before a flush: most is lost then.
        if chance.random() < 0.5:
            while self.moment < len(entries) and entries[self.moment] is not None:
                self.moment += 1
        self.flushed = self.moment
        while self.flushed > 0 and entries[self.flushed - 1] is not None:
            self.flushed -= 1
        self.block_size = chance.choice(recording.file_system.block_sizes)
        self.share = chance.choice((0, 0.2, 0.5, 0.5, 0.8, 1))
        if forgets:
            self.flushed = max(0, self.moment - forgets)
            self.share = 0

    def _moment(self, recording):
        """That of a promise, which is lost most easily when it is young; or amid something rare; or when a record is
        on its way to the disk; or any.
        """
        choice = self.chance.random()
        if choice < 0.25:
            return self.chance.choice(recording.promises)["position"] + self.chance.randrange(3)
        if choice < 0.55:
            begin, end = self.chance.choice(recording.events)
            return self.chance.randint(begin, end)
        if choice < 0.9:
            return self.chance.choice(recording.record_writes) + self.chance.randrange(1, 3)
        return self.chance.randrange(len(recording.entries) + 1)

    def __str__(self):
        unflushed = self.moment - self.flushed
        return (
            f"after {self.moment} of {len(self.recording.entries)} writes and flushes, {unflushed} unflushed,"
            f" {self.share:.0%} of their {self.block_size}-byte blocks kept"
        )

    def build(self, path):
        """Writes the image."""
        copy_sparse(self.recording.base, path)
        entries = self.recording.entries
        with open(path, "r+b", buffering=0) as file:
            for offset, data in filter(None, entries[: self.flushed]):
                os.pwrite(file.fileno(), data, offset)
            for offset, data in filter(None, entries[self.flushed : self.moment]):
                # ext4 needs its superblock whole: a checksum is in it, and its copies are for fsck only.
                size = self.block_size if offset else 4096
                for start in range(0, len(data), size):
                    if self.chance.random() < self.share:
                        os.pwrite(file.fileno(), data[start : start + size], offset + start)


def copy_sparse(source, target):
    """Copies a file's data and leaves its holes."""
    with open(source, "rb") as original, open(target, "wb") as copy:
        size = os.fstat(original.fileno()).st_size
        copy.truncate(size)
        end = 0
        while True:
            try:
                start = os.lseek(original.fileno(), end, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but holes
                return
            end = os.lseek(original.fileno(), start, os.SEEK_HOLE)
            os.lseek(copy.fileno(), start, os.SEEK_SET)
            offset = start
            while offset < end:
                offset += os.sendfile(copy.fileno(), original.fileno(), offset, end - offset)
