#!/usr/bin/env python3
"""What systemd does for a socket and its service, from their units. Usage: systemd.py SOCKET-UNIT SERVICE-UNIT
Opens the socket and keeps it; starts the service with it, and again on SIGHUP; ends it and itself on SIGTERM. Says `ready`
for each time that the service does. Of the sandbox: no network, no privileges, and nothing to write to but the state."""

import configparser
import grp
import os
import pwd
import shlex
import signal
import socket
import sys

SANDBOX = """
mount --bind "$0" "$0"
mount -o remount,bind,ro /
mount -o remount,bind,ro /run
exec setpriv --pdeathsig TERM --reuid "$1" --regid "$2" --init-groups --no-new-privs --bounding-set -all --inh-caps -all "${@:3}"
"""


def read_unit(path):
    unit = configparser.RawConfigParser(strict=False, comment_prefixes="#", inline_comment_prefixes=None)
    unit.optionxform = str
    unit.read(path)
    return unit


def open_socket(unit):
    path = unit["ListenStream"]
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chown(path, pwd.getpwnam(unit["SocketUser"]).pw_uid, grp.getgrnam(unit["SocketGroup"]).gr_gid)
    os.chmod(path, int(unit["SocketMode"], 8))
    listener.listen(int(unit["Backlog"]))
    return listener


def make_state(unit):
    state = "/var/lib/" + unit["StateDirectory"]
    user, group = pwd.getpwnam(unit["User"]).pw_uid, grp.getgrnam(unit["Group"]).gr_gid
    os.makedirs(state, exist_ok=True)
    # As systemd does: whatever is in it goes with it where the owner is another one.
    if os.stat(state).st_uid != user:
        for folder, _, names in os.walk(state):
            for path in [folder] + [os.path.join(folder, name) for name in names]:
                os.chown(path, user, group, follow_symlinks=False)
    os.chmod(state, int(unit["StateDirectoryMode"], 8))
    return state


def start(unit, listener, state, notify):
    process = os.fork()
    if process:
        return process
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    if listener.fileno() != 3:
        os.dup2(listener.fileno(), 3)
    os.set_inheritable(3, True)
    os.umask(int(unit["UMask"], 8))
    environment = {
        "PATH": os.environ["PATH"], "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": "pico-auth.socket",
        "NOTIFY_SOCKET": notify, "STATE_DIRECTORY": state, "USER": unit["User"], "HOME": "/var/lib/pico-auth",
    }
    command = ["bash", "-ec", SANDBOX, state, unit["User"], unit["Group"], *shlex.split(unit["ExecStart"])]
    os.execvpe("unshare", ["unshare", "--mount", "--net", "--ipc", *command], environment)


def main():
    unit = read_unit(sys.argv[2])["Service"]
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind("/run/notify")
    os.chmod("/run/notify", 0o777)
    listener = open_socket(read_unit(sys.argv[1])["Socket"])
    state = make_state(unit)
    signals = {signal.SIGHUP, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    while True:
        process = start(unit, listener, state, "/run/notify")
        while b"READY=1" not in notify.recv(4096):
            pass
        print("ready", flush=True)
        wanted = signal.sigwait(signals)
        os.kill(process, signal.SIGTERM)
        status = os.waitpid(process, 0)[1]
        print("stopped with", status, flush=True)
        if wanted == signal.SIGTERM:
            sys.exit(status)


main()
