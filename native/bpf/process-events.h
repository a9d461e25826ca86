/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Processes that begin, become another program, and end. */
#pragma once

#include "simple-events.h"

/* The parameters of execve behind the environment. */
APART int put_program(struct buffer *b, u64 task_address)
{
	struct task_struct *task = (struct task_struct *)task_address;
	if (!b)
		return 0;
	put_u32(b, tty_of(task));
	put_u64(b, own_id(task, KIND_PGID));
	put_u32(b, loginuid_of(task));
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	struct inode *inode = BPF_CORE_READ(exe, f_inode);
	u32 flags = 0;
	if (exe) {
		enum layer layer = file_layer(exe);
		flags |= may_write(cred, inode) ? EXE_WRITABLE : 0;
		flags |= layer == LAYER_UPPER ? EXE_UPPER_LAYER : layer == LAYER_LOWER ? EXE_LOWER_LAYER : 0;
		flags |= from_memfd(exe) ? EXE_FROM_MEMFD : 0;
	}
	put_u32(b, flags);
	put_capabilities(b, cred);
	put_u64(b, READ(inode, i_ino));
	put_u64(b, inode_ctime(inode));
	put_u64(b, inode_mtime(inode));
	put_u32(b, READ(cred, euid.val));
	put_path(b, BPF_CORE_READ(exe, f_path.mnt), BPF_CORE_READ(exe, f_path.dentry), ROOT_OF_MOUNTS);
	put_u64(b, global_id(task, KIND_PGID));
	put_u32(b, READ(cred, egid.val));
	return 0;
}

/* Begins an event of our own: an async event with a name, and data that the caller writes between `begin_param` and `end_own_event`. */
INLINE void begin_own_event(struct buffer *b, const char *name, u32 name_limit)
{
	begin_event(b, EV_ASYNCEVENT, 3);
	AT(b) += 3 * 2; /* lengths of this type have 32 bits */
	put_u32(b, 0);
	put_len(b, 0);
	put_len(b, raw_kernel_text(b, name, name_limit));
	put_len(b, 0);
	begin_param(b);
}

INLINE int end_own_event(struct buffer *b)
{
	end_param(b);
	put_len(b, 0);
	return submit(b);
}

const char namespaces_name[] = "tiercel_namespaces";

INLINE void raw_digits(struct buffer *b, u32 v)
{
	u32 unit = 1000000000;
#pragma unroll
	for (int i = 0; i < 10; i++) {
		raw_u8(b, '0' + v / unit % 10);
		unit /= 10;
	}
}

/*
 * The network and mount namespace of the calling thread, and for each the user that made the user namespace which it belongs to, as numbers
 * with blanks between: told when they change.
 */
INLINE int tell_namespaces(struct buffer *b)
{
	if (!b)
		return 0;
	struct nsproxy *proxy = BPF_CORE_READ(current_task(), nsproxy);
	begin_own_event(b, namespaces_name, sizeof(namespaces_name));
	raw_digits(b, BPF_CORE_READ(proxy, net_ns, ns.inum));
	raw_u8(b, ' ');
	raw_digits(b, BPF_CORE_READ(proxy, mnt_ns, ns.inum));
	raw_u8(b, ' ');
	raw_digits(b, BPF_CORE_READ(proxy, net_ns, user_ns, owner.val));
	raw_u8(b, ' ');
	raw_digits(b, BPF_CORE_READ(proxy, mnt_ns, user_ns, owner.val));
	return end_own_event(b);
}

/* Whether a child lives in another network or mount namespace than its parent. */
INLINE bool has_own_namespaces(struct task_struct *task)
{
	struct nsproxy *own = BPF_CORE_READ(task, nsproxy);
	struct nsproxy *parents = BPF_CORE_READ(task, real_parent, nsproxy);
	return own != parents && (BPF_CORE_READ(own, net_ns) != BPF_CORE_READ(parents, net_ns) ||
				  BPF_CORE_READ(own, mnt_ns) != BPF_CORE_READ(parents, mnt_ns));
}

#define EXECVE_PARAMS 31
#define EXECVEAT_PARAMS 30
#define CLONE_PARAMS 21

