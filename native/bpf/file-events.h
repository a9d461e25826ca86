/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Files that are opened, descriptors that come in pairs, memory that is mapped, quotas, file systems, semaphores. */
#pragma once

#include "file-filter.h"
#include "simple-events.h"

struct user_open_how {
	u64 flags, mode, resolve;
};

/* open, openat, openat2, creat and open_by_handle_at; device and inode as the descriptor has them now. */
INLINE int open_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	struct opened *file = &b->opened;
	look_at_opened(b, ret);
	u32 number = b->number;
	if (number == __NR_openat) {
		begin_event(b, EV_OPENAT, 7);
		put_u64(b, ret);
		put_fd(b, b->args[0]);
		put_user_text(b, b->args[1]);
		put_u32(b, open_flags(b->args[2]) | file->flags);
		put_u32(b, open_mode(b->args[2], b->args[3]));
	} else if (number == __NR_openat2) {
		struct user_open_how how = {};
		bpf_probe_read_user(&how, sizeof(how), (void *)b->args[2]);
		begin_event(b, EV_OPENAT2, 8);
		put_u64(b, ret);
		put_fd(b, b->args[0]);
		put_user_text(b, b->args[1]);
		put_u32(b, open_flags(how.flags) | file->flags);
		put_u32(b, open_mode(how.flags, how.mode));
		put_u32(b, resolve_flags(how.resolve));
	} else if (number == __NR_open_by_handle_at) {
		begin_event(b, EV_OPEN_BY_HANDLE_AT, 6);
		put_u64(b, ret);
		put_fd(b, b->args[0]);
		put_u32(b, open_flags(b->args[2]) | file->flags);
		struct file *opened = ret >= 0 ? file_of_fd(ret) : NULL;
		if (opened)
			put_path(b, BPF_CORE_READ(opened, f_path.mnt), BPF_CORE_READ(opened, f_path.dentry), ROOT_OF_MOUNTS);
		else
			put_empty(b);
#ifdef __NR_open
	} else if (number == __NR_creat) {
		begin_event(b, EV_CREAT, 6);
		put_u64(b, ret);
		put_user_text(b, b->args[0]);
		put_u32(b, b->args[1] & 07777);
		put_u32(b, file->dev);
		put_u64(b, file->ino);
		put_u16(b, file->flags / LAYER_FLAG_UPPER & 3);
		submit(b);
		return 0;
	} else if (number == __NR_open) {
		begin_event(b, EV_OPEN, 6);
		put_u64(b, ret);
		put_user_text(b, b->args[0]);
		put_u32(b, open_flags(b->args[1]) | file->flags);
		put_u32(b, open_mode(b->args[1], b->args[2]));
#endif
	} else {
		return 0;
	}
	put_u32(b, file->dev);
	put_u64(b, file->ino);
	submit(b);
	return 0;
}

/*
 * The open of a descriptor's file, as if it happened now, for a call that is told next and whose rules print the file's name: that open
 * may have been left out. The path is the one that the file has now, links resolved.
 */
INLINE int tell_earlier_open(struct buffer *b)
{
	if (!b)
		return 0;
	s64 fd = (s32)b->args[0];
	struct file *file = file_of_fd(fd);
	if (!file || !is_plain_file(file))
		return 0;
	look_at_opened(b, fd);
	begin_event(b, EV_OPEN_BY_HANDLE_AT, 6);
	((struct record_prefix *)b->data)->kind = RECORD_EARLIER_OPEN;
	put_u64(b, fd);
	put_fd(b, -100); /* AT_FDCWD */
	put_u32(b, open_flags(BPF_CORE_READ(file, f_flags)) | b->opened.flags);
	/* As the program may have named it. */
	put_path(b, BPF_CORE_READ(file, f_path.mnt), BPF_CORE_READ(file, f_path.dentry), ROOT_OF_PROCESS);
	put_u32(b, b->opened.dev);
	put_u64(b, b->opened.ino);
	submit(b);
	return 0;
}

