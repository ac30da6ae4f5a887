// Functions and constants of Linux that Swift's Glibc module doesn't have.
// Don't define _GNU_SOURCE here: types of the Glibc module would get a second, different definition.
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

// glibc declares these only with _GNU_SOURCE.
extern int memfd_create(const char *name, unsigned flags);
extern int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags);

extern ssize_t preadv2(int file, const struct iovec *parts, int count, off_t offset, int flags);

extern int fallocate(int file, int mode, off_t offset, off_t size);

extern void *memmem(const void *text, size_t text_size, const void *part, size_t part_size);

extern int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *limit);
extern int pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock, const struct timespec *limit);
extern int pthread_cond_clockwait(
    pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock, const struct timespec *limit);

// A function, because Swift 6 can't read a mutable global variable of C.
extern char **environ;
static inline char **process_environment(void) { return environ; }

// A function, because Swift can't call a variadic function of C such as prctl.
static inline int process_set_dumpable(int is_dumpable) { return prctl(PR_SET_DUMPABLE, is_dumpable, 0, 0, 0); }

// Swift has no thread-local variables. Each object file that calls one of these two functions has a variable of its own,
// so one Swift file alone calls each: Deadline.swift and Waiting.swift.
static inline uint64_t *thread_deadline(void) {
  static _Thread_local uint64_t deadline;
  return &deadline;
}

static inline uint32_t *thread_must_not_wait(void) {
  static _Thread_local uint32_t count;
  return &count;
}

// <fcntl.h> defines these only with _GNU_SOURCE.
#ifndef O_PATH
#define O_PATH 010000000
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_SEAL_SEAL 0x0001
#define F_SEAL_SHRINK 0x0002
#define F_SEAL_GROW 0x0004
#define F_SEAL_WRITE 0x0008
#endif

// <stdio.h> declares these only with _GNU_SOURCE.
extern int renameat2(int old_folder, const char *old_path, int new_folder, const char *new_path, unsigned flags);
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

// <sched.h> defines this only with _GNU_SOURCE.
#ifndef SCHED_IDLE
#define SCHED_IDLE 5
#endif

// <bits/uio-ext.h> defines this only with _GNU_SOURCE.
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif
