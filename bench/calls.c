// SPDX-License-Identifier: BSD-2-Clause
/*
 * The linker turns calls of NAME into __wrap_NAME, and __real_NAME into NAME. Only references
 * from Weir's objects are turned: what libc does for itself is not seen here.
 */
#include "bench/calls.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>

static _Thread_local struct calls counted;

#define WRAP(counter, type, name, parameters, ...) \
	type __real_##name parameters;             \
	type __wrap_##name parameters;             \
	type __wrap_##name parameters              \
	{                                          \
		counted.counter++;                 \
		return __real_##name(__VA_ARGS__); \
	}

WRAP(allocations, void *, malloc, (size_t size), size)
WRAP(allocations, void *, calloc, (size_t count, size_t size), count, size)
WRAP(allocations, void *, realloc, (void *p, size_t size), p, size)
WRAP(allocations, void *, aligned_alloc, (size_t alignment, size_t size), alignment, size)
WRAP(allocations, int, posix_memalign, (void **p, size_t alignment, size_t size), p, alignment,
     size)
WRAP(allocations, void, free, (void *p), p)
WRAP(allocations, void *, mmap, (void *p, size_t size, int prot, int flags, int fd, off_t offset),
     p, size, prot, flags, fd, offset)
WRAP(allocations, int, munmap, (void *p, size_t size), p, size)

WRAP(locks, int, pthread_mutex_lock, (pthread_mutex_t * m), m)
WRAP(locks, int, pthread_mutex_trylock, (pthread_mutex_t * m), m)
WRAP(locks, int, pthread_rwlock_rdlock, (pthread_rwlock_t * l), l)
WRAP(locks, int, pthread_rwlock_wrlock, (pthread_rwlock_t * l), l)
WRAP(locks, int, pthread_spin_lock, (pthread_spinlock_t * l), l)
WRAP(locks, int, pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t *m), c, m)
WRAP(locks, int, sem_wait, (sem_t * s), s)

struct calls calls_now(void)
{
	return counted;
}

bool calls_are_counted(void)
{
	struct calls before = counted;
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	void *volatile p = malloc(1);
	free(p);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return counted.allocations == before.allocations + 2 && counted.locks == before.locks + 1;
}
