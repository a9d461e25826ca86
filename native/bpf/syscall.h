/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Numbers and arguments of system calls, from the registers that the program entered the kernel with. */
#pragma once

#include "buffer.h"
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
INLINE bool is_compat_call(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & 2;
#else
	return task->thread_info.flags & 1 << 22;
#endif
}
