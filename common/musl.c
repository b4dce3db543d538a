/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the objects of this program and of its libraries, which were compiled with glibc's headers, want and
 * musl's libc.a has not: linked in with it alone (Makefile). musl keeps to glibc's ABI but for this.
 */
#undef _FORTIFY_SOURCE
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

/* ------------------------------------------------------------------ _FORTIFY_SOURCE */

/* The compiler makes these calls of the plain ones; room is the size of what is written to. */
int __vsnprintf_chk(char *, size_t, int, size_t room, const char *, va_list);
int __snprintf_chk(char *, size_t, int, size_t room, const char *, ...);
int __sprintf_chk(char *, int, size_t room, const char *, ...);
int __vfprintf_chk(FILE *, int, const char *, va_list);
int __fprintf_chk(FILE *, int, const char *, ...);
int __printf_chk(int, const char *, ...);
int __vasprintf_chk(char **, int, const char *, va_list);
int __asprintf_chk(char **, int, const char *, ...);
void __syslog_chk(int, int, const char *, ...);
void *__memcpy_chk(void *, const void *, size_t, size_t room);
void __explicit_bzero_chk(void *, size_t, size_t room);
ssize_t __pread_chk(int, void *, size_t, off_t, size_t room);
int __poll_chk(struct pollfd *, nfds_t, int, size_t room);

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#define WITH_LIST(call) \
	va_list list; \
	int n; \
	va_start(list, fmt); \
	n = call; \
	va_end(list); \
	return n

int __vsnprintf_chk(char *s, size_t size, int flag, size_t room, const char *fmt, va_list list)
{
	(void)flag;
	if (size > room)
		abort();
	return vsnprintf(s, size, fmt, list);
}

int __snprintf_chk(char *s, size_t size, int flag, size_t room, const char *fmt, ...)
{
	WITH_LIST(__vsnprintf_chk(s, size, flag, room, fmt, list));
}

static int print_whole(char *s, size_t room, const char *fmt, va_list list)
{
	int n = vsnprintf(s, room, fmt, list);

	if (n >= 0 && (size_t)n >= room)
		abort();
	return n;
}

int __sprintf_chk(char *s, int flag, size_t room, const char *fmt, ...)
{
	(void)flag;
	WITH_LIST(print_whole(s, room > INT32_MAX ? INT32_MAX : room, fmt, list));
}

int __vfprintf_chk(FILE *f, int flag, const char *fmt, va_list list)
{
	(void)flag;
	return vfprintf(f, fmt, list);
}

int __fprintf_chk(FILE *f, int flag, const char *fmt, ...)
{
	(void)flag;
	WITH_LIST(vfprintf(f, fmt, list));
}

int __printf_chk(int flag, const char *fmt, ...)
{
	(void)flag;
	WITH_LIST(vfprintf(stdout, fmt, list));
}

int __vasprintf_chk(char **s, int flag, const char *fmt, va_list list)
{
	(void)flag;
	return vasprintf(s, fmt, list);
}

int __asprintf_chk(char **s, int flag, const char *fmt, ...)
{
	(void)flag;
	WITH_LIST(vasprintf(s, fmt, list));
}

void __syslog_chk(int priority, int flag, const char *fmt, ...)
{
	va_list list;

	(void)flag;
	va_start(list, fmt);
	vsyslog(priority, fmt, list);
	va_end(list);
}

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
	if (n > room)
		abort();
	return memcpy(to, from, n);
}

void __explicit_bzero_chk(void *s, size_t n, size_t room)
{
	if (n > room)
		abort();
	explicit_bzero(s, n);
}

ssize_t __pread_chk(int fd, void *to, size_t n, off_t at, size_t room)
{
	if (n > room)
		abort();
	return pread(fd, to, n, at);
}

int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room)
{
	if (n > room / sizeof(*fds))
		abort();
	return poll(fds, n, timeout);
}

/* ------------------------------------------------------------------ calls that it lacks */

