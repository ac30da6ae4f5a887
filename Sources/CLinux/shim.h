// Linux system calls that Swift's Glibc module leaves out.
// No _GNU_SOURCE here: it would give types of the Glibc module a second, different definition.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