/* A program that could be started: its memory is already the new one. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_done, struct task_struct *self, int old_pid, struct linux_binprm *bprm)
{
	struct task_struct *task = current_task();
	if (!CONTROLS->running)
		return 0;
	struct buffer *b = own_buffer();
	if (!b)
		return 0;
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	begin_event(b, EV_EXECVE, EXECVE_PARAMS);
	put_u64(b, 0);
	put_exe_args(b, mm);
	put_process(b, (u64)task, (u64)mm, true);
	put_cgroups(b, (u64)task);
	put_texts(b, BPF_CORE_READ(mm, env_start), BPF_CORE_READ(mm, env_end), ARGS_LIMIT);
	put_program(b, (u64)task);
	put_len(b, raw_kernel_text(b, BPF_CORE_READ(bprm, filename), PATH_LIMIT));
	submit(b);
	return 0;
}

INLINE int put_failed_exec(struct buffer *b, u64 argv, u64 envp)
{
	struct task_struct *task = current_task();
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	u64 first = pointer_at(b, argv);
	put_u64(b, b->ret);
	put_user_text(b, first);
	if (first)
		put_text_list(b, argv + (b->compat ? 4 : 8));
	else
		put_empty(b);
	put_process(b, (u64)task, (u64)mm, true);
	put_cgroups(b, (u64)task);
	put_text_list(b, envp);
	put_program(b, (u64)task);
	return 0;
}

INLINE int execve_failed(struct buffer *b, long ret)
{
	if (!b || ret == 0)
		return 0;
	begin_event(b, EV_EXECVE, EXECVE_PARAMS);
	put_failed_exec(b, b->args[1], b->args[2]);
	put_user_text(b, b->args[0]);
	submit(b);
	return 0;
}

INLINE int execveat_failed(struct buffer *b, long ret)
{
	if (!b || ret == 0)
		return 0;
	begin_event(b, EV_EXECVEAT, EXECVEAT_PARAMS);
	put_failed_exec(b, b->args[2], b->args[3]);
	submit(b);
	return 0;
}

/* Whether children of the task live in another pid namespace than the first, or the task itself does. */
INLINE u32 in_pid_namespace(struct task_struct *task, bool with_children)
{
	if (BPF_CORE_READ(task, thread_pid, level) != 0)
		return CLONE_CHILD_IN_PIDNS;
	bool is_other = with_children && BPF_CORE_READ(task, nsproxy, pid_ns_for_children) != pid_namespace_of(task);
	return is_other ? CLONE_CHILD_IN_PIDNS : 0;
}

INLINE int put_clone(struct buffer *b, struct task_struct *task, u32 flags)
{
	if (!b)
		return 0;
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	put_u64(b, b->ret);
	if (b->ret >= 0) {
		put_exe_args(b, mm);
	} else {
		put_empty(b);
		put_empty(b);
	}
	put_process(b, (u64)task, (u64)mm, false);
	put_cgroups(b, (u64)task);
	put_u32(b, flags);
	const struct cred *cred = BPF_CORE_READ(task, cred);
	put_u32(b, BPF_CORE_READ(cred, euid.val));
	put_u32(b, BPF_CORE_READ(cred, egid.val));
	put_u64(b, own_id(task, KIND_PID));
	put_u64(b, own_id(task, KIND_TGID));
	put_u64(b, b->ret == 0 ? BPF_CORE_READ(pid_namespace_of(task), child_reaper, start_time) : 0);
	return 0;
}

#define CLONE_FILES_TOLD 0x1
#define CLONE_FS_TOLD 0x2
#define CLONE_VM_TOLD 0x8000
#define CLONE_THREAD_TOLD (0x2000 | 0x800) /* a thread shares signal handlers */

/* Clone flags as they follow from what a child shares with the process that it is in, or comes from. */
INLINE u32 shared_with_parent(struct task_struct *child)
{
	bool is_thread = BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid);
	struct task_struct *other = is_thread ? BPF_CORE_READ(child, group_leader) : BPF_CORE_READ(child, real_parent);
	u32 flags = is_thread ? CLONE_THREAD_TOLD : 0;
	flags |= BPF_CORE_READ(child, files) == BPF_CORE_READ(other, files) ? CLONE_FILES_TOLD : 0;
	flags |= BPF_CORE_READ(child, fs) == BPF_CORE_READ(other, fs) ? CLONE_FS_TOLD : 0;
	flags |= BPF_CORE_READ(child, mm) == BPF_CORE_READ(other, mm) ? CLONE_VM_TOLD : 0;
	return flags;
}

/* clone, clone3, fork and vfork, in the parent and, where the architecture has the child pass here, in the child. */
INLINE int clone_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
#if defined(__TARGET_ARCH_arm64)
	if (ret == 0)
		return 0;
