"""The file systems that images are made of."""

from dataclasses import dataclass
import os
import shutil
import subprocess

from system import run


@dataclass(frozen=True)
class FileSystem:
    name: str
    kind: str
    make: tuple[str, ...]
    options: str
    megabytes: int
    # What the disk may write a part of. File systems other than ext4 rely on 4 KiB being written whole.
    block_sizes: tuple[int, ...]

    def reason_missing(self):
        """Why this machine can't have it; None where it can."""
        if shutil.which(self.make[0]) is None:
            return f"{self.make[0]} is not installed"
        with open("/proc/filesystems") as file:
            if self.kind in file.read().split():
                return None
        # A module's name shows once it is loaded.
        loaded = shutil.which("modprobe") and subprocess.run(["modprobe", self.kind], capture_output=True)
        return None if loaded and loaded.returncode == 0 else f"the kernel has no {self.kind}"

    def format(self, path):
        with open(path, "wb") as file:
            file.truncate(self.megabytes << 20)
        run(*self.make, path)

    def mount(self, image, folder):
        """Mounts by way of a loop device, which goes with the mount."""
        os.makedirs(folder, exist_ok=True)
        run("mount", "-t", self.kind, "-o", f"loop,{self.options}", image, folder)


# 4 KiB blocks, as on any disk that is larger.
_EXT4 = ("mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0")

ALL = {
    item.name: item
    for item in (
        FileSystem("ext4", "ext4", _EXT4, "noatime", 192, (512, 512, 4096)),
        FileSystem("ext4-writeback", "ext4", _EXT4, "noatime,data=writeback", 192, (512, 512, 4096)),
        FileSystem("xfs", "xfs", ("mkfs.xfs", "-q", "-f", "-s", "size=4096"), "noatime", 384, (4096,)),
        FileSystem("btrfs", "btrfs", ("mkfs.btrfs", "-q", "-f"), "noatime", 384, (4096,)),
    )
}


def available(names):
    """Those of the file systems that this machine has, and what is missing for the others."""
    reasons = {name: ALL[name].reason_missing() for name in names}
    missing = [f"{name}: {reason}" for name, reason in reasons.items() if reason]
    return [name for name in names if not reasons[name]], missing
