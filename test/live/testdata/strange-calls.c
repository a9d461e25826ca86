/*
 * System calls as few programs make them: odd addresses, odd descriptors, odd names, odd flags. Most fail, and are meant to. For
 * strace.test.ts, which compares what strace and the probe tell of them; also built for 32 bits. Works in the folder that it is given.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
#define BAD ((void *)1)
static char bytes[8192];
static char stack[65536] __attribute__((aligned(16)));

static int open_and_leave(void *arg)
{
	open("/etc/passwd", O_RDONLY);
	_exit(3);
}

static void *in_a_thread(void *arg)
{
	close(open("/etc/hostname", O_RDONLY));
	return NULL;
}

static void wait_for(int pid)
{
	waitpid(pid, NULL, __WALL);
}

static void files(void)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY), file = openat(dir, "f", O_CREAT | O_RDWR | O_TRUNC, 0640);
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	struct iovec parts[3] = {{"ab", 2}, {"", 0}, {"cdef", 4}}, bad = {BAD, 5};
	syscall(SYS_openat2, dir, "f", &how, sizeof how);
	openat(dir, "../x/..//y", O_RDONLY);
	close(open("no\xff\xfe\x01name", O_CREAT | O_WRONLY, 0600));
	write(file, "0123456789", 10);
	lseek(file, -3, SEEK_END);
	writev(file, parts, 3);
	pwritev(file, parts, 3, 20);
	pwrite(file, "zz", 2, 50);
	pread(file, bytes, 5, 1);
	preadv(file, parts, 0, 1);
	sendfile(file, file, &(off_t){0}, 4);
	write(file, BAD, 5);
	read(file, BAD, 5);
	writev(file, &bad, 1);
	writev(file, BAD, 1);
	writev(file, &bad, 2000);
	link("f", "l");
	linkat(AT_FDCWD, "nope", dir, "l3", AT_SYMLINK_FOLLOW);
	symlinkat("../target", dir, "s");
	renameat2(dir, "s", dir, "l", RENAME_EXCHANGE);
	renameat2(dir, "s", dir, "l", RENAME_NOREPLACE);
	unlinkat(dir, "l", 0);
	unlink("s");
	mkdirat(dir, "d", 0700);
	unlinkat(dir, "d", AT_REMOVEDIR);
	fchmod(file, 04711);
	fchmodat(dir, "f", 0600, 0);
	fchownat(dir, "f", 6, -1, AT_SYMLINK_NOFOLLOW);
	mknodat(dir, "n", S_IFIFO | 0600, 0);
	unlink("n");
	close(-1);
	close(12345);
}

/* Texts and data that end where memory ends. */
static void edges(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *edge = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *end = edge + page;
	int file = open("f", O_RDWR);
	munmap(end, page);
	memset(edge, 'A', page);
	open(end - 5, O_RDONLY);
	unlink(end - 3);
	write(file, end - 10, 100);
	strcpy(end - 6, "/etc/");
	open(end - 6, O_RDONLY);
	open(BAD, 0);
	open(NULL, 0);
	memset(bytes, 'p', 4999);
	open(bytes, O_RDONLY);
	bytes[4090] = 0;
	open(bytes, O_RDONLY);
	memset(bytes, 'q', 255);
	bytes[255] = 0;
	close(open(bytes, O_CREAT | O_RDWR, 0600));
}

