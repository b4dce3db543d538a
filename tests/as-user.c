/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Becomes an ordinary user for good (or is him already), and then the program "real" beside it, under the
 * name that it was called by: with this as $NEMU the lab tests are those of an ordinary user. */
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("real"));

	while (n > 0 && path[n - 1] != '/')
		n--;
	if (argc < 1 || n <= 0 ||
	    (geteuid() != TEST_USER &&
	     (setgroups(0, NULL) || setresgid(TEST_USER, TEST_USER, TEST_USER) ||
	      setresuid(TEST_USER, TEST_USER, TEST_USER)))) {
		perror("as-user");
		return 125;
	}
	memcpy(path + n, "real", sizeof("real"));
	execv(path, argv);
	perror(path);
	return 126;
}