/* pipe and pipe2. */
INLINE int pipe_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	s32 fds[2] = {-1, -1};
	if (ret == 0)
		bpf_probe_read_user(fds, sizeof(fds), (void *)b->args[0]);
	look_at_opened(b, fds[0]);
	bool second = b->number == __NR_pipe2;
	if (second)
		begin_event(b, EV_PIPE2, 5);
	else
		begin_event(b, EV_PIPE, 4);
	put_u64(b, ret);
	put_u64(b, (s64)fds[0]);
	put_u64(b, (s64)fds[1]);
	put_u64(b, b->opened.ino);
	if (second)
		put_u32(b, fd_flags(b->args[1]));
	submit(b);
	return 0;
}

/* mmap, munmap and brk: with the memory of the process after the call. */
INLINE int memory_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	u32 number = b->number;
	/* No munmap: the end of the execve by which a 32-bit program became a native one, whose number there this is. */
	if (number == __NR_munmap && ret == 0 && b->args[1] == 0)
		return 0;
	begin_event(b, number == __NR_mmap ? EV_MMAP : number == __NR_brk ? EV_BRK : EV_MUNMAP,
		    number == __NR_mmap ? 10 : number == __NR_brk ? 5 : 6);
	put_u64(b, ret);
	put_memory(b, BPF_CORE_READ(current_task(), mm));
	put_u64(b, b->args[0]);
	if (number != __NR_brk)
		put_u64(b, b->args[1]);
	if (number == __NR_mmap) {
		put_u32(b, prot_flags(b->args[2]));
		put_u32(b, mmap_flags(b->args[3]));
		put_fd(b, b->args[4]);
		put_u64(b, b->args[5]);
	}
	submit(b);
	return 0;
}

struct user_ring_params {
	u32 sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features;
};

INLINE int io_uring_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	struct user_ring_params params = {};
	bpf_probe_read_user(&params, sizeof(params), (void *)b->args[1]);
	begin_event(b, EV_IO_URING_SETUP, 8);
	put_u64(b, ret);
	put_u32(b, b->args[0]);
	put_u32(b, params.sq_entries);
	put_u32(b, params.cq_entries);
	put_u32(b, io_uring_setup_flags(params.flags));
	put_u32(b, params.sq_thread_cpu);
	put_u32(b, params.sq_thread_idle);
	put_u32(b, params.features & 0x7ff);
	submit(b);
	return 0;
}

/* Of quotactl; what the `valid` bits do not name is not filled in. */
struct user_quota {
	u64 block_hard, block_soft, space, inode_hard, inode_soft, inodes, block_time, inode_time;
	u32 valid;
};
struct user_quota_info {
	u64 block_grace, inode_grace;
	u32 flags, valid;
};

#define QUOTA_ON 1
#define GET_FORMAT 4
#define QUOTA_INFO (8 | 16)         /* Q_GETINFO, Q_SETINFO */
#define QUOTA_LIMITS (32 | 64)      /* Q_GETQUOTA, Q_SETQUOTA */
#define QUOTA_OF_ID (32 | 64 | 1024 | 2048) /* and those of XFS */

INLINE int quotactl_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	u16 command = quota_command(b->args[0]);
	u32 type = b->args[0] & 0xff;
	struct user_quota quota = {};
	struct user_quota_info info = {};
	u32 format = 0;
	if (command & QUOTA_LIMITS)
		bpf_probe_read_user(&quota, sizeof(quota), (void *)b->args[3]);
	if (command & QUOTA_INFO)
		bpf_probe_read_user(&info, sizeof(info), (void *)b->args[3]);
	if (command == GET_FORMAT)
		bpf_probe_read_user(&format, sizeof(format), (void *)b->args[3]);
	begin_event(b, EV_QUOTACTL, 18);
	put_u64(b, ret);
	put_user_text(b, b->args[1]);
	put_user_text(b, command == QUOTA_ON ? b->args[3] : 0);
	put_u64(b, quota.valid & 1 ? quota.block_hard : 0);
	put_u64(b, quota.valid & 1 ? quota.block_soft : 0);
	put_u64(b, quota.valid & 2 ? quota.space : 0);
	put_u64(b, quota.valid & 4 ? quota.inode_hard : 0);
	put_u64(b, quota.valid & 4 ? quota.inode_soft : 0);
	put_u64(b, quota.valid & 16 ? quota.block_time : 0);
	put_u64(b, quota.valid & 32 ? quota.inode_time : 0);
	put_u64(b, info.valid & 1 ? info.block_grace : 0);
	put_u64(b, info.valid & 2 ? info.inode_grace : 0);
	put_u8(b, info.valid & 4 ? info.flags : 0);
	put_u8(b, quota_format(command == GET_FORMAT ? format : 0));
	put_u16(b, command);
	put_u8(b, type < 2 ? type + 1 : 0);
	put_u32(b, command & QUOTA_OF_ID ? b->args[2] : 0);
	put_u8(b, quota_format(command == QUOTA_ON ? b->args[2] : 0));
	submit(b);
	return 0;
}

