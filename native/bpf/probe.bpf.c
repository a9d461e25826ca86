/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The probe: scap events from the system calls of the machine, into one ring. `sys_exit` runs at the end of every system call, so it
 * decides in a few loads whether anybody wants the call, and only then has its event written. Families of events are
 * in the headers; the reader's side is native/addon.
 */
#include "process-events.h"
#include "file-events.h"
#include "socket-events.h"
#include "library-events.h"

char _license[] SEC("license") = "Dual MIT/GPL";

/* Which function writes the event of a call; what is not here is in the table of simple events, or becomes a generic one. */
enum family { FAMILY_NONE, FAMILY_PROCESS, FAMILY_FILE, FAMILY_SOCKET, FAMILY_IO };

const volatile u8 families[SYSCALL_LIMIT] = {
	[__NR_execve] = FAMILY_PROCESS,
	[__NR_execveat] = FAMILY_PROCESS,
	[__NR_clone] = FAMILY_PROCESS,
	[__NR_clone3] = FAMILY_PROCESS,
	[__NR_capset] = FAMILY_PROCESS,
	[__NR_prctl] = FAMILY_PROCESS,
	[__NR_ptrace] = FAMILY_PROCESS,
	[__NR_keyctl] = FAMILY_PROCESS,
	[__NR_setns] = FAMILY_PROCESS,
	[__NR_unshare] = FAMILY_PROCESS,
	[__NR_openat] = FAMILY_FILE,
	[__NR_openat2] = FAMILY_FILE,
	[__NR_open_by_handle_at] = FAMILY_FILE,
	[__NR_pipe2] = FAMILY_FILE,
	[__NR_mmap] = FAMILY_FILE,
	[__NR_munmap] = FAMILY_FILE,
	[__NR_brk] = FAMILY_FILE,
	[__NR_io_uring_setup] = FAMILY_FILE,
	[__NR_quotactl] = FAMILY_FILE,
	[__NR_fsconfig] = FAMILY_FILE,
	[__NR_semop] = FAMILY_FILE,
	[__NR_semctl] = FAMILY_FILE,
	[__NR_socket] = FAMILY_SOCKET,
	[__NR_socketpair] = FAMILY_SOCKET,
	[__NR_connect] = FAMILY_SOCKET,
	[__NR_accept] = FAMILY_SOCKET,
	[__NR_accept4] = FAMILY_SOCKET,
	[__NR_sendto] = FAMILY_SOCKET,
	[__NR_recvfrom] = FAMILY_SOCKET,
	[__NR_sendmsg] = FAMILY_SOCKET,
	[__NR_recvmsg] = FAMILY_SOCKET,
	[__NR_sendmmsg] = FAMILY_SOCKET,
	[__NR_recvmmsg] = FAMILY_SOCKET,
	[__NR_setsockopt] = FAMILY_SOCKET,
	[__NR_getsockopt] = FAMILY_SOCKET,
	[__NR_read] = FAMILY_IO,
	[__NR_write] = FAMILY_IO,
	[__NR_pread64] = FAMILY_IO,
	[__NR_pwrite64] = FAMILY_IO,
	[__NR_readv] = FAMILY_IO,
	[__NR_writev] = FAMILY_IO,
	[__NR_preadv] = FAMILY_IO,
	[__NR_pwritev] = FAMILY_IO,
	[__NR_ppoll] = FAMILY_IO,
	[__NR_process_vm_readv] = FAMILY_IO,
	[__NR_process_vm_writev] = FAMILY_IO,
#ifdef __NR_fork
	[__NR_fork] = FAMILY_PROCESS,
	[__NR_vfork] = FAMILY_PROCESS,
	[__NR_open] = FAMILY_FILE,
	[__NR_creat] = FAMILY_FILE,
	[__NR_pipe] = FAMILY_FILE,
	[__NR_poll] = FAMILY_IO,
#endif
};

#define PROT_EXEC 4

/*
 * A close, where opens are left out: one that nobody needs is counted. If there is no room for one that is told, the reader still knows the
 * descriptor.
 */
INLINE void close_done(struct buffer *b, struct task_struct *process)
{
	u64 fd = (u32)b->args[0], lost = b->count.lost_ring_full;
	if (b->ret < 0 || !forget_fd(b, process, fd)) {
		b->count.left_out++;
		return;
	}
	/* As its row in the table of simple events has it, which takes longer; and every program closes descriptors. */
	begin_event(b, EV_CLOSE, 2);
	put_u64(b, b->ret);
	put_fd(b, fd);
	submit(b);
	if (b->count.lost_ring_full != lost)
		know_fd(b, process, fd);
}

