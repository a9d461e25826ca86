/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Files that are opened, descriptors that come in pairs, memory that is mapped. */
#pragma once

#include "file-filter.h"
#include "simple-events.h"

#define LAYER_FLAG_UPPER 0x8000
#define LAYER_FLAG_LOWER 0x10000
#define CREATED_FLAG 0x4000

INLINE u32 opened_flags(const struct opened *file)
{
	return (file->created ? CREATED_FLAG : 0) |
	       (file->layer == LAYER_UPPER ? LAYER_FLAG_UPPER : file->layer == LAYER_LOWER ? LAYER_FLAG_LOWER : 0);
}

struct user_open_how {
	u64 flags, mode, resolve;
};

/* open, openat, openat2, creat and open_by_handle_at; device and inode as the descriptor has them now. */
INLINE int open_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	struct opened file = {};
	if (ret >= 0)
		look_at_opened(b, ret, &file);
	u32 number = b->number;
	if (number == __NR_openat) {
		begin_event(b, EV_OPENAT, 7);
		put_u64(b, ret);
		put_fd(b, b->args[0]);
		put_user_text(b, b->args[1]);
		put_u32(b, open_flags(b->args[2]) | opened_flags(&file));
		put_u32(b, open_mode(b->args[2], b->args[3]));
	} else if (number == __NR_openat2) {
		struct user_open_how how = {};
		bpf_probe_read_user(&how, sizeof(how), (void *)b->args[2]);
		begin_event(b, EV_OPENAT2, 8);
		put_u64(b, ret);
		put_fd(b, b->args[0]);
		put_user_text(b, b->args[1]);
		put_u32(b, open_flags(how.flags) | opened_flags(&file));
		put_u32(b, open_mode(how.flags, how.mode));
		put_u32(b, resolve_flags(how.resolve));
	} else if (number == __NR_open_by_handle_at) {
		begin_event(b, EV_OPEN_BY_HANDLE_AT, 6);
		put_u64(b, ret);
		put_fd(b, b->args[0]);
		put_u32(b, open_flags(b->args[2]) | opened_flags(&file));
		struct file *opened = ret >= 0 ? file_of_fd(ret) : NULL;
		if (opened)
			put_path(b, BPF_CORE_READ(opened, f_path.mnt), BPF_CORE_READ(opened, f_path.dentry));
		else
			put_empty(b);
#ifdef __NR_open
	} else if (number == __NR_creat) {
		begin_event(b, EV_CREAT, 6);
		put_u64(b, ret);
		put_user_text(b, b->args[0]);
		put_u32(b, b->args[1] & 07777);
		put_u32(b, file.dev);
		put_u64(b, file.ino);
		put_u16(b, file.layer == LAYER_UPPER ? 1 : file.layer == LAYER_LOWER ? 2 : 0);
		submit(b);
		return 0;
	} else if (number == __NR_open) {
		begin_event(b, EV_OPEN, 6);
		put_u64(b, ret);
		put_user_text(b, b->args[0]);
		put_u32(b, open_flags(b->args[1]) | opened_flags(&file));
		put_u32(b, open_mode(b->args[1], b->args[2]));
#endif
	} else {
		return 0;
	}
	put_u32(b, file.dev);
	put_u64(b, file.ino);
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
	struct opened opened = {};
	look_at_opened(b, fd, &opened);
	begin_event(b, EV_OPEN_BY_HANDLE_AT, 6);
	((struct record_prefix *)b->data)->kind = RECORD_EARLIER_OPEN;
	put_u64(b, fd);
	put_fd(b, -100); /* AT_FDCWD */
	put_u32(b, open_flags(BPF_CORE_READ(file, f_flags)) | opened_flags(&opened));
	put_path(b, BPF_CORE_READ(file, f_path.mnt), BPF_CORE_READ(file, f_path.dentry));
	put_u32(b, opened.dev);
	put_u64(b, opened.ino);
	submit(b);
	know_fd(fd);
	return 0;
}

/* pipe and pipe2. */
INLINE int pipe_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	s32 fds[2] = {-1, -1};
	struct opened file = {};
	if (ret == 0) {
		bpf_probe_read_user(fds, sizeof(fds), (void *)b->args[0]);
		look_at_opened(b, fds[0], &file);
	}
	bool second = b->number == __NR_pipe2;
	if (second)
		begin_event(b, EV_PIPE2, 5);
	else
		begin_event(b, EV_PIPE, 4);
	put_u64(b, ret);
	put_u64(b, (s64)fds[0]);
	put_u64(b, (s64)fds[1]);
	put_u64(b, file.ino);
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

/* In place of a call's number: the open that its first argument came from. One function less for the loader, which has room for few. */
#define EARLIER_OPEN SYSCALL_LIMIT

/* Calls that open files and map memory. */
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
	}
	return 0;
}
