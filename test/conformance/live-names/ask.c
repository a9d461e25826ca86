/*
 * Looks a name up with a function of libc that the first argument names, again and again, and connects to what it gave without waiting. The
 * second argument is the name, the third the family (4, 6), the fourth the port.
 */
#define _GNU_SOURCE
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct hostent *ask(const char *function, const char *name, int family)
{
	static struct hostent host;
	static char room[4096];
	struct hostent *found = NULL;
	int error;
	if (!strcmp(function, "gethostbyname"))
		return gethostbyname(name);
	if (!strcmp(function, "gethostbyname2"))
		return gethostbyname2(name, family);
	if (!strcmp(function, "gethostbyname_r"))
		gethostbyname_r(name, &host, room, sizeof(room), &found, &error);
	else
		gethostbyname2_r(name, family, &host, room, sizeof(room), &found, &error);
	return found;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	int family = atoi(argv[3]) == 6 ? AF_INET6 : AF_INET, port = htons(atoi(argv[4]));
	for (int i = 0; i < 20; i++) {
		struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = port};
		struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = port};
		if (!strcmp(argv[1], "getaddrinfo")) {
			struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM}, *all = NULL;
			if (getaddrinfo(argv[2], NULL, &hints, &all))
				return 1;
			four.sin_addr = ((struct sockaddr_in *)all->ai_addr)->sin_addr;
			if (family == AF_INET6)
				six.sin6_addr = ((struct sockaddr_in6 *)all->ai_addr)->sin6_addr;
			freeaddrinfo(all);
		} else {
			struct hostent *host = ask(argv[1], argv[2], family);
			if (!host)
				return 1;
			memcpy(family == AF_INET6 ? (void *)&six.sin6_addr : (void *)&four.sin_addr, host->h_addr_list[0], host->h_length);
		}
		int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (family == AF_INET6)
			connect(fd, (struct sockaddr *)&six, sizeof(six));
		else
			connect(fd, (struct sockaddr *)&four, sizeof(four));
		close(fd);
		usleep(30000);
	}
	return 0;
}
