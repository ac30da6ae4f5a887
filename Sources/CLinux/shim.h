// Linux system calls that Swift's Glibc module leaves out.
// No _GNU_SOURCE here: it would give types of the Glibc module a second, different definition.
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

// GNU's, hidden without _GNU_SOURCE.
extern int memfd_create(const char *name, unsigned flags);
extern int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags);

extern ssize_t preadv2(int file, const struct iovec *parts, int count, off_t offset, int flags);

extern void *memmem(const void *text, size_t text_size, const void *part, size_t part_size);

extern int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *limit);
extern int pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock, const struct timespec *limit);
extern int pthread_cond_clockwait(
    pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock, const struct timespec *limit);

// A function, because Swift 6 doesn't let a mutable global of C be read.
extern char **environ;
static inline char **process_environment(void) { return environ; }

// prctl takes any number of arguments, which Swift can't pass.
static inline int process_set_dumpable(int is_dumpable) { return prctl(PR_SET_DUMPABLE, is_dumpable, 0, 0, 0); }

// Swift has no variables of a thread. One copy, as one module calls this.
static inline uint64_t *thread_deadline(void) {
  static _Thread_local uint64_t deadline;
  return &deadline;
}

static inline uint32_t *thread_must_not_wait(void) {
  static _Thread_local uint32_t count;
  return &count;
}

// From <fcntl.h>, with _GNU_SOURCE.
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

// From <sched.h>, with _GNU_SOURCE.
#ifndef SCHED_IDLE
#define SCHED_IDLE 5
#endif

// From <bits/uio-ext.h>, with _GNU_SOURCE.
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif
