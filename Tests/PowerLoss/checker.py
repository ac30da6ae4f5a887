"""Builds images, mounts them as after a restart, and has them checked."""

import os
import uuid

from checks import Checks
from service import Service, Wallet
from system import MS_BIND, mount, run, unmount, unmount_when_free

BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Checker:
    def __init__(self, binary, folder, keeps_image=False):
        self.binary = binary
        self.folder = folder
        self.keeps_image = keeps_image
        os.makedirs(folder, exist_ok=True)
        wallet = f"{folder}/wallet"
        if os.path.exists(wallet):
            os.remove(wallet)
        self.wallet = Wallet(binary, wallet)

    def check(self, recording, number):
        """The power loss of that number, and its failures: (kind, text)."""
        loss = recording.loss(number)
        image, mount_point, boot = (f"{self.folder}/{name}" for name in ("image", "mnt", "boot_id"))
        loss.build(image)
        # Power comes back with another boot.
        with open(boot, "w") as file:
            file.write(f"{uuid.UUID(int=loss.chance.getrandbits(128))}\n")
        if self.keeps_image:
            run("cp", "--sparse=always", image, f"{self.folder}/image-{number}")
        try:
            recording.file_system.mount(image, mount_point)
        except RuntimeError as error:
            return loss, [("not mounted", str(error))]
        mount(boot, BOOT_ID, None, flags=MS_BIND)
        try:
            service = Service(self.binary, f"{mount_point}/state", self.folder)
            return loss, Checks(service, recording.promises_before(loss.moment), self.wallet).run()
        finally:
            unmount(BOOT_ID)
            unmount_when_free(mount_point)
            os.remove(image)
