/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Most events are the result of the call and some of its arguments, each in the type of the event table. They are rows of a table here,
 * and one program writes them all; only events that look into the kernel have programs of their own.
 */
#pragma once

#include "socket.h"
#include "syscall.h"
#include "task.h"

enum op {
	RESULT,       /* the result, 64 bits */
	RESULT_U32,   /* the result, 32 bits */
	FD,           /* an argument, 32 bits with sign told as 64: descriptors, pids, small numbers */
	WORD,         /* an argument, all 64 bits */
	U32,
	U16,
	U8,
	TEXT,         /* what an argument points to, up to its NUL */
	MASK32,       /* those bits of an argument that are in `extra` */
	ZERO32,
	ZERO8,
	FD_FLAGS32,
	FD_FLAGS16,
	CLONE_FLAGS,
	MODE,         /* permission bits */
	MKNOD_MODE,
	DEVICE,
	MOUNT_FLAGS,
	PROT_FLAGS,
	FCNTL_COMMAND,
	SHIFT32,      /* one bit of an argument, number `extra`, as bit 0 */
	DELETE_FLAGS, /* of delete_module: O_NONBLOCK, O_TRUNC */
	FUTEX_OP,
	SEMGET_FLAGS, /* IPC_CREAT, IPC_EXCL */
	ADDRESS,      /* a socket address; its length is the next argument */
	TEXT_RESULT,  /* text, if the call succeeded */
	AT64,         /* 64 bits at an argument, `extra` bytes behind; 0 if it is NULL */
	AT64_RESULT,  /* the same, which the call has written; -1 if it failed */
	AT32,
	TIME,         /* the timespec at an argument, in nanoseconds */
	DATA,         /* bytes at an argument, `extra` is the argument with their number; cut to the snap length */
};

#define P(...) {__VA_ARGS__}
#define EVENT(event, n, ...) {event, n, {__VA_ARGS__}}