#endif
	u16 type = EV_CLONE;
	u64 native = 0;
	switch (b->number) {
	case __NR_clone: native = b->args[0]; break;
	case __NR_clone3:
		type = EV_CLONE3;
		/* The child's copy of the arguments may be overwritten by the time it runs: they lie on the stack of the parent. */
		if (ret != 0)
			bpf_probe_read_user(&native, sizeof(native), (void *)b->args[0]);
		break;
#ifdef __NR_fork
	case __NR_fork: type = EV_FORK; break;
	case __NR_vfork: type = EV_VFORK; break;
#endif
	}
	struct task_struct *task = current_task();
	begin_event(b, type, CLONE_PARAMS);
	u32 flags = type == EV_CLONE3 && ret == 0 ? shared_with_parent(task) : clone_flags(native);
	put_clone(b, task, flags | in_pid_namespace(task, true));
	submit(b);
	if (ret == 0 && has_own_namespaces(task))
		tell_namespaces(b);
	return 0;
}

#if defined(__TARGET_ARCH_arm64)
/* Children do not pass the end of the system call on this architecture: told when they are made. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(fork_done, struct task_struct *parent, struct task_struct *new_task)
{
	/* Its address as a number, which functions of their own can be given. */
	struct task_struct *child = NULL;
	bpf_probe_read_kernel(&child, sizeof(child), &new_task);
	if (!CONTROLS->running || BPF_CORE_READ(parent, flags) & PF_KTHREAD)
		return 0;
	struct buffer *b = own_buffer();
	if (!b)
		return 0;
	u32 flags = in_pid_namespace(child, false) | shared_with_parent(child);
	b->ret = 0;
	begin_event_of(b, EV_CLONE, CLONE_PARAMS, BPF_CORE_READ(child, pid));
	put_clone(b, child, flags);
	submit(b);
	return 0;
}
#endif

struct thread_search {
	struct task_struct *from;
	struct list_head *head, *next;
	s32 found;
	bool ended;
};

static long next_thread(u32 step, void *arg)
{
	struct thread_search *s = arg;
	if (s->next == s->head || !s->next) {
		s->ended = true;
		return 1;
	}
	struct task_struct *task = (struct task_struct *)((u64)s->next - bpf_core_field_offset(struct task_struct, thread_node));
	if (!(BPF_CORE_READ(task, flags) & PF_EXITING)) {
		s->found = BPF_CORE_READ(task, pid);
		return 1;
	}
	s->next = BPF_CORE_READ(task, thread_node.next);
	return 0;
}

/* A thread of the process that goes on living: its id, 0 if there is none, -1 if there are too many to look at. */
INLINE s32 living_thread(u64 task_address)
{
	struct task_struct *task = (struct task_struct *)task_address;
	struct thread_search s = {};
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	s.head = (struct list_head *)((u64)signal + bpf_core_field_offset(struct signal_struct, thread_head));
	struct list_head *head = s.head;
	s.next = BPF_CORE_READ(head, next);
	bpf_loop(64, next_thread, &s, 0);
	return s.found ? s.found : s.ended ? 0 : -1;
}

struct reaper_search {
	struct task_struct *candidate, *namespace_reaper;
	u32 level;
	s32 found;
};

static long next_reaper(u32 step, void *arg)
{
	struct reaper_search *s = arg;
	struct task_struct *task = s->candidate;
	struct task_struct *last = s->namespace_reaper;
	if (task == last || BPF_CORE_READ(task, thread_pid, level) != s->level) {
		s->found = BPF_CORE_READ(last, pid);
		return 1;
	}
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	if (BPF_CORE_READ_BITFIELD_PROBED(signal, is_child_subreaper)) {
		s->found = living_thread((u64)task);
		if (s->found != 0)
			return 1;
	}
	s->candidate = BPF_CORE_READ(task, real_parent);
	return 0;
}

/*
 * Who becomes the parent of the children of a dying task: another thread of the process, else the nearest ancestor that asked for it, else
 * the first process of the pid namespace. 0 when that one itself dies, -1 when the tree is too deep to look.
 */
