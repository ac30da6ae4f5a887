"""System calls and commands that Python's library lacks, and what this machine allows."""

import ctypes
import errno
import os
import subprocess
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)

MS_BIND = 4096
MS_REC_PRIVATE = 0x4000 | 1 << 18
CLONE_NEWNS = 0x0002_0000
MNT_DETACH = 2

# Where everything is made. What this program sees there is a file system of its own.
FOLDER = "/dev/shm"
# What a recording of each processor and the images of it take. Bytes.
MEMORY = 2 << 30


def _check(result):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def mount(source, target, kind, options="", flags=0):
    """mount(2)."""
    encode = lambda text: text.encode() if text else None
    _check(libc.mount(encode(source), encode(target), encode(kind), ctypes.c_ulong(flags), encode(options)))


def unmount(path):
    """umount2(2), at once for whoever looks, and in the end for whoever still has something open."""
    _check(libc.umount2(path.encode(), MNT_DETACH))


def unmount_when_free(path):
    """Unmounts once the last process that was killed has let go, within 20 s."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return _check(libc.umount2(path.encode(), 0))
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.002)


def sync_file_system(path):
    """syncfs(2)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _check(libc.syncfs(descriptor))
    finally:
        os.close(descriptor)


def run(*command, **options):
    """Runs a command; its output is in the error when it fails."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.returncode}: {result.stdout.strip()}")
    return result.stdout


def enter_namespaces():
    """Runs this program anew with mounts and processes of its own, which vanish with it however it ends."""
    if os.environ.get("POWER_LOSS_INSIDE") == "1":
        # In memory, where flushing costs nothing.
        mount("power-loss", FOLDER, "tmpfs", "mode=0700")
        return
    os.environ["POWER_LOSS_INSIDE"] = "1"
    command = "unshare --mount --propagation private --pid --fork --kill-child=KILL --mount-proc".split()
    os.execvp(command[0], [*command, sys.executable, *sys.orig_argv[1:]])


def enter_mount_namespace():
    """What this process mounts from now on is its own. unshare(2)."""
    _check(libc.unshare(CLONE_NEWNS))
    mount("none", "/", None, flags=MS_REC_PRIVATE)


def _available_memory():
    with open("/proc/meminfo") as file:
        values = dict(line.split(":") for line in file)
    return int(values["MemAvailable"].split()[0]) << 10


def reason_impossible():
    """Why this machine can't mount what the test needs; None where it can."""
    if os.geteuid() != 0:
        return "only root may mount"
    for path in ("/dev/fuse", "/dev/loop-control"):
        if not os.path.exists(path):
            return f"there is no {path}"
    if _available_memory() < MEMORY:
        return f"less than {MEMORY >> 20} MiB of memory are free"
    try:
        run("unshare", "--mount", "--pid", "--fork", "--mount-proc", "mount", "-t", "tmpfs", "tmpfs", FOLDER)
    except (OSError, RuntimeError) as error:
        return str(error)
    return None