const volatile struct simple_event simple_events[SYSCALL_LIMIT] = {
	/* descriptors */
	[__NR_close] = EVENT(EV_CLOSE, 2, P(RESULT), P(FD, 0)),
	[__NR_close_range] = EVENT(EV_CLOSE_RANGE, 4, P(RESULT), P(U32, 0), P(U32, 1), P(MASK32, 2, 6)),
	[__NR_dup] = EVENT(EV_DUP, 2, P(RESULT), P(FD, 0)),
	[__NR_dup3] = EVENT(EV_DUP3, 4, P(RESULT), P(FD, 0), P(FD, 1), P(FD_FLAGS32, 2)),
	[__NR_fcntl] = EVENT(EV_FCNTL, 4, P(RESULT), P(FD, 0), P(FCNTL_COMMAND, 1), P(WORD, 2)),
	[__NR_flock] = EVENT(EV_FLOCK, 3, P(RESULT), P(FD, 0), P(MASK32, 1, 15)),
	[__NR_ioctl] = EVENT(EV_IOCTL, 4, P(RESULT), P(FD, 0), P(WORD, 1), P(WORD, 2)),
	[__NR_lseek] = EVENT(EV_LSEEK, 4, P(RESULT), P(FD, 0), P(WORD, 1), P(U8, 2)),
	[__NR_eventfd2] = EVENT(EV_EVENTFD2, 3, P(RESULT), P(FD_FLAGS16, 1), P(WORD, 0)),
	[__NR_signalfd4] = EVENT(EV_SIGNALFD4, 4, P(RESULT), P(FD_FLAGS16, 3), P(FD, 0), P(ZERO32)),
	[__NR_timerfd_create] = EVENT(EV_TIMERFD_CREATE, 3, P(RESULT), P(ZERO8), P(ZERO8)),
	[__NR_inotify_init1] = EVENT(EV_INOTIFY_INIT1, 2, P(RESULT), P(FD_FLAGS16, 0)),
	[__NR_epoll_create1] = EVENT(EV_EPOLL_CREATE1, 2, P(RESULT), P(SHIFT32, 0, 19)),
	[__NR_memfd_create] = EVENT(EV_MEMFD_CREATE, 3, P(RESULT), P(TEXT, 0), P(MASK32, 1, 7)),
	[__NR_userfaultfd] = EVENT(EV_USERFAULTFD, 2, P(RESULT), P(U32, 0)),
	[__NR_pidfd_open] = EVENT(EV_PIDFD_OPEN, 3, P(RESULT), P(FD, 0), P(SHIFT32, 1, 11)),
	[__NR_pidfd_getfd] = EVENT(EV_PIDFD_GETFD, 4, P(RESULT), P(FD, 0), P(FD, 1), P(U32, 2)),
	[__NR_bpf] = EVENT(EV_BPF, 2, P(RESULT), P(U32, 0)),
	[__NR_io_uring_enter] = EVENT(EV_IO_URING_ENTER, 6, P(RESULT), P(FD, 0), P(U32, 1), P(U32, 2), P(MASK32, 3, 15), P(ZERO32)),
	[__NR_io_uring_register] = EVENT(EV_IO_URING_REGISTER, 5, P(RESULT), P(FD, 0), P(U16, 1), P(WORD, 2), P(U32, 3)),
	[__NR_fstat] = EVENT(EV_FSTAT, 2, P(RESULT), P(FD, 0)),
	[__NR_getdents64] = EVENT(EV_GETDENTS64, 2, P(RESULT), P(FD, 0)),

	[__NR_sendfile] = EVENT(EV_SENDFILE, 5, P(RESULT), P(AT64, 2), P(FD, 0), P(FD, 1), P(WORD, 3)),
	[__NR_splice] = EVENT(EV_SPLICE, 5, P(RESULT), P(FD, 0), P(FD, 2), P(WORD, 4), P(MASK32, 5, 15)),
	[__NR_copy_file_range] =
		EVENT(EV_COPY_FILE_RANGE, 6, P(RESULT), P(FD, 2), P(AT64, 3), P(FD, 0), P(AT64, 1), P(WORD, 4)),

	/* paths */
	[__NR_unlinkat] = EVENT(EV_UNLINKAT, 4, P(RESULT), P(FD, 0), P(TEXT, 1), P(MASK32, 2, 0x200)),
	[__NR_renameat2] =
		EVENT(EV_RENAMEAT2, 6, P(RESULT), P(FD, 0), P(TEXT, 1), P(FD, 2), P(TEXT, 3), P(MASK32, 4, 7)),
	[__NR_mkdirat] = EVENT(EV_MKDIRAT, 4, P(RESULT), P(FD, 0), P(TEXT, 1), P(U32, 2)),
	[__NR_linkat] =
		EVENT(EV_LINKAT, 6, P(RESULT), P(FD, 0), P(TEXT, 1), P(FD, 2), P(TEXT, 3), P(MASK32, 4, 0x1400)),
	[__NR_symlinkat] = EVENT(EV_SYMLINKAT, 4, P(RESULT), P(TEXT, 0), P(FD, 1), P(TEXT, 2)),
	[__NR_fchmod] = EVENT(EV_FCHMOD, 3, P(RESULT), P(FD, 0), P(MODE, 1)),
	[__NR_fchmodat] = EVENT(EV_FCHMODAT, 4, P(RESULT), P(FD, 0), P(TEXT, 1), P(MODE, 2)),
	[__NR_fchown] = EVENT(EV_FCHOWN, 4, P(RESULT), P(FD, 0), P(U32, 1), P(U32, 2)),
	[__NR_fchownat] =
		EVENT(EV_FCHOWNAT, 6, P(RESULT), P(FD, 0), P(TEXT, 1), P(U32, 2), P(U32, 3), P(MASK32, 4, 0x1400)),
	[__NR_mknodat] = EVENT(EV_MKNODAT, 5, P(RESULT), P(FD, 0), P(TEXT, 1), P(MKNOD_MODE, 2), P(DEVICE, 3)),
	[__NR_newfstatat] = EVENT(EV_NEWFSTATAT, 4, P(RESULT), P(FD, 0), P(TEXT, 1), P(MASK32, 3, 0x1900)),
	[__NR_chdir] = EVENT(EV_CHDIR, 2, P(RESULT), P(TEXT, 0)),
	[__NR_fchdir] = EVENT(EV_FCHDIR, 2, P(RESULT), P(FD, 0)),
	[__NR_chroot] = EVENT(EV_CHROOT, 2, P(RESULT), P(TEXT, 0)),
	[__NR_getcwd] = EVENT(EV_GETCWD, 2, P(RESULT), P(TEXT_RESULT, 0)),
	[__NR_mount] = EVENT(EV_MOUNT, 5, P(RESULT), P(TEXT, 0), P(TEXT, 1), P(TEXT, 2), P(MOUNT_FLAGS, 3)),
	[__NR_umount2] = EVENT(EV_UMOUNT2, 3, P(RESULT), P(TEXT, 0), P(U32, 1)),

	/* users, rights, namespaces, signals */
	[__NR_setuid] = EVENT(EV_SETUID, 2, P(RESULT), P(U32, 0)),
	[__NR_setgid] = EVENT(EV_SETGID, 2, P(RESULT), P(U32, 0)),
	[__NR_setreuid] = EVENT(EV_SETREUID, 3, P(RESULT), P(U32, 0), P(U32, 1)),
	[__NR_setregid] = EVENT(EV_SETREGID, 3, P(RESULT), P(U32, 0), P(U32, 1)),
	[__NR_setresuid] = EVENT(EV_SETRESUID, 4, P(RESULT), P(U32, 0), P(U32, 1), P(U32, 2)),
	[__NR_setresgid] = EVENT(EV_SETRESGID, 4, P(RESULT), P(U32, 0), P(U32, 1), P(U32, 2)),
	[__NR_getuid] = EVENT(EV_GETUID, 1, P(RESULT_U32)),
	[__NR_geteuid] = EVENT(EV_GETEUID, 1, P(RESULT_U32)),
	[__NR_getgid] = EVENT(EV_GETGID, 1, P(RESULT_U32)),
	[__NR_getegid] = EVENT(EV_GETEGID, 1, P(RESULT_U32)),
	[__NR_setsid] = EVENT(EV_SETSID, 1, P(RESULT)),
	[__NR_setpgid] = EVENT(EV_SETPGID, 3, P(RESULT), P(FD, 0), P(FD, 1)),
	[__NR_setns] = EVENT(EV_SETNS, 3, P(RESULT), P(FD, 0), P(CLONE_FLAGS, 1)),
	[__NR_unshare] = EVENT(EV_UNSHARE, 2, P(RESULT), P(CLONE_FLAGS, 0)),
	[__NR_seccomp] = EVENT(EV_SECCOMP, 3, P(RESULT), P(WORD, 0), P(WORD, 1)),
	[__NR_kill] = EVENT(EV_KILL, 3, P(RESULT), P(FD, 0), P(U8, 1)),
	[__NR_tkill] = EVENT(EV_TKILL, 3, P(RESULT), P(FD, 0), P(U8, 1)),
	[__NR_tgkill] = EVENT(EV_TGKILL, 4, P(RESULT), P(FD, 0), P(FD, 1), P(U8, 2)),
	[__NR_futex] = EVENT(EV_FUTEX, 4, P(RESULT), P(WORD, 0), P(FUTEX_OP, 1), P(WORD, 2)),

	[__NR_semget] = EVENT(EV_SEMGET, 4, P(RESULT), P(U32, 0), P(U32, 1), P(SEMGET_FLAGS, 2)),

	[__NR_nanosleep] = EVENT(EV_NANOSLEEP, 2, P(RESULT), P(TIME, 0)),
	[__NR_prlimit64] = EVENT(EV_PRLIMIT, 7, P(RESULT), P(AT64, 2), P(AT64, 2, 8), P(AT64_RESULT, 3), P(AT64_RESULT, 3, 8), P(FD, 0), P(U8, 1)),
	[__NR_getrlimit] = EVENT(EV_GETRLIMIT, 4, P(RESULT), P(AT64_RESULT, 1), P(AT64_RESULT, 1, 8), P(U8, 0)),
	[__NR_setrlimit] = EVENT(EV_SETRLIMIT, 4, P(RESULT), P(AT64, 1), P(AT64, 1, 8), P(U8, 0)),
	[__NR_getresuid] = EVENT(EV_GETRESUID, 4, P(RESULT), P(AT32, 0), P(AT32, 1), P(AT32, 2)),
	[__NR_getresgid] = EVENT(EV_GETRESGID, 4, P(RESULT), P(AT32, 0), P(AT32, 1), P(AT32, 2)),

	/* modules */
	[__NR_init_module] = EVENT(EV_INIT_MODULE, 4, P(RESULT), P(DATA, 0, 1), P(WORD, 1), P(TEXT, 2)),
	[__NR_finit_module] = EVENT(EV_FINIT_MODULE, 4, P(RESULT), P(FD, 0), P(TEXT, 1), P(MASK32, 2, 7)),
	[__NR_delete_module] = EVENT(EV_DELETE_MODULE, 3, P(RESULT), P(TEXT, 0), P(DELETE_FLAGS, 1)),

	/* sockets, where nothing of the socket itself is told */
	[__NR_bind] = EVENT(EV_BIND, 3, P(RESULT), P(ADDRESS, 1), P(FD, 0)),
	[__NR_listen] = EVENT(EV_LISTEN, 3, P(RESULT), P(FD, 0), P(U32, 1)),
	[__NR_shutdown] = EVENT(EV_SHUTDOWN, 3, P(RESULT), P(FD, 0), P(U8, 1)),
	[__NR_getsockname] = EVENT(EV_GETSOCKNAME, 0),
	[__NR_getpeername] = EVENT(EV_GETPEERNAME, 0),

	/* memory */
	[__NR_mprotect] = EVENT(EV_MPROTECT, 4, P(RESULT), P(WORD, 0), P(WORD, 1), P(PROT_FLAGS, 2)),

	[__NR_mlock] = EVENT(EV_MLOCK, 3, P(RESULT), P(WORD, 0), P(WORD, 1)),
	[__NR_mlock2] = EVENT(EV_MLOCK2, 4, P(RESULT), P(WORD, 0), P(WORD, 1), P(MASK32, 2, 1)),
	[__NR_munlock] = EVENT(EV_MUNLOCK, 3, P(RESULT), P(WORD, 0), P(WORD, 1)),
	[__NR_mlockall] = EVENT(EV_MLOCKALL, 2, P(RESULT), P(MASK32, 0, 7)),
	[__NR_munlockall] = EVENT(EV_MUNLOCKALL, 1, P(RESULT)),

#ifdef __NR_unlink /* calls that newer architectures left out */
	[__NR_dup2] = EVENT(EV_DUP2, 3, P(RESULT), P(FD, 0), P(FD, 1)),
	[__NR_eventfd] = EVENT(EV_EVENTFD, 3, P(RESULT), P(WORD, 0), P(ZERO32)),
	[__NR_inotify_init] = EVENT(EV_INOTIFY_INIT, 2, P(RESULT), P(ZERO8)),
	[__NR_epoll_create] = EVENT(EV_EPOLL_CREATE, 2, P(RESULT), P(U32, 0)),
	[__NR_signalfd] = EVENT(EV_SIGNALFD, 4, P(RESULT), P(FD, 0), P(ZERO32), P(ZERO8)),
	[__NR_epoll_wait] = EVENT(EV_EPOLL_WAIT, 2, P(RESULT), P(FD, 2)),
	[__NR_select] = EVENT(EV_SELECT, 1, P(RESULT)),
	[__NR_getdents] = EVENT(EV_GETDENTS, 2, P(RESULT), P(FD, 0)),
	[__NR_unlink] = EVENT(EV_UNLINK, 2, P(RESULT), P(TEXT, 0)),
	[__NR_rmdir] = EVENT(EV_RMDIR, 2, P(RESULT), P(TEXT, 0)),
	[__NR_mkdir] = EVENT(EV_MKDIR, 3, P(RESULT), P(TEXT, 0), P(U32, 1)),
	[__NR_link] = EVENT(EV_LINK, 3, P(RESULT), P(TEXT, 0), P(TEXT, 1)),
	[__NR_symlink] = EVENT(EV_SYMLINK, 3, P(RESULT), P(TEXT, 0), P(TEXT, 1)),
	[__NR_rename] = EVENT(EV_RENAME, 3, P(RESULT), P(TEXT, 0), P(TEXT, 1)),
	[__NR_chmod] = EVENT(EV_CHMOD, 3, P(RESULT), P(TEXT, 0), P(MODE, 1)),
	[__NR_chown] = EVENT(EV_CHOWN, 4, P(RESULT), P(TEXT, 0), P(U32, 1), P(U32, 2)),
	[__NR_lchown] = EVENT(EV_LCHOWN, 4, P(RESULT), P(TEXT, 0), P(U32, 1), P(U32, 2)),
	[__NR_mknod] = EVENT(EV_MKNOD, 4, P(RESULT), P(TEXT, 0), P(MKNOD_MODE, 1), P(DEVICE, 2)),
	[__NR_access] = EVENT(EV_ACCESS, 3, P(RESULT), P(TEXT, 0), P(MASK32, 1, 7)),
	[__NR_stat] = EVENT(EV_STAT, 2, P(RESULT), P(TEXT, 0)),
	[__NR_lstat] = EVENT(EV_LSTAT, 2, P(RESULT), P(TEXT, 0)),
#endif
#ifdef __NR_renameat
	[__NR_renameat] = EVENT(EV_RENAMEAT, 5, P(RESULT), P(FD, 0), P(TEXT, 1), P(FD, 2), P(TEXT, 3)),
#endif
};

