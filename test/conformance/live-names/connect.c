/*
 * Looks a name up as most programs do and connects to the first address that answers: glibc's or musl's resolver, as it is compiled.
 * Arguments: the name, in which %d is the number of the round; the port; how many rounds (1); the number of the first (0).
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
	int times = argc > 3 ? atoi(argv[3]) : 1;
	int first = argc > 4 ? atoi(argv[4]) : 0;
	int failed = 0;
	if (argc < 3)
		return 2;
	for (int i = 0; i < times; i++) {
		char name[256];
		snprintf(name, sizeof(name), argv[1], first + i);
		int code = getaddrinfo(name, argv[2], &hints, &all);
		if (code) {
			fprintf(stderr, "%s\n", gai_strerror(code));
			return 1;
		}
		int done = 0;
		for (struct addrinfo *a = all; a && !done; a = a->ai_next) {
			int fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
			done = connect(fd, a->ai_addr, a->ai_addrlen) == 0;
			close(fd);
		}
		failed += !done;
		freeaddrinfo(all);
	}
	return failed != 0;
}