INLINE s32 reaper_of(struct task_struct *task)
{
	s32 thread = living_thread((u64)task);
	if (thread != 0)
		return thread;
	struct reaper_search s = {};
	struct task_struct *last = BPF_CORE_READ(pid_namespace_of(task), child_reaper);
	if (last == task)
		return 0;
	s.namespace_reaper = last;
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	if (!BPF_CORE_READ_BITFIELD_PROBED(signal, has_child_subreaper))
		return BPF_CORE_READ(last, pid);
	s.level = BPF_CORE_READ(task, thread_pid, level);
	s.candidate = BPF_CORE_READ(task, real_parent);
	s.found = -1;
	bpf_loop(64, next_reaper, &s, 0);
	return s.found;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(exit_done, struct task_struct *self)
{
	struct task_struct *task = current_task();
	if (!CONTROLS->running || BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	struct buffer *b = own_buffer();
	if (!b)
		return 0;
	s32 status = BPF_CORE_READ(task, exit_code);
	u32 signal = status & 0x7f;
	begin_event(b, EV_PROCEXIT, 5);
	put_u64(b, (s64)status);
	put_u64(b, (status & 0xff00) >> 8);
	put_u8(b, signal == 0x7f ? 0 : signal);
	put_u8(b, status & 0x80 ? 1 : 0);
	struct list_head *children = (struct list_head *)((u64)task + bpf_core_field_offset(struct task_struct, children));
	put_u64(b, BPF_CORE_READ(children, next) == children ? 0 : (s64)reaper_of(task));
	submit(b);
	return 0;
}

INLINE int capset_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	begin_event(b, EV_CAPSET, 4);
	put_u64(b, ret);
	put_capabilities(b, BPF_CORE_READ(current_task(), cred));
	submit(b);
	return 0;
}

#define PR_SET_NAME 15
#define PR_GET_NAME 16
#define PR_GET_CHILD_SUBREAPER 37

INLINE int prctl_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	u32 option = b->args[0];
	u64 value = b->args[1];
	begin_event(b, EV_PRCTL, 4);
	put_u64(b, ret);
	put_u32(b, option);
	if (option == PR_SET_NAME || option == PR_GET_NAME) {
		put_user_text(b, value);
		put_u64(b, 0);
	} else {
		put_empty(b);
		if (option == PR_GET_CHILD_SUBREAPER) {
			s32 told = 0;
			bpf_probe_read_user(&told, sizeof(told), (void *)value);
			value = (s64)told;
		}
		put_u64(b, value);
	}
	submit(b);
	return 0;
}

/* The first byte of a parameter of several types says which one follows. */
#define PTRACE_WORD 0
#define PTRACE_SIGNAL 1

INLINE int ptrace_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	u16 request = ptrace_request(b->args[0]);
	u64 data = b->args[3];
	begin_event(b, EV_PTRACE, 5);
	put_u64(b, ret);
	begin_param(b);
	raw_u8(b, PTRACE_WORD);
	raw_u64(b, ret < 0 ? 0 : b->args[2]);
	end_param(b);
	begin_param(b);
	if (ret >= 0 && (request == 8 || request == 0xa || request == 0xc || request == 0xd)) { /* CONT, SINGLESTEP, DETACH, SYSCALL */
		raw_u8(b, PTRACE_SIGNAL);
		raw_u8(b, data);
	} else {
		u64 word = ret < 0 ? 0 : data;
		if (ret >= 0 && request >= 2 && request <= 4) { /* PEEK*: what was read */
			word = 0;
			bpf_probe_read_user(&word, sizeof(word), (void *)data);
		}
		raw_u8(b, PTRACE_WORD);
		raw_u64(b, word);
	}
	end_param(b);
	put_u16(b, request);
	put_fd(b, b->args[1]);
	submit(b);
	return 0;
}

#define KEYCTL_JOIN_SESSION_KEYRING 1

INLINE int keyctl_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	begin_event(b, EV_KEYCTL, 6);
	put_u64(b, ret);
	put_u32(b, b->args[0]);
	for (u32 i = 1; i <= 4; i++) {
		begin_param(b);
		if (i == 1 && (u32)b->args[0] == KEYCTL_JOIN_SESSION_KEYRING && b->args[1]) {
			raw_u8(b, 1);
			if (!raw_user_text(b, b->args[1], PATH_LIMIT))
				raw_u8(b, 0);
		} else {
			raw_u8(b, 0);
			raw_u64(b, b->args[i]);
		}
		end_param(b);
	}
	submit(b);
	return 0;
}

/* Calls that change a process. */
APART int tell_process(struct buffer *b)
{
	if (!b)
		return 0;
	long ret = b->ret;
	switch (b->number) {
	case __NR_execve: return execve_failed(b, ret);
	case __NR_execveat: return execveat_failed(b, ret);
	case __NR_clone:
	case __NR_clone3: return clone_done(b, ret);
#ifdef __NR_fork
	case __NR_fork:
	case __NR_vfork: return clone_done(b, ret);
#endif
	case __NR_capset: return capset_done(b, ret);
	case __NR_prctl: return prctl_done(b, ret);
	case __NR_ptrace: return ptrace_done(b, ret);
	case __NR_keyctl: return keyctl_done(b, ret);
	case __NR_setns:
	case __NR_unshare:
		tell_simple(b);
		return ret == 0 ? tell_namespaces(b) : 0;
	}
	return 0;
}
