/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loops of live-agent.bench.ts: as close to the bare system calls as a program can be. Reads lines `LOOP MILLISECONDS`; for each runs that
 * loop for so long and prints its turns, nanoseconds by the clock, and nanoseconds of processor time, those of its children included.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in address = {.sin_family = AF_INET};
static int listener;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void open_close(void)
{
	int fd = open("/etc/hostname", O_RDONLY);
	if (fd < 0)
		fail("open");
	close(fd);
}

/* Ends with a reset, as waiting ports would run out. */
static void connect_accept(void)
{
	static const struct linger reset = {1, 0};
	int client = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(client, (struct sockaddr *)&address, sizeof(address)))
		fail("connect");
	int server = accept(listener, NULL, NULL);
	if (server < 0)
		fail("accept");
	close(client);
	close(server);
}

static void vfork_exec(void)
{
	static char *const arguments[] = {"true", NULL}, *const environment[] = {NULL};
	pid_t child = vfork();
	if (child == 0) {
		execve("/bin/true", arguments, environment);
		_exit(1);
	}
	int status;
	if (waitpid(child, &status, 0) != child || status != 0)
		fail("vfork");
}

/* Nothing but a call that nobody wants to hear of. */
static void idle_calls(void)
{
	getppid();
}

static const struct {
	const char *name;
	void (*turn)(void);
	int at_once; /* turns between two looks at the clock */
} loops[] = {
	{"open+close", open_close, 100},
	{"connect+accept", connect_accept, 1},
	{"vfork+exec", vfork_exec, 1},
	{"getppid", idle_calls, 1000},
};

static long long clock_ns(clockid_t which)
{
	struct timespec t;
	clock_gettime(which, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long processor_ns(void)
{
	struct rusage children;
	getrusage(RUSAGE_CHILDREN, &children);
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) + (children.ru_utime.tv_sec + children.ru_stime.tv_sec) * 1000000000LL +
	       (children.ru_utime.tv_usec + children.ru_stime.tv_usec) * 1000LL;
}

int main(void)
{
	socklen_t len = sizeof(address);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, len) || listen(listener, 64) ||
	    getsockname(listener, (struct sockaddr *)&address, &len))
		fail("listen");
	char name[32];
	int ms;
	while (scanf("%31s %d", name, &ms) == 2) {
		size_t i = 0;
		while (i < sizeof(loops) / sizeof(loops[0]) && strcmp(name, loops[i].name) != 0)
			i++;
		if (i == sizeof(loops) / sizeof(loops[0]))
			return 2;
		long turns = 0;
		long long begin_cpu = processor_ns(), begin = clock_ns(CLOCK_MONOTONIC), end = begin + ms * 1000000LL, now;
		do {
			for (int k = 0; k < loops[i].at_once; k++)
				loops[i].turn();
			turns += loops[i].at_once;
			now = clock_ns(CLOCK_MONOTONIC);
		} while (now < end);
		printf("%ld %lld %lld\n", turns, now - begin, processor_ns() - begin_cpu);
		fflush(stdout);
	}
	return 0;
}