static void descriptors(void)
{
	int file = open("f", O_RDWR), ends[2], memory = memfd_create("odd mem", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct epoll_event event = {EPOLLIN};
	write(memory, "x", 1);
	pipe(ends);
	pipe2(ends, O_CLOEXEC | O_NONBLOCK);
	pipe(BAD);
	splice(file, &(loff_t){0}, ends[1], NULL, 5, SPLICE_F_MOVE);
	dup(file);
	dup2(file, 100);
	dup3(file, 101, O_CLOEXEC);
	dup2(file, file);
	dup3(file, file, 0);
	fcntl(file, F_DUPFD, 110);
	fcntl(file, F_DUPFD_CLOEXEC, 111);
	fcntl(110, F_SETFD, FD_CLOEXEC);
	pread(110, bytes, 1, 0);
	close(100);
	syscall(SYS_close_range, 101, 105, 0);
	syscall(SYS_close_range, 110, 115, 4);
	syscall(SYS_close_range, 500, 400, 0);
	eventfd(5, EFD_CLOEXEC);
	epoll_ctl(epoll_create1(EPOLL_CLOEXEC), EPOLL_CTL_ADD, ends[0], &event);
	int own = syscall(SYS_pidfd_open, getpid(), 0);
	pread(syscall(SYS_pidfd_getfd, own, file, 0), bytes, 1, 0);
}

static void sockets(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "sock"}, abstract = {.sun_family = AF_UNIX};
	socklen_t abstract_len = offsetof(struct sockaddr_un, sun_path) + 1 +
				 sprintf(abstract.sun_path + 1, "strange-%d", getpid());
	int server = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), client = socket(AF_UNIX, SOCK_SEQPACKET, 0), pair[2];
	bind(server, (void *)&abstract, abstract_len);
	listen(server, 3);
	connect(client, (void *)&abstract, abstract_len);
	accept4(server, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
	bind(datagram, (void *)&name, sizeof name);
	sendto(socket(AF_UNIX, SOCK_DGRAM, 0), "dg", 2, 0, (void *)&name, sizeof name);
	recvfrom(datagram, bytes, 10, 0, NULL, NULL);

	/* a descriptor that comes in a message */
	socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair);
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {bytes, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
	*rights = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
	*(int *)CMSG_DATA(rights) = datagram;
	sendmsg(pair[0], &message, 0);
	recvmsg(pair[1], &message, 0);

	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	socklen_t len = sizeof six;
	server = socket(AF_INET6, SOCK_STREAM, 0);
	bind(server, (void *)&six, sizeof six);
	listen(server, 9);
	getsockname(server, (void *)&six, &len);
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = six.sin6_port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	sendto(socket(AF_INET, SOCK_STREAM, 0), "fast", 4, MSG_FASTOPEN, (void *)&four, sizeof four);
	recv(accept(server, NULL, NULL), bytes, 4, 0);
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &six.sin6_addr);
	client = socket(AF_INET6, SOCK_STREAM, 0);
	connect(client, (void *)&six, sizeof six);
	accept4(server, (void *)&six, &len, 0);
	write(client, "six", 3);

	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	four.sin_port = 0;
	bind(udp, (void *)&four, sizeof four);
	len = sizeof four;
	getsockname(udp, (void *)&four, &len);
	client = socket(AF_INET, SOCK_DGRAM, 0);
	sendto(client, "one", 3, 0, (void *)&four, sizeof four);
	recvfrom(udp, bytes, 100, 0, NULL, NULL);
	sendto(client, BAD, 5, 0, BAD, 16);
	connect(client, (void *)&four, sizeof four);
	send(client, "two", 3, 0);
	connect(client, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr));
	connect(client, BAD, 16);
	connect(client, (void *)&four, 3);
	connect(-1, (void *)&four, sizeof four);
	connect(0, (void *)&four, sizeof four);
	socket(AF_NETLINK, SOCK_RAW, 0);
	socket(AF_PACKET, SOCK_RAW, 0);
	socket(99, 1, 0);
	socket(AF_INET, 77, 0);
}

static void processes(void)
{
	pthread_t thread;
	int pid, status;
	pthread_create(&thread, NULL, in_a_thread, NULL);
	pthread_join(thread, NULL);
	wait_for(clone(open_and_leave, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
	wait_for(clone(open_and_leave, stack + sizeof stack, CLONE_FILES | CLONE_FS | SIGCHLD, NULL));
	wait_for(clone(open_and_leave, stack + sizeof stack, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | SIGCHLD, NULL));
	clone(open_and_leave, stack + sizeof stack, CLONE_THREAD, NULL);
	pid = fork();
	if (pid == 0) {
		unshare(CLONE_NEWNS | CLONE_FS);
		setns(-1, 0);
		prctl(PR_SET_NAME, "a-renamed-process-long");
		setsid();
		setpgid(0, 0);
		syscall(SYS_setregid, -1, 6);
		syscall(SYS_setresgid, -1, 7, -1);
		syscall(SYS_setresuid, -1, 1, -1);
		syscall(SYS_setreuid, -1, 0);
		syscall(SYS_setresuid, 1, 1, 1);
		open("/etc/shadow", O_RDONLY);
		execl("/nonexistent", "x", NULL);
		execl("/etc/passwd", "x", NULL);
		execve(BAD, BAD, BAD);
		_exit(0);
	}
	wait_for(pid);
	ptrace(PTRACE_ATTACH, 1 << 29, NULL, NULL);
	kill(getpid(), 0);
	kill(-1, 999);
	posix_spawn(&pid, "/bin/true", NULL, NULL, (char *[]){"true", "x y", NULL}, environ);
	wait_for(pid);
	int program = open("/bin/true", O_RDONLY | O_CLOEXEC);
	pid = fork();
	if (pid == 0) {
		syscall(SYS_execveat, program, "", (char *[]){"by descriptor", NULL}, (char *[]){NULL}, AT_EMPTY_PATH);
		_exit(1);
	}
	waitpid(pid, &status, 0);
}

int main(int count, char **args)
{
	if (count < 2 || chdir(args[1]) != 0)
		return 1;
	alarm(20);
	files();
	edges();
	descriptors();
	sockets();
	processes();
	return 0;
}
