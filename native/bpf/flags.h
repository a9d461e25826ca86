/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Flags and enumerations as the event table numbers them (src/events/data/flags.json), made from the kernel's. Without branches, so that
 * they cost the verifier nothing.
 */
#pragma once

#include "buffer.h"

/* The value, of which the compiler then knows nothing: so it cannot drop a mask that the verifier needs. */
#define HIDE(value)                             \
	({                                      \
		u64 hidden = (value);           \
		asm volatile("" : "+r"(hidden)); \
		hidden;                         \
	})

/* One bit to one bit. */
#define MOVE(value, from, to) ((((u32)(value) >> (from)) & 1u) << (to))

#if defined(__TARGET_ARCH_arm64)
#define BIT_DIRECTORY 14
#define BIT_NOFOLLOW 15
#define BIT_DIRECT 16
#define BIT_LARGEFILE 17
#else
#define BIT_DIRECT 14
#define BIT_LARGEFILE 15
#define BIT_DIRECTORY 16
#define BIT_NOFOLLOW 17
#endif

/* O_* of open. O_SYNC and O_TMPFILE contain other flags and are reported for any of their bits, as Falco does. */
INLINE u32 open_flags(u64 f)
{
	u32 r = 0x1321 >> (f & 3) * 4 & 7;       /* O_RDONLY, O_WRONLY, O_RDWR, and 3, which is none */
	r |= MOVE(f, 6, 2);                      /* O_CREAT */
	r |= MOVE(f, 7, 5);                      /* O_EXCL */
	r |= MOVE(f, 9, 8);                      /* O_TRUNC */
	r |= MOVE(f, 10, 3);                     /* O_APPEND */
	r |= MOVE(f, 11, 6);                     /* O_NONBLOCK */
	r |= MOVE(f, 12, 4);                     /* O_DSYNC */
	r |= MOVE(f, 12, 7) | MOVE(f, 20, 7);    /* O_SYNC */
	r |= MOVE(f, BIT_DIRECT, 9);
	r |= MOVE(f, BIT_LARGEFILE, 11);
	r |= MOVE(f, BIT_DIRECTORY, 10);
	r |= MOVE(f, BIT_DIRECTORY, 13) | MOVE(f, 22, 13); /* O_TMPFILE */
	r |= MOVE(f, 19, 12);                    /* O_CLOEXEC */
	return r;
}

/* The mode counts only where a file can be made. */
INLINE u32 open_mode(u64 flags, u64 mode)
{
	return flags & (1u << 6 | 1u << 22 | 1u << BIT_DIRECTORY) ? mode & 07777 : 0;
}

/* O_CLOEXEC, O_NONBLOCK and O_DIRECT of calls that make descriptors; SOCK_* and EFD_* have the same bits. */
INLINE u32 fd_flags(u64 f)
{
	return MOVE(f, 19, 12) | MOVE(f, 11, 6) | MOVE(f, BIT_DIRECT, 9);
}

INLINE u32 socket_flags(u64 f)
{
	return MOVE(f, 19, 12) | MOVE(f, 11, 6);
}

INLINE u32 clone_flags(u64 f)
{
	u32 r = 0;
	r |= MOVE(f, 8, 15);   /* VM */
	r |= MOVE(f, 9, 1);    /* FS */
	r |= MOVE(f, 10, 0);   /* FILES */
	r |= MOVE(f, 11, 11);  /* SIGHAND */
	r |= MOVE(f, 13, 10);  /* PTRACE */
	r |= MOVE(f, 14, 27);  /* VFORK */
	r |= MOVE(f, 15, 8);   /* PARENT */
	r |= MOVE(f, 16, 13);  /* THREAD */
	r |= MOVE(f, 17, 5);   /* NEWNS */
	r |= MOVE(f, 18, 12);  /* SYSVSEM */
	r |= MOVE(f, 19, 25);  /* SETTLS */
	r |= MOVE(f, 20, 9);   /* PARENT_SETTID */
	r |= MOVE(f, 21, 23);  /* CHILD_CLEARTID */
	r |= MOVE(f, 23, 14);  /* UNTRACED */
	r |= MOVE(f, 24, 24);  /* CHILD_SETTID */
	r |= MOVE(f, 25, 28);  /* NEWCGROUP */
	r |= MOVE(f, 26, 7);   /* NEWUTS */
	r |= MOVE(f, 27, 3);   /* NEWIPC */
	r |= MOVE(f, 28, 20);  /* NEWUSER */
	r |= MOVE(f, 29, 6);   /* NEWPID */
	r |= MOVE(f, 30, 4);   /* NEWNET */
	r |= MOVE(f, 31, 2);   /* IO */
	return r;
}

#define CLONE_CHILD_IN_PIDNS 0x20000000

INLINE u32 mmap_flags(u64 f)
{
	u32 r = f & 3;         /* SHARED, PRIVATE */
	r |= MOVE(f, 4, 2);    /* FIXED */
	r |= MOVE(f, 5, 3);    /* ANONYMOUS */
	r |= MOVE(f, 6, 4);    /* 32BIT */
	r |= MOVE(f, 8, 9);    /* GROWSDOWN */
	r |= MOVE(f, 11, 10);  /* DENYWRITE */
	r |= MOVE(f, 12, 11);  /* EXECUTABLE */
	r |= MOVE(f, 13, 14);  /* LOCKED */
	r |= MOVE(f, 14, 6);   /* NORESERVE */
	r |= MOVE(f, 15, 7);   /* POPULATE */
	r |= MOVE(f, 16, 8);   /* NONBLOCK */
	return r;
}

