/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Numbers and arguments of system calls, from the registers that the program entered the kernel with. */
#pragma once

#include "buffer.h"
/* Of a compat number: numbers and times that the call reads through pointers have 64 bits all the same. */
#define WIDE 0x8000

#if defined(__TARGET_ARCH_x86)
#include "compat-calls.h"
#endif
#include <bpf/bpf_tracing.h>

/* Numbers that some architectures have no call for; no call has them. */
#include <asm/unistd.h>

INLINE u32 syscall_number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#else
	return regs->syscallno;
#endif
}

#if defined(__TARGET_ARCH_x86)
/* What `compat_numbers` has of a call, which may be one of many in one. */
INLINE u32 compat_number(u32 number, struct pt_regs *regs)
{
	if (number == COMPAT_SOCKETCALL)
		return (u32)regs->bx < 32 ? socket_calls[(u32)regs->bx & 31] : 0;
	if (number >= ALIKE_FROM && number < SYSCALL_LIMIT)
		return number + 1;
	return number < SYSCALL_LIMIT ? compat_numbers[number & (SYSCALL_LIMIT - 1)] : 0;
}

/* The arguments of a call of a 32-bit program, as the native call would have them. */
INLINE void load_compat_args(struct buffer *b, struct pt_regs *regs)
{
	u32 number = regs->orig_ax;
	u32 *args = (u32 *)b->scratch;
	args[0] = regs->bx;
	args[1] = regs->cx;
	args[2] = regs->dx;
	args[3] = regs->si;
	args[4] = regs->di;
	args[5] = regs->bp;
	if (number == COMPAT_SOCKETCALL) {
		u64 list = args[1];
		args[3] = args[4] = args[5] = 0;
		/* As many as there are, for they may lie at the end of memory. */
		if (bpf_probe_read_user(args, 24, (void *)list) && bpf_probe_read_user(args, 16, (void *)list) &&
		    bpf_probe_read_user(args, 12, (void *)list))
			bpf_probe_read_user(args, 8, (void *)list);
	}
#pragma unroll
	for (int i = 0; i < 6; i++)
		b->args[i] = args[i];
	switch (b->number) {
	case __NR_mmap: b->args[5] <<= 12; break;
	case __NR_pread64:
	case __NR_pwrite64:
	case __NR_preadv:
	case __NR_pwritev: b->args[3] |= b->args[4] << 32; break;
	case __NR_sendto:
	case __NR_recvfrom:
		/* send and recv have no address, but what lies behind their arguments. */
		if (number == COMPAT_SOCKETCALL && ((u32)regs->bx == 9 || (u32)regs->bx == 10))
			b->args[4] = b->args[5] = 0;
		break;
	}
}
#else
/* Those of 32-bit programs on arm64 are counted, not told. */
INLINE u32 compat_number(u32 number, struct pt_regs *regs)
{
	return 0;
}

INLINE void load_compat_args(struct buffer *b, struct pt_regs *regs)
{
}
#endif

/* A pointer of the program. */
INLINE u64 pointer_at(struct buffer *b, u64 from)
{
	u64 pointer = 0;
	bpf_probe_read_user(&pointer, b->compat ? 4 : 8, (void *)from);
	return pointer;
}

/* Part `i` of a list; not 0 if it cannot be read. */
INLINE long read_part(struct buffer *b, u64 list, u64 i, struct iovec *part)
{
	if (b->compat) {
		struct compat_iovec half = {};
		long failed = bpf_probe_read_user(&half, sizeof(half), (void *)(list + i * sizeof(half)));
		part->base = half.base;
		part->len = half.len;
		return failed;
	}
	return bpf_probe_read_user(part, sizeof(*part), (void *)(list + i * sizeof(*part)));
}

INLINE long read_message(struct buffer *b, u64 from, struct user_msghdr *head)
{
	if (b->compat) {
		struct compat_msghdr half = {};
		long failed = bpf_probe_read_user(&half, sizeof(half), (void *)from);
		head->name = half.name;
		head->name_len = half.name_len;
		head->iov = half.iov;
		head->iov_len = half.iov_len;
		head->control = half.control;
		head->control_len = half.control_len;
		return failed;
	}
	return bpf_probe_read_user(head, sizeof(*head), (void *)from);
}

/* All six arguments into the buffer, where they can be picked by a number that is known only at run time. */
INLINE void load_args(struct buffer *b, struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	b->args[0] = regs->di;
	b->args[1] = regs->si;
	b->args[2] = regs->dx;
	b->args[3] = regs->r10;
	b->args[4] = regs->r8;
	b->args[5] = regs->r9;
#else
	b->args[0] = regs->orig_x0;
	b->args[1] = regs->regs[1];
	b->args[2] = regs->regs[2];
	b->args[3] = regs->regs[3];
	b->args[4] = regs->regs[4];
	b->args[5] = regs->regs[5];
#endif
}

/* TS_COMPAT and TIF_32BIT: the call was made by the rules of the 32-bit system, whose numbers mean other calls. */
INLINE bool is_compat_call(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & 2;
#else
	return task->thread_info.flags & 1 << 22;
#endif
}