INLINE u32 snap(u64 len)
{
	u32 limit = CONTROLS->snap_bytes;
	return len < limit ? len : limit;
}

/* FUTEX_*: the operation in the low bits, and the two flags. */
INLINE u32 futex_op(u64 op)
{
	u32 base = op & 127;
	return (base <= 12 ? base : 0) | (op & 0x180);
}

INLINE u64 word_at(struct buffer *b, u64 from, u32 behind)
{
	u64 word = 0;
	bool is_half = b->compat == COMPAT;
	if (from)
		bpf_probe_read_user(&word, is_half ? 4 : 8, (void *)(from + (is_half ? behind / 2 : behind)));
	return word;
}

APART int put_param(struct buffer *b, u32 op, u64 v, u64 next, u32 extra)
{
	if (!b)
		return 0;
	switch (op) {
	case RESULT: put_u64(b, b->ret); break;
	case RESULT_U32: put_u32(b, b->ret); break;
	case FD: put_fd(b, v); break;
	case WORD: put_u64(b, v); break;
	case U32: put_u32(b, v); break;
	case U16: put_u16(b, v); break;
	case U8: put_u8(b, v); break;
	case TEXT: put_user_text(b, v); break;
	case MASK32: put_u32(b, v & extra); break;
	case ZERO32: put_u32(b, 0); break;
	case ZERO8: put_u8(b, 0); break;
	case FD_FLAGS32: put_u32(b, fd_flags(v)); break;
	case FD_FLAGS16: put_u16(b, fd_flags(v)); break;
	case CLONE_FLAGS: put_u32(b, clone_flags(v)); break;
	case MODE: put_u32(b, v & 07777); break;
	case MKNOD_MODE: put_u32(b, mknod_mode(v)); break;
	case DEVICE: put_u32(b, kernel_dev(v)); break;
	case MOUNT_FLAGS: put_u32(b, mount_flags(v)); break;
	case PROT_FLAGS: put_u32(b, prot_flags(v)); break;
	case FCNTL_COMMAND: put_u8(b, fcntl_command(v)); break;
	case SHIFT32: put_u32(b, v >> (extra & 63) & 1); break;
	case DELETE_FLAGS: put_u32(b, MOVE(v, 11, 1) | MOVE(v, 9, 0)); break;
	case FUTEX_OP: put_u16(b, futex_op(v)); break;
	case SEMGET_FLAGS: put_u32(b, MOVE(v, 9, 13) | MOVE(v, 10, 14)); break;
	case ADDRESS: put_user_address(b, v, (s32)next); break;
	case TEXT_RESULT: put_user_text(b, b->ret >= 0 ? v : 0); break;
	case AT64: put_u64(b, word_at(b, v, extra)); break;
	case AT64_RESULT: put_u64(b, b->ret >= 0 ? word_at(b, v, extra) : (u64)-1); break;
	case AT32: put_u32(b, word_at(b, v, extra)); break;
	case TIME: put_u64(b, word_at(b, v, 0) * 1000000000 + word_at(b, v, 8)); break;
	case DATA: put_user_bytes(b, v, snap(b->args[extra & 7])); break;
	default: put_empty(b); break;
	}
	return 0;
}