INLINE u32 prot_flags(u64 f)
{
	return (f & 15) | MOVE(f, 24, 4) | MOVE(f, 25, 5);
}

INLINE u32 mount_flags(u64 f)
{
	return (u32)((f & 0xffff0000) == 0xc0ed0000 ? f & 0xffff : f);
}

/* openat2: RESOLVE_*. */
INLINE u32 resolve_flags(u64 f)
{
	return MOVE(f, 0, 4) | MOVE(f, 1, 2) | MOVE(f, 2, 3) | MOVE(f, 3, 0) | MOVE(f, 4, 1) | MOVE(f, 5, 5);
}

INLINE u32 io_uring_setup_flags(u64 f)
{
	return MOVE(f, 0, 0) | MOVE(f, 0, 2) | MOVE(f, 1, 1) | MOVE(f, 2, 3) | MOVE(f, 3, 4) | MOVE(f, 4, 5) | MOVE(f, 5, 6) |
	       MOVE(f, 6, 7);
}

/* A regular file may be asked for with no type at all. */
INLINE u32 mknod_mode(u64 m)
{
	return (m & 0xffff) | ((m & 0xf000) == 0 ? 0x8000 : 0);
}

/* A device number of a program, as the kernel keeps it. */
INLINE u32 kernel_dev(u64 dev)
{
	return (u32)(((dev & 0xfff00) >> 8) << 20 | ((dev & 0xff) | ((dev >> 12) & 0xfff00)));
}

/* A device number of the kernel, as programs see it. */
INLINE u32 user_dev(u32 dev)
{
	u32 major = dev >> 20, minor = dev & 0xfffff;
	return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

/* Families that the event table does not know are told as unspecified. */
INLINE u32 socket_family(u64 family)
{
	return (u8)family <= 0x27 ? (u8)family : 0;
}

const volatile u8 fcntl_low[64] = {
	[0] = 1,   [1] = 2,   [2] = 3,    [3] = 4,    [4] = 5,    [5] = 6,     [6] = 8,     [7] = 9,    [8] = 0xa,
	[9] = 0xc, [10] = 0xd, [11] = 0xf, [15] = 0x15, [16] = 0x16, [36] = 0x1e, [37] = 0x1f, [38] = 0x20,
};
const volatile u8 fcntl_high[16] = {
	[0] = 0x17, [1] = 0x18, [2] = 0x1b, [5] = 0x19, [6] = 0x1a, [7] = 0x1c, [8] = 0x1d,
};

INLINE u8 fcntl_command(u64 cmd)
{
	if (cmd < 64)
		return fcntl_low[HIDE(cmd) & 63];
	return cmd >= 1024 && cmd < 1040 ? fcntl_high[HIDE(cmd) & 15] : 0;
}

const volatile u8 ptrace_low[64] = {
	[0] = 1,     [1] = 2,     [2] = 3,     [3] = 4,     [4] = 5,     [5] = 6,     [6] = 7,     [7] = 8,     [8] = 9,
	[9] = 0xa,   [12] = 0x1a, [13] = 0x1b, [14] = 0x1c, [15] = 0x1d, [16] = 0xb,  [17] = 0xc,  [18] = 0x1e, [19] = 0x1f,
	[21] = 0x20, [24] = 0xd,  [25] = 0x21, [26] = 0x22, [30] = 0x23, [31] = 0x24, [32] = 0x25, [33] = 0x26,
};
const volatile u8 ptrace_high[16] = {0xe, 0xf, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19};

INLINE u16 ptrace_request(u64 request)
{
	if (request < 64)
		return ptrace_low[HIDE(request) & 63];
	return request >= 0x4200 && request < 0x4210 ? ptrace_high[HIDE(request) & 15] : 0;
}

/* One bit for each of a row of numbers that begins with `first`; 0 for others. */
INLINE u32 bit_of(u64 number, u32 first, u32 count)
{
	u32 place = (u32)number - first;
	return place < count ? 1u << (place & 31) : 0;
}

/* quotactl: Q_SYNC … Q_SETQUOTA are 0x800001 …, the commands of XFS follow 'X'. */
INLINE u16 quota_command(u64 command)
{
	u32 sub = (u32)command >> 8;
	if (sub == 0x800001)
		return 128;
	return bit_of(sub, 0x800002, 7) | bit_of(sub, 'X' << 8 | 1, 7) << 8;
}

/* QFMT_VFS_OLD, QFMT_VFS_V0, QFMT_VFS_V1. */
INLINE u8 quota_format(u32 format)
{
	return format == 1 ? 2 : format == 2 ? 4 : format == 4 ? 8 : 1;
}

/* semctl: IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO are 0 … 3, GETPID … SETALL 11 … 17, SEM_STAT and SEM_INFO 18 and 19. */
const volatile u16 semctl_commands[32] = {
	[0] = 4,    [1] = 2,   [2] = 1,    [3] = 8,     [11] = 256,  [12] = 512,
	[13] = 64,  [14] = 128, [15] = 1024, [16] = 4096, [17] = 2048, [18] = 32, [19] = 16,
};

INLINE u16 semctl_command(u64 command)
{
	return command < 32 ? semctl_commands[HIDE(command) & 31] : 0;
}

#define SOL_SOCKET 1
#define SOL_TCP 6

INLINE u8 sockopt_level(u64 level)
{
	return level == SOL_SOCKET ? 1 : level == SOL_TCP ? 2 : 0;
}

INLINE u8 sockopt_name(u64 level, u64 name)
{
	if (level != SOL_SOCKET)
		return 0;
	if (name <= 50)
		return name;
	return name == 55 ? 0x34 : name == 57 ? 0x35 : name == 59 ? 0x33 : 0;
}
