/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor under the benchmarks: the same system calls with nothing around them. Prints one
 * time in microseconds.
 *
 *   floor nodes N      fork + unshare(CLONE_NEWNET) + lo up, N times one after the other: a node's
 *   floor end N        N processes with as many namespaces as a node killed and reaped: each one's
 *   floor run N CMD... vfork + exec + wait, N times: each one's
 *   floor echo N       a line there and back over a Unix stream socket between two processes
 *   floor talk N SOCKET COMMAND   a command and its reply on one connection to a node's server
 */
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static pid_t node(int namespaces)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int ends[2], s;
	char c;
	pid_t pid;

	if (pipe(ends))
		die("pipe");
	pid = fork();
	if (!pid) {
		if (unshare(namespaces))
			die("unshare");
		s = socket(AF_INET, SOCK_DGRAM, 0);
		if (s < 0 || ioctl(s, SIOCSIFFLAGS, &r))
			die("lo up");
		close(s);
		if (write(ends[1], "", 1) != 1)
			die("write");
		for (;;)
			pause();
	}
	if (read(ends[0], &c, 1) != 1)
		die("node");
	close(ends[0]);
	close(ends[1]);
	return pid;
}

static void nodes(int n, int end)
{
	pid_t *pids = calloc((size_t)n, sizeof(*pids));
	double start = now(), made;

	for (int i = 0; i < n; i++)
		pids[i] = node(CLONE_NEWNET | (end ? CLONE_NEWNS | CLONE_NEWUTS : 0));
	made = now();
	for (int i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
	printf("%.2f\n", (end ? now() - made : made - start) / n);
	free(pids);
}

static void run(int n, char **argv)
{
	double start = now();

	for (int i = 0; i < n; i++) {
		pid_t pid = vfork();
		int status;

		if (!pid) {
			execvp(argv[0], argv);
			_exit(127);
		}
		waitpid(pid, &status, 0);
		if (status) {
			fprintf(stderr, "%s: status %d\n", argv[0], status);
			exit(1);
		}
	}
	printf("%.2f\n", (now() - start) / n);
}

/* Reads up to the end of a reply: a line whose fourth byte is a space. */
static void reply(int fd)
{
	static char b[1 << 20];
	size_t len = 0, line = 0;

	for (;;) {
		ssize_t n = read(fd, b + len, sizeof(b) - len);

		if (n <= 0)
			die("reply");
		len += (size_t)n;
		for (char *e; (e = memchr(b + line, '\n', len - line)); line = (size_t)(e - b) + 1)
			if (b[line + 3] == ' ')
				return;
	}
}

static void talk(int n, int fd, const char *line)
{
	double start = now();

	for (int i = 0; i < n; i++) {
		if (write(fd, line, strlen(line)) < 0)
			die("write");
		reply(fd);
	}
	printf("%.2f\n", (now() - start) / n);
}

static void echo(int n)
{
	int ends[2];
	char b[4096];
	ssize_t len;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		die("socketpair");
	pid = fork();
	if (!pid) {
		close(ends[0]);
		while ((len = read(ends[1], b, sizeof(b))) > 0)
			if (write(ends[1], b, (size_t)len) != len)
				break;
		_exit(0);
	}
	close(ends[1]);
	talk(n, ends[0], "200 Hello.\n");
	close(ends[0]);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char line[200];
	int fd;

	if (n < 1)
		return 1;
	if (!strcmp(argv[1], "nodes") || !strcmp(argv[1], "end")) {
		nodes(n, *argv[1] == 'e');
	} else if (!strcmp(argv[1], "run")) {
		run(n, argv + 3);
	} else if (!strcmp(argv[1], "echo")) {
		echo(n);
	} else if (argc == 5) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", argv[3]);
		snprintf(line, sizeof(line), "%s\n", argv[4]);
		if (connect(fd, (struct sockaddr *)&un, sizeof(un)))
			die(argv[3]);
		reply(fd);
		talk(n, fd, line);
	}
	return 0;
}