INLINE int tell_call(struct buffer *b, u32 number)
{
	switch (families[HIDE(number) & (SYSCALL_LIMIT - 1)]) {
	case FAMILY_PROCESS: return tell_process(b);
	case FAMILY_FILE: return tell_file(b);
	case FAMILY_SOCKET: return tell_socket(b);
	case FAMILY_IO: return tell_io(b);
	}
	if (simple_events[HIDE(number) & (SYSCALL_LIMIT - 1)].code) {
		tell_simple(b);
		return 0;
	}
	begin_event(b, EV_SYSCALL, 2);
	put_u16(b, CONTROLS->generic_id[number]);
	put_u16(b, number);
	return submit(b);
}

INLINE bool is_unwanted(u8 want, struct task_struct *task, struct pt_regs *regs, long ret)
{
#if defined(__TARGET_ARCH_x86)
	u64 third = regs->dx, fourth = regs->r10;
#else
	u64 third = regs->regs[2], fourth = regs->regs[3];
#endif
	if (want == WANT_EXEC_PROT)
		return !(third & PROT_EXEC);
	/* The flags are the third or the fourth argument; of 32-bit programs they may be anywhere. */
	if (want == WANT_FAST_OPEN)
		return !((third | fourth) & MSG_FASTOPEN) && !is_compat_call(task);
	return want == WANT_SUCCESS && ret < 0 && ret != -EINPROGRESS;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	u32 number = syscall_number(regs), compat = COMPAT_NOT;
	struct task_struct *task = bpf_get_current_task_btf();
	if (is_compat_call(task)) {
		/* The end of the native call by which a program became a 32-bit one, which is told elsewhere. */
		if (ret == 0 && (number == __NR_execve || number == __NR_execveat))
			return 0;
		u32 native = compat_number(number, regs);
		if (!native) {
			struct buffer *own = buffer_for(task);
			if (own)
				own->count.compat_calls++;
			return 0;
		}
		compat = native & WIDE ? COMPAT_WIDE : COMPAT;
		number = (native & ~WIDE) - 1;
	}
	if (number >= SYSCALL_LIMIT)
		return 0;
	number = HIDE(number) & (SYSCALL_LIMIT - 1); /* as the verifier of Linux 6.1 does not see it through a spilled register */
	if (number == __NR_prctl && !compat && CONTROLS->handshake) {
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
	if (want != WANT_ALL && is_unwanted(want, task, regs, ret))
		return 0;
	struct buffer *b = begin_call(task, regs, number, compat, ret);
	if (!b || b->id >> 32 == CONTROLS->self_tgid)
		return 0;
	struct task_struct *process = process_of_call(b, task);
	if (!process)
		return 0;
	if (want == WANT_FILTERED && number == __NR_close) {
		close_done(b, process);
		return 0;
	}
	if (want == WANT_FILTERED && is_needless_open(b, task, process)) {
		b->count.left_out++;
		return 0;
	}
	if (want == WANT_NAMED_FD) {
		b->number = EARLIER_OPEN;
		tell_file(b);
		b->number = number;
		know_fd(b, process, (u32)b->args[0]);
	}
	tell_call(b, number);
	if (CONTROLS->filter.reads | CONTROLS->filter.writes)
		know_fds(b, process);
	return 0;
}

#define URING_CONNECT 16 /* IORING_OP_CONNECT */
#define URING_FIXED_FILE 1 /* REQ_F_FIXED_FILE: the descriptor is a place in a table of the ring's own */

/*
 * Of requests, which the kernel carries out without a system call of their own, connects are told when they are handed in: how they end is not
 * known then. Optional: kernels before 6.0 do not tell the request, and some have no io_uring.
 */
SEC("raw_tp/io_uring_submit_req")
int uring_request(u64 *ctx)
{
	struct buffer *b = own_buffer();
	if (!b || !CONTROLS->running)
		return 0;
	b->count.uring_requests++;
	struct io_kiocb *request = (struct io_kiocb *)ctx[0];
	if (!bpf_core_field_exists(request->cqe.fd) || READ(request, opcode) != URING_CONNECT ||
	    CONTROLS->want[__NR_connect] == WANT_NOT || b->id >> 32 == CONTROLS->self_tgid)
		return 0;
	s64 fd = READ(request, flags) & URING_FIXED_FILE ? -1 : READ(request, cqe.fd);
	struct io_connect *connect = (struct io_connect *)request;
	b->compat = COMPAT_NOT;
	b->address_len = READ(connect, addr_len);
	tell_connect(b, fd, fd < 0 ? 0 : sock_address_of_fd(b, fd), number_of(b, READ(connect, addr)), -EINPROGRESS);
	return 0;
}