INLINE int put_simple(struct buffer *b, u32 number)
{
	if (!b)
		return 0;
	const volatile struct simple_event *event = &simple_events[number & (SYSCALL_LIMIT - 1)];
	u32 count = event->count;
	for (u32 i = 0; i < 8; i++) {
		if (i >= count)
			break;
		u32 arg = event->params[i].arg;
		put_param(b, event->params[i].op, b->args[arg & 7], b->args[(arg + 1) & 7], event->params[i].extra);
	}
	return 0;
}

/* The buffer with the arguments, the number and the result of the call that ends. */
INLINE struct buffer *begin_call(struct task_struct *task, struct pt_regs *regs, u32 number, u32 compat, long ret)
{
	struct buffer *b = buffer_for(task);
	if (!b)
		return NULL;
	b->number = number;
	b->compat = compat;
	b->ret = ret;
	if (compat)
		load_compat_args(b, regs);
	else
		load_args(b, regs);
	return b;
}

/* The event of a call that has a row in the table. */
APART int tell_simple(struct buffer *b)
{
	if (!b)
		return 0;
	u32 number = HIDE(b->number) & (SYSCALL_LIMIT - 1);
	begin_event(b, simple_events[number].code, simple_events[number].count);
	put_simple(b, number);
	submit(b);
	return 0;
}
