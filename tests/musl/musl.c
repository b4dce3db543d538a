/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What common/musl.c puts in the place of musl's own: linked as nemu is. Prints TAP. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int tests, failures;
static volatile size_t nine = 9;

static void result(const char *what, bool ok)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, what);
	failures += !ok;
}

static void fill(unsigned char *p, size_t n, unsigned int seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(seed = seed * 1103515245 + 12345, seed >> 16);
}

static bool copies(size_t n, size_t to, size_t from)
{
	static unsigned char a[5000], b[5000], before[5000];
	void *(*volatile copy)(void *, const void *, size_t) = memcpy;

	fill(a, sizeof(a), 1);
	fill(b, sizeof(b), 2);
	for (size_t i = 0; i < sizeof(b); i++)
		before[i] = b[i];
	if (copy(b + to, a + from, n) != b + to)
		return false;
	for (size_t i = 0; i < sizeof(b); i++)
		if (b[i] != (i >= to && i < to + n ? a[from + i - to] : before[i]))
			return false;
	return true;
}

static bool all_copies(void)
{
	for (size_t n = 0; n < 1200; n += n < 70 ? 1 : 37)
		for (size_t to = 0; to < 17; to += n < 70 ? 1 : 5)
			for (size_t from = 0; from < 17; from += 3)
				if (!copies(n, to, from))
					return false;
	return copies(4095, 3, 5);
}

/* Blocks of any size that come and go: what is written to one stays until it is freed. */
static bool blocks_stay(void)
{
	enum { N = 200 };
	static unsigned char *block[N];
	static size_t size[N];
	unsigned int seed = 7;

	for (int round = 0; round < 50000; round++) {
		unsigned int i = (seed = seed * 1103515245 + 12345, seed >> 8) % N, how = seed >> 28;

		for (size_t k = 0; k < size[i]; k += k < 8 ? 1 : size[i] / 7 + 1)
			if (block[i][k] != (unsigned char)(i + k))
				return false;
		if (how < 10) {
			free(block[i]);
			size[i] = (seed >> 4) % (how < 8 ? 9000 : 40000);
			block[i] = how & 1 ? calloc(1, size[i]) : malloc(size[i]);
			for (size_t k = 0; how & 1 && k < size[i]; k++)
				if (block[i][k])
					return false;
		} else {
			size[i] = (seed >> 4) % 9000;
			block[i] = realloc(block[i], size[i] + 1);
		}
		for (size_t k = 0; k < size[i]; k++)
			block[i][k] = (unsigned char)(i + k);
		if (how == 15)
			malloc_trim(0);
	}
	for (int i = 0; i < N; i++)
		free(block[i]);
	return true;
}

static bool is_kept(void)
{
	void *volatile p = malloc(4096);
	uintptr_t first = (uintptr_t)p;
	void *volatile q;

	free(p);
	q = malloc(3000);
	free(q);
	return (uintptr_t)q == first && malloc_usable_size(q) >= 3000;
}

/* The signal by which a child ends in there. */
static int dies(void (*fn)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void overflow_print(void)
{
	char s[8];

	snprintf(s, nine, "%d", (int)nine);
}

static void overflow_copy(void)
{
	char s[8];

	memcpy(s, "123456789", nine);
	__asm__ volatile("" : : "r"(s) : "memory");
}

static void free_twice(void)
{
	void *volatile p = malloc(2048), *volatile q = p;

	free(p);
	free(q);
}

static void write_relocated(void)
{
	extern const char *const _sys_errlist_internal[];

	*(const char *volatile *)(uintptr_t)&_sys_errlist_internal[1] = "";
}

int main(void)
{
	struct statx st;
	char *s = NULL;

	result("memcpy copies all and no more", all_copies());
	result("blocks stay as they are", blocks_stay());
	result("a freed block is taken again", is_kept());
	result("calloc refuses what is too large", !calloc(SIZE_MAX / nine, 10) && errno == ENOMEM);
	result("texts of errors are glibc's", !strcmp(strerror(EADDRNOTAVAIL), "Cannot assign requested address") &&
	       !strcmp(strerror(0), "Success") && !strcmp(strerror(12345), "Unknown error 12345") &&
	       !strcmp(strerror(-1), "Unknown error -1"));
	result("names of signals", !strcmp(sigabbrev_np(SIGTERM), "TERM") && !sigabbrev_np(0));
	result("asprintf", asprintf(&s, "%d %s", 12, "x") == 4 && !strcmp(s, "12 x"));
	free(s);
	result("statx", !statx(-1, "/", 0, STATX_MODE, &st) && S_ISDIR(st.stx_mode));
	result("an overflow by snprintf ends the program", dies(overflow_print) == SIGABRT);
	result("an overflow by memcpy ends the program", dies(overflow_copy) == SIGABRT);
	result("a block that is freed twice ends the program", dies(free_twice) == SIGABRT);
	result("what was relocated cannot be written", dies(write_relocated) == SIGSEGV);
	printf("1..%d\n", tests);
	return failures ? 1 : 0;
}
