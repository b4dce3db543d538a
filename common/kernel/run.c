/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs that are asked something: see run.h. */
#include "kernel/run.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/program.h"

/* All that comes is read, so that the program can end. */
static void read_all(int fd, char *out, size_t size)
{
	size_t len = 0;
	char rest[1024];
	ssize_t n;

	do {
		bool keep = len < size - 1;

		n = read(fd, keep ? out + len : rest, keep ? size - 1 - len : sizeof(rest));
		if (n > 0 && keep)
			len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	out[len] = '\0';
}

/* wanted: 1 or 2, the descriptor whose output is kept. */
static int run(char *const *argv, int wanted, char *out, size_t size)
{
	own(fd) int from = -1;
	int ends[2], status;
	pid_t pid;

	out[0] = '\0';
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	from = ends[0];
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(null, 0);
		dup2(wanted == 1 ? ends[1] : null, 1);
		dup2(wanted == 2 ? ends[1] : null, 2);
		program_exec(argv);
		_exit(127);
	}
	close(ends[1]);
	if (pid < 0)
		return -1;
	read_all(from, out, size);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int run_output(char *const *argv, char *out, size_t size)
{
	return run(argv, 1, out, size);
}

int run_errors(char *const *argv, char *out, size_t size)
{
	return run(argv, 2, out, size);
}