int close_range(unsigned int first, unsigned int last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

int statx(int dir, const char *path, int flags, unsigned int mask, struct statx *st)
{
	return (int)syscall(SYS_statx, dir, path, flags, mask, st);
}

/* CMSG_NXTHDR, where the compiler has not put it in its place. */
struct cmsghdr *__cmsg_nxthdr(struct msghdr *msg, struct cmsghdr *c)
{
	size_t left = (size_t)((char *)msg->msg_control + msg->msg_controllen - (char *)c);

	if (c->cmsg_len < sizeof(*c) || CMSG_ALIGN(c->cmsg_len) + sizeof(*c) > left)
		return NULL;
	return (struct cmsghdr *)(void *)((char *)c + CMSG_ALIGN(c->cmsg_len));
}

int mallopt(int what, int value)
{
	(void)what;
	(void)value;
	return 1;
}

/* ------------------------------------------------------------------ speed */

/* musl's malloc gives a larger block back to the kernel with each free, and asks for it anew, two system
 * calls and a page fault each time: a netlink request has three such. So the last few blocks freed of each
 * power of two are kept. There are no threads. */
#define KEPT_FROM 512u
#define KEPT_SIZES 5u /* to 8 KiB: calloc must not touch all of what is larger */
#define KEPT_EACH 3

static void *kept[KEPT_SIZES][KEPT_EACH];
static unsigned char kept_count[KEPT_SIZES];

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void __real_free(void *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void __wrap_free(void *);

static bool is_kept(size_t size)
{
	return size > KEPT_FROM / 2 && size <= KEPT_FROM << (KEPT_SIZES - 1);
}

void *__wrap_malloc(size_t size)
{
	unsigned int k = 0;

	if (!is_kept(size))
		return __real_malloc(size);
	while (size > KEPT_FROM << k)
		k++;
	return kept_count[k] ? kept[k][--kept_count[k]] : __real_malloc(KEPT_FROM << k);
}

void *__wrap_calloc(size_t n, size_t each)
{
	size_t size;
	void *p;

	if (__builtin_mul_overflow(n, each, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	if (!is_kept(size))
		return __real_calloc(n, each); /* which knows what is zero anyway */
	p = __wrap_malloc(size);
	return p ? memset(p, 0, size) : NULL;
}

void __wrap_free(void *p)
{
	size_t size = p ? malloc_usable_size(p) : 0; /* what was asked for: musl rounds nothing up */

	for (unsigned int k = 0; k < KEPT_SIZES && size >= KEPT_FROM; k++) {
		if (size != KEPT_FROM << k)
			continue;
		for (unsigned int i = 0; i < kept_count[k]; i++)
			if (kept[k][i] == p)
				abort(); /* freed twice; of others musl knows */
		if (kept_count[k] == KEPT_EACH)
			break;
		kept[k][kept_count[k]++] = p;
		return;
	}
	__real_free(p);
}

void *__wrap_realloc(void *old, size_t size)
{
	size_t before = old ? malloc_usable_size(old) : 0;
	void *p;

	if (!is_kept(size) && !is_kept(before))
		return __real_realloc(old, size);
	p = __wrap_malloc(size);
	if (!p)
		return NULL;
	if (old)
		memcpy(p, old, before < size ? before : size);
	__wrap_free(old);
	return p;
}

int malloc_trim(size_t pad)
{
	(void)pad;
	for (unsigned int k = 0; k < KEPT_SIZES; k++)
		while (kept_count[k])
			__real_free(kept[k][--kept_count[k]]);
	return 1;
}

/* musl's memcpy for x86 is one "rep movs": which takes longer to begin, 30 ns, than most copies here. */
void *__wrap_memcpy(void *restrict, const void *restrict, size_t);

typedef long long b16 __attribute__((vector_size(16), may_alias, aligned(1)));
typedef uint64_t b8 __attribute__((may_alias, aligned(1)));
typedef uint32_t b4 __attribute__((may_alias, aligned(1)));
typedef uint16_t b2 __attribute__((may_alias, aligned(1)));

/* The first bytes and the last, which may be the same ones. */
#define COPY_ENDS(type) \
	do { \
		const type first = *(const type *)from, last = *(const type *)(f + n - sizeof(type)); \
		*(type *)to = first; \
		*(type *)(t + n - sizeof(type)) = last; \
	} while (0)

__attribute__((optimize("no-tree-loop-distribute-patterns"))) /* not by calling itself */
void *__wrap_memcpy(void *restrict to, const void *restrict from, size_t n)
{
	char *t = to;
	const char *f = from;

	if (n >= 1024) {
		__asm__ volatile("rep movsb" : "+D"(t), "+S"(f), "+c"(n) : : "memory");
	} else if (n >= 16) {
		const b16 last = *(const b16 *)(f + n - 16);
		char *end = t + n - 16;

		for (; t < end; t += 16, f += 16)
			*(b16 *)t = *(const b16 *)f;
		*(b16 *)end = last;
	} else if (n >= 8) {
		COPY_ENDS(b8);
	} else if (n >= 4) {
		COPY_ENDS(b4);
	} else if (n >= 2) {
		COPY_ENDS(b2);
	} else if (n) {
		*t = *f;
	}
	return to;
}
/* ------------------------------------------------------------------ texts of errors */

/* glibc's own table, from its libc.a: its texts are what users and their scripts know. */
extern const char *const _sys_errlist_internal[];
extern const int _sys_errlist_internal_len;
char *__wrap_strerror(int errnum);

char *__wrap_strerror(int errnum)
{
	static char unknown[40];

	if (errnum >= 0 && errnum < _sys_errlist_internal_len && _sys_errlist_internal[errnum])
		return (char *)(uintptr_t)_sys_errlist_internal[errnum];
	snprintf(unknown, sizeof(unknown), "Unknown error %d", errnum);
	return unknown;
}

/* ------------------------------------------------------------------ RELRO */

static int protect(struct dl_phdr_info *info, size_t size, void *arg)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_GNU_RELRO)
			mprotect((void *)(start & -page), ((start + p->p_memsz) & -page) - (start & -page),
				 PROT_READ);
	}
	return 1;
}

/* A program that is linked statically has no loader which does this; glibc's start does. */
__attribute__((constructor)) static void protect_relocated(void)
{
	dl_iterate_phdr(protect, NULL);
}
