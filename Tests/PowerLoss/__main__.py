"""Power-loss test: records what pico-auth writes to a real file system, builds images that lack any of the blocks
that weren't flushed, restarts pico-auth on each, and checks that everything it had answered is still true.

Exit status: 0 where every image kept every promise, 1 where one didn't, 3 where this machine can't do it.
"""

import argparse
import collections
import itertools
import multiprocessing
import os
import random
import shutil
import sys
import time

import filesystems
from job import Job, check_again
from system import FOLDER, enter_namespaces, reason_impossible

IMAGES_PER_RECORDING = 40


def arguments():
    parser = argparse.ArgumentParser(prog="Tests/PowerLoss", description=__doc__)
    parser.add_argument("--binary", help="the pico-auth to test")
    parser.add_argument("--images", type=int, default=300, help="how many power losses (default: %(default)s)")
    parser.add_argument("--file-systems", default=",".join(filesystems.ALL), help="default: %(default)s")
    parser.add_argument("--workloads", default="begin,rotate", help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=2, help="length of a recording (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="recordings at once (default: %(default)s)")
    parser.add_argument(
        "--forgets", type=int, default=0, metavar="WRITES", help="has the disk lose its last ones, flushed or not"
    )
    parser.add_argument("--keep", metavar="FOLDER", help="empties FOLDER and keeps recordings with failures there")
    parser.add_argument("--recording", metavar="FOLDER", help="with --image: a recording that was kept")
    parser.add_argument("--image", type=int, metavar="NUMBER", help="checks that image alone, and keeps it too")
    parser.add_argument("--check-machine", action="store_true", help="only tells whether this machine can do it")
    return parser.parse_args()


def main():
    options = arguments()
    available, missing = filesystems.available(options.file_systems.split(","))
    reason = reason_impossible() or (None if available else "; ".join(missing))
    if options.check_machine or reason:
        print(reason or "possible")
        return 3 if reason else 0
    enter_namespaces()
    options.binary = os.path.abspath(options.binary)
    if options.recording:
        loss, failures = check_again(os.path.abspath(options.recording), options.image, options.binary)
        print(loss)
        for kind, text in failures:
            print(f"{kind}: {text}")
        return 1 if failures else 0
    for text in missing:
        print(f"left out: {text}")
    return campaign(options, available)


def campaign(options, available):
    print(f"seed {options.seed}", flush=True)
    if options.keep:
        options.keep = os.path.abspath(options.keep)
        shutil.rmtree(options.keep, ignore_errors=True)
    jobs = plan(options, available)
    started = time.monotonic()
    images, kinds = collections.Counter(), collections.Counter()
    runs = [(job, options.binary, f"{FOLDER}/{index}", options.keep) for index, job in enumerate(jobs)]
    with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool:
        for result in pool.imap_unordered(Job.run, runs, chunksize=1):
            images[result.job.file_system] += result.images
            kinds.update(result.kinds)
            for line in result.lines:
                print(line, flush=True)
    spread = ", ".join(f"{name} {count}" for name, count in images.items())
    found = ", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items())) or "every promise was kept"
    print(f"{images.total()} power-loss images ({spread}) in {time.monotonic() - started:.0f} s; {found}")
    return 1 if kinds else 0


def plan(options, available):
    """Recordings, each with its share of the images."""
    cases = list(itertools.product(available, options.workloads.split(",")))
    rounds = -(-options.images // (IMAGES_PER_RECORDING * len(cases)))
    count = rounds * len(cases)
    shares = [options.images // count + (index < options.images % count) for index in range(count)]
    return [
        Job(*cases[index % len(cases)], options.seed + index, share, options.seconds, options.forgets)
        for index, share in enumerate(shares)
        if share
    ]


if __name__ == "__main__":
    sys.exit(main())
