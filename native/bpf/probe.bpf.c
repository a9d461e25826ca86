/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The probe: scap events from the system calls of the machine, into one ring. `sys_exit` runs at the end of every system call, so it
 * decides in a few loads whether anybody wants the call, and only then jumps to the program that writes its event. Families of events are
 * in the headers; the reader's side is native/addon.
 */
#include "process-events.h"
#include "file-events.h"
#include "socket-events.h"

char _license[] SEC("license") = "Dual MIT/GPL";

/* The program that writes the event of each system call; filled by the reader, see `handler_of` in native/addon. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SYSCALL_LIMIT);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} handlers SEC(".maps");

#define PROT_EXEC 4

INLINE bool is_filtered(u8 want, struct pt_regs *regs, long ret)
{
#if defined(__TARGET_ARCH_x86)
	u64 third = regs->dx;
#else
	u64 third = regs->regs[2];
#endif
	if (want == WANT_EXEC_PROT)
		return !(third & PROT_EXEC);
	return want == WANT_SUCCESS && ret < 0 && ret != -EINPROGRESS;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	u32 number = syscall_number(regs);
	if (is_compat_call()) {
		struct buffer *own = own_buffer();
		if (own)
			own->count.compat_calls++;
		return 0;
	}
	if (number >= SYSCALL_LIMIT)
		return 0;
	if (CONTROLS->handshake && number == __NR_prctl) {
#if defined(__TARGET_ARCH_x86)
		u64 second = regs->si;
#else
		u64 second = regs->regs[1];
#endif
		if (second == CONTROLS->handshake) {
			CONTROLS->self_tgid = bpf_get_current_pid_tgid() >> 32;
			CONTROLS->handshake = 0;
		}
	}
	u8 want = CONTROLS->want[number];
	if (want == WANT_NOT || !CONTROLS->running)
		return 0;
	if (want != WANT_ALL && is_filtered(want, regs, ret))
		return 0;
	if ((u32)(bpf_get_current_pid_tgid() >> 32) == CONTROLS->self_tgid)
		return 0;
	bpf_tail_call(ctx, &handlers, number);
	struct buffer *b = own_buffer();
	if (!b)
		return 0;
	begin_event(b, EV_SYSCALL, 2);
	put_u16(b, CONTROLS->generic_id[number]);
	put_u16(b, number);
	submit(b);
	return 0;
}
