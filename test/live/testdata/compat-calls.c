/*
 * Calls by the rules of the 32-bit system, each with something in it that is of another size there. Needs no library of 32 bits:
 *   gcc -m32 -nostdlib -static -ffreestanding -fno-stack-protector
 */
typedef unsigned int u32;

static int call(int number, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f)
{
	u32 last[2] = {(u32)number, f};
	int result;
	/* The sixth is in ebp, which the compiler may not be asked for. */
	asm volatile("push %%ebp\n mov 4(%%eax), %%ebp\n mov (%%eax), %%eax\n int $0x80\n pop %%ebp"
		     : "=a"(result)
		     : "a"(last), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		     : "memory");
	return result;
}

#define CALL(number, a, b, c, d) call(number, (u32)(a), (u32)(b), (u32)(c), (u32)(d), 0, 0)
#define SOCKET_CALL(number, ...)                              \
	({                                                    \
		u32 list[6] = {__VA_ARGS__};                  \
		call(102, number, (u32)list, 0, 0, 0, 0);     \
	})

static char bytes[256];
static const struct {
	const void *base;
	u32 len;
} parts[2] = {{"ab", 2}, {"cdef", 4}};
static struct {
	unsigned short family, port;
	u32 ip;
	char rest[8];
} to = {2, 0x3930 /* 12345 */, 0x0100007f}, own = {2, 0, 0x0100007f};
static struct {
	void *name;
	u32 name_len;
	const void *iov;
	u32 iov_len, control, control_len, flags, len;
} messages[2] = {{&own, 16, parts, 2}, {&own, 16, parts, 1}}, got[2];
static struct {
	void *base;
	u32 len;
} room[2] = {{bytes, 100}, {bytes + 100, 100}};
static char name[] = "compat", *arguments[] = {name, "one", "two", 0}, *none[] = {0};

static void run(void)
{
	u32 position[2] = {2, 0}, half = 1, pair[2];
	int file = CALL(5, name, 0102 /* O_CREAT | O_RDWR */, 0640, 0);
	CALL(4, file, "0123456789", 10, 0);
	CALL(146, file, parts, 2, 0);                        /* writev */
	call(181, file, (u32)"zz", 2, 50, 0, 0);             /* pwrite64, its position in two */
	call(334, file, (u32)parts, 2, 60, 0, 0);            /* pwritev */
	call(180, file, (u32)bytes, 5, 1, 0, 0);             /* pread64 */
	CALL(187, file, file, &half, 3);                     /* sendfile, its offset of 32 bits */
	CALL(239, file, file, position, 3);                  /* sendfile64 */
	call(192, 0, 4096, 1, 2, file, 0);                   /* mmap2 */
	CALL(221, file, 0, 40, 0);                           /* fcntl64, F_DUPFD */
	call(300, -100, (u32)name, (u32)bytes, 0, 0, 0);     /* fstatat64 */
	CALL(10, name, 0, 0, 0);
	CALL(213, 0, 0, 0, 0);                               /* setuid32 */
	CALL(208, -1, 0, -1, 0);                             /* setresuid32 */
	CALL(33, "/etc/passwd", 4, 0, 0);                    /* access, which fork has on x86-64 */

	SOCKET_CALL(8, 1, 1, 0, (u32)pair);                  /* socketpair */
	SOCKET_CALL(9, pair[0], (u32)"sent", 4, 0);          /* send */
	SOCKET_CALL(10, pair[1], (u32)bytes, 4, 0);          /* recv */
	int udp = SOCKET_CALL(1, 2, 2, 0);
	SOCKET_CALL(2, udp, (u32)&own, 16);
	u32 len = 16;
	SOCKET_CALL(6, udp, (u32)&own, (u32)&len);
	SOCKET_CALL(11, udp, (u32)"datagram", 8, 0, (u32)&own, 16); /* sendto */
	SOCKET_CALL(12, udp, (u32)bytes, 100, 0, 0, 0);      /* recvfrom */
	SOCKET_CALL(16, udp, (u32)&messages[0], 0);          /* sendmsg */
	for (int i = 0; i < 2; i++) {
		got[i].iov = &room[i];
		got[i].iov_len = 1;
	}
	SOCKET_CALL(17, udp, (u32)&got[0], 0);               /* recvmsg */
	CALL(345, udp, messages, 2, 0);                      /* sendmmsg */
	call(337, udp, (u32)got, 2, 0, 0, 0);                /* recvmmsg */
	int tcp = SOCKET_CALL(1, 2, 1, 0);
	SOCKET_CALL(3, tcp, (u32)&to, 16);
	CALL(359, 1, 1, 0, 0);                               /* socket */
	SOCKET_CALL(99, 1, 2, 3);

	int child = CALL(2, 0, 0, 0, 0);                     /* fork */
	if (child == 0) {
		CALL(11, "/nonexistent", arguments, none, 0);
		CALL(11, "/bin/true", arguments, none, 0);
		CALL(1, 1, 0, 0, 0);
	}
	CALL(7, child, 0, 0, 0);                             /* waitpid */
}

void _start(void)
{
	run();
	CALL(1, 0, 0, 0, 0);
}
