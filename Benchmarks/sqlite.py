#!/usr/bin/env python3
"""What a record costs in a shared file and in SQLite, for docs/decisions.md. Both in Python, by the same processes.

Usage: Benchmarks/sqlite.py [FOLDER], the folder on the disk to measure. Prints the median of five rounds, microseconds a
record: written by one process, by four at a time, and by a process that opens the store for one record, as a CGI script
does."""

import fcntl
import multiprocessing
import os
import sqlite3
import statistics
import sys
import tempfile
import time

RECORD = b'{"jti":"' + b"a" * 32 + b'","sub":"' + b"b" * 40 + b'","exp":1900000000,"crc":"00000000"}\n'
ROUNDS = 5


def shared_file(folder, flushes, count):
    lock = os.open(f"{folder}/lock", os.O_CREAT | os.O_RDWR, 0o600)
    file = os.open(f"{folder}/file", os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
    for _ in range(count):
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.pread(file, 1, max(0, os.fstat(file).st_size - 1))
        os.write(file, RECORD)
        fcntl.flock(lock, fcntl.LOCK_UN)
        if flushes:
            os.fdatasync(file)
    os.close(file)
    os.close(lock)


def sqlite(folder, flushes, count):
    database = sqlite3.connect(f"{folder}/database", timeout=60, isolation_level=None)
    database.execute("pragma journal_mode = wal")
    database.execute(f"pragma synchronous = {'full' if flushes else 'off'}")
    database.execute("create table if not exists records (jti text primary key, record blob)")
    for _ in range(count):
        database.execute("insert into records values (?, ?)", (os.urandom(16).hex(), RECORD))
    database.close()


def together(store, flushes, processes, count):
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        store(folder, flushes, 1)
        writers = [multiprocessing.Process(target=store, args=(folder, flushes, count // processes))
                   for _ in range(processes)]
        start = time.perf_counter()
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        return (time.perf_counter() - start) / count * 1e6


def one_by_one(store, flushes):
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        start = time.perf_counter()
        for _ in range(20):
            store(folder, flushes, 1)
        return (time.perf_counter() - start) / 20 * 1e6


def measure(name, work):
    medians = [[], []]
    for _ in range(ROUNDS):
        for results, store in zip(medians, (shared_file, sqlite)):
            results.append(work(store))
    file, database = map(statistics.median, medians)
    print(f"{name:40} file {file:8.0f} µs   SQLite {database:8.0f} µs   ratio {database / file:6.1f}", flush=True)


FOLDER = sys.argv[1] if len(sys.argv) > 1 else "."
for kind, flushes, count in (("not flushed", False, 8000), ("flushed", True, 800)):
    measure(f"{kind}, one process", lambda store: together(store, flushes, 1, count))
    measure(f"{kind}, four processes", lambda store: together(store, flushes, 4, count))
    measure(f"{kind}, opened for each record", lambda store: one_by_one(store, flushes))
