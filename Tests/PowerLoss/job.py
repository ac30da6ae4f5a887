"""One recording and the images that are made of it, in a process with mounts of its own."""

import collections
import dataclasses
import glob
import os
import shutil
import traceback

from checker import Checker
from recording import Recording
from system import enter_mount_namespace

# How many recordings are kept: each may take 70 MiB.
KEPT = 8


@dataclasses.dataclass
class Result:
    job: "Job"
    images: int
    # How many images failed in which way.
    kinds: collections.Counter
    lines: list


@dataclasses.dataclass
class Job:
    file_system: str
    workload: str
    seed: int
    images: int
    seconds: float
    forgets: int

    @staticmethod
    def run(arguments):
        job, binary, folder, keep = arguments
        try:
            return job.record_and_check(binary, folder, keep)
        except Exception:
            return Result(job, 0, collections.Counter({"broken test": 1}), [traceback.format_exc()])

    def record_and_check(self, binary, folder, keep):
        enter_mount_namespace()
        os.makedirs(folder)
        recording = Recording(folder, self.file_system, self.seed)
        recording.forgets = self.forgets
        recording.record(binary, self.seconds, rotates=self.workload == "rotate")
        checker = Checker(binary, f"{folder}/check")
        result = Result(self, self.images, collections.Counter(), [])
        for number in range(self.images):
            loss, failures = checker.check(recording, number)
            # The first of a kind tells most.
            for kind, count in collections.Counter(kind for kind, _ in failures).items():
                result.kinds[kind] += 1
                first = next(text for other, text in failures if other == kind)
                result.lines.append(f"{self} image {number}, {loss}: {count} times {kind}: {first}")
        result.lines.append(f"{self}: {recording}")
        if keep and result.kinds and len(glob.glob(f"{keep}/*")) < KEPT:
            target = f"{keep}/{self.file_system}-{self.workload}-{self.seed}"
            recording.save(target)
            result.lines.append(f"{self} was kept: --recording {target} --image NUMBER checks an image again")
        shutil.rmtree(folder)
        return result

    def __str__(self):
        return f"{self.file_system} {self.workload} {self.seed}"


def check_again(folder, number, binary):
    """Builds and checks an image of a recording that was kept; the image stays in its folder."""
    enter_mount_namespace()
    return Checker(binary, f"{folder}/check", keeps_image=True).check(Recording.load(folder), number)