enum fsconfig_command { SET_FLAG, SET_STRING, SET_BINARY, SET_PATH, SET_PATH_EMPTY };

INLINE int fsconfig_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	u32 command = b->args[1];
	bool has_text = command == SET_STRING || command == SET_PATH || command == SET_PATH_EMPTY;
	begin_event(b, EV_FSCONFIG, 7);
	put_u64(b, ret);
	put_fd(b, b->args[0]);
	put_u32(b, command);
	put_user_text(b, b->args[2]);
	put_user_bytes(b, b->args[3], ret >= 0 && command == SET_BINARY ? snap((u32)b->args[4]) : 0);
	put_user_text(b, ret >= 0 && has_text ? b->args[3] : 0);
	put_u32(b, b->args[4]);
	submit(b);
	return 0;
}

struct user_sembuf {
	u16 number, operation, flags;
};

/* Of its operations the first two. */
INLINE int semop_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	struct user_sembuf first = {}, second = {};
	u32 count = b->args[2];
	if (ret == 0 && count > 0)
		bpf_probe_read_user(&first, sizeof(first), (void *)b->args[1]);
	if (ret == 0 && count > 1)
		bpf_probe_read_user(&second, sizeof(second), (void *)(b->args[1] + sizeof(first)));
	begin_event(b, EV_SEMOP, 9);
	put_u64(b, ret);
	put_u32(b, count);
	put_u16(b, first.number);
	put_u16(b, first.operation);
	put_u16(b, MOVE(first.flags, 11, 0) | MOVE(first.flags, 12, 1)); /* IPC_NOWAIT, SEM_UNDO */
	put_u16(b, second.number);
	put_u16(b, second.operation);
	put_u16(b, MOVE(second.flags, 11, 0) | MOVE(second.flags, 12, 1));
	put_u32(b, b->args[0]);
	submit(b);
	return 0;
}

#define SETVAL 16

INLINE int semctl_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	begin_event(b, EV_SEMCTL, 5);
	put_u64(b, ret);
	put_u32(b, b->args[0]);
	put_u32(b, b->args[1]);
	put_u16(b, semctl_command((u16)b->args[2]));
	put_u32(b, (u16)b->args[2] == SETVAL ? b->args[3] : 0);
	submit(b);
	return 0;
}

/* In place of a call's number: the open that its first argument came from. One function less for the loader, which has room for few. */
#define EARLIER_OPEN SYSCALL_LIMIT

/* Calls that open files and map memory, and those of the other families above. */
APART int tell_file(struct buffer *b)
{
	if (!b)
		return 0;
	long ret = b->ret;
	switch (b->number) {
	case EARLIER_OPEN: return tell_earlier_open(b);
	case __NR_openat:
	case __NR_openat2:
	case __NR_open_by_handle_at: return open_done(b, ret);
#ifdef __NR_open
	case __NR_open:
	case __NR_creat: return open_done(b, ret);
	case __NR_pipe: return pipe_done(b, ret);
#endif
	case __NR_pipe2: return pipe_done(b, ret);
	case __NR_mmap:
	case __NR_munmap:
	case __NR_brk: return memory_done(b, ret);
	case __NR_io_uring_setup: return io_uring_done(b, ret);
	case __NR_quotactl: return quotactl_done(b, ret);
	case __NR_fsconfig: return fsconfig_done(b, ret);
	case __NR_semop: return semop_done(b, ret);
	case __NR_semctl: return semctl_done(b, ret);
	}
	return 0;
}
