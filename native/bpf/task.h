/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What an event tells of a process: program, arguments, ids, memory, control groups, rights. */
#pragma once

#include "file.h"
#include "syscall.h"

#define ARGS_LIMIT 4096 /* bytes of the arguments, argv[0] included, and of the environment */

INLINE struct pid *pid_of(struct task_struct *task, enum pid_kind kind)
{
	if (kind == KIND_PID)
		return BPF_CORE_READ(task, thread_pid);
	struct pid *pid = NULL;
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	bpf_core_read(&pid, sizeof(pid), &signal->pids[kind]);
	return pid;
}

/* The innermost entry of a pid: its number and the namespace that it was made in. */
INLINE struct upid innermost(struct pid *pid)
{
	struct upid own = {};
	if (!pid)
		return own;
	u32 level = BPF_CORE_READ(pid, level);
	u64 at = (u64)pid + bpf_core_field_offset(struct pid, numbers) + (u64)level * bpf_core_type_size(struct upid);
	struct upid *upid = (struct upid *)at;
	own.nr = BPF_CORE_READ(upid, nr);
	own.ns = BPF_CORE_READ(upid, ns);
	return own;
}

/* An id as the process itself sees it. */
INLINE s64 own_id(struct task_struct *task, enum pid_kind kind)
{
	return innermost(pid_of(task, kind)).nr;
}

INLINE struct pid_namespace *pid_namespace_of(struct task_struct *task)
{
	return innermost(pid_of(task, KIND_PID)).ns;
}

/* An id as the first pid namespace sees it. */
INLINE s64 global_id(struct task_struct *task, enum pid_kind kind)
{
	struct pid *pid = pid_of(task, kind);
	struct upid *first = (struct upid *)((u64)pid + bpf_core_field_offset(struct pid, numbers));
	return pid ? BPF_CORE_READ(first, nr) : 0;
}

INLINE s64 mm_pages(struct mm_struct *mm, int kind)
{
	s64 n = 0;
	if (bpf_core_type_exists(struct mm_rss_stat)) {
		struct mm_struct___single *old = (void *)mm;
		bpf_core_read(&n, sizeof(n), &old->rss_stat.count[kind]);
	} else {
		struct percpu_counter *counter = (struct percpu_counter *)((u64)mm + bpf_core_field_offset(struct mm_struct, rss_stat) +
								       kind * bpf_core_type_size(struct percpu_counter));
		n = READ(counter, count);
	}
	return n;
}

/* vm_size, vm_rss, vm_swap in kilobytes, of pages of 4096 bytes. */
INLINE int put_memory(struct buffer *b, struct mm_struct *mm)
{
	put_u32(b, READ(mm, total_vm) << 2);
	put_u32(b, (mm_pages(mm, MM_FILEPAGES) + mm_pages(mm, MM_ANONPAGES) + mm_pages(mm, MM_SHMEMPAGES)) << 2);
	put_u32(b, mm_pages(mm, MM_SWAPENTS) << 2);
	return 0;
}

/* Text after text from the memory of the program, the last ended where the limit cuts it. */
INLINE void put_texts(struct buffer *b, u64 from, u64 end, u32 limit)
{
	u64 len = end > from ? end - from : 0;
	if (len > limit)
		len = limit;
	if (len == 0) {
		put_empty(b);
		return;
	}
	begin_param(b);
	if (raw_user(b, from, len))
		b->data[(AT(b) - 1) & EVENT_MASK] = 0;
	end_param(b);
}

/* exe and args, from where the kernel laid them for the program, which together have no more room than an environment. */
INLINE int put_exe_args(struct buffer *b, struct mm_struct *mm)
{
	u64 start = READ(mm, arg_start), end = READ(mm, arg_end);
	u32 exe = start ? raw_user_text(b, start, ARGS_LIMIT) : 0;
	put_len(b, exe);
	put_texts(b, start + exe, end, ARGS_LIMIT - exe);
	return 0;
}

struct text_list {
	struct buffer *b;
	u64 pointers;
	u32 start;
};

static long write_listed(u32 i, void *arg)
{
	struct text_list *list = arg;
	struct buffer *b = list->b;
	u64 text = 0;
	text = pointer_at(b, list->pointers + (b->compat ? 4 : 8) * (u64)i);
	if (!text)
		return 1;
	u32 used = AT(b) - list->start;
	if (used >= ARGS_LIMIT)
		return 1;
	if (!raw_user_text(b, text, 1024))
		return 1;
	return 0;
}

/* Texts behind a NULL-ended list of pointers of the program, as execve is given them. */
INLINE int put_text_list(struct buffer *b, u64 pointers)
{
	if (!b)
		return 0;
	struct text_list list = {};
	list.b = b;
	list.pointers = pointers;
	list.start = AT(b);
	begin_param(b);
	bpf_loop(128, write_listed, &list, 0);
	u32 len = AT(b) - list.start;
	if (len > ARGS_LIMIT) {
		AT(b) = list.start + ARGS_LIMIT;
		b->data[(list.start + ARGS_LIMIT - 1) & EVENT_MASK] = 0;
	}
	end_param(b);
	return 0;
}

struct cgroup_walk {
	struct buffer *b;
	struct kernfs_node *node;
};

INLINE struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	if (bpf_core_field_exists(node->__parent))
		return READ(node, __parent);
	struct kernfs_node___open *old = (void *)node;
	return BPF_CORE_READ(old, parent);
}

static long cgroup_up(u32 step, void *arg)
{
	struct cgroup_walk *w = arg;
	struct buffer *b = w->b;
	struct kernfs_node *node = w->node;
	u64 parent = number_of(b, kernfs_parent(node));
	u32 n = b->scratch_count;
	if (!parent || n >= NAMES_LIMIT)
		return 1;
	b->scratch[n & (NAMES_LIMIT - 1)] = (u64)READ(node, name);
	b->scratch_count = n + 1;
	w->node = (struct kernfs_node *)parent;
	return 0;
}

INLINE void raw_cgroup(struct buffer *b, u64 subsystems, int subsystem, const char *label, u32 label_len)
{
	struct cgroup_subsys_state *css = NULL;
	bpf_probe_read_kernel(&css, sizeof(css), (void *)(subsystems + subsystem * 8));
	if (!css)
		return;
	u64 node = number_of(b, READ(css, cgroup, kn));
	if (!node)
		return;
	raw_kernel(b, label, label_len);
	/* In the unified hierarchy they are all the same one. */
	u32 start = AT(b), len = b->cgroup_len;
	if (node == b->cgroup) {
		raw_kernel(b, &b->data[b->cgroup_at & EVENT_MASK], len);
		return;
	}
	struct cgroup_walk w = {};
	w.b = b;
	w.node = (struct kernfs_node *)node;
	b->scratch_count = 0;
	bpf_loop(NAMES_LIMIT, cgroup_up, &w, 0);
	raw_names(b);
	b->cgroup = node;
	b->cgroup_at = start;
	b->cgroup_len = AT(b) - start;
}

const volatile char label_cpuset[] = "cpuset=";
const volatile char label_cpu[] = "cpu=";
const volatile char label_cpuacct[] = "cpuacct=";
const volatile char label_io[] = "io=";
const volatile char label_memory[] = "memory=";

#define PUT_CGROUP(b, list, name)                                                                                            \
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, name##_cgrp_id))                                                \
	raw_cgroup(b, list, bpf_core_enum_value(enum cgroup_subsys_id, name##_cgrp_id), (const char *)label_##name,             \
		   sizeof(label_##name) - 1)

/* `subsystem=path` of the five subsystems that the drivers of Falco tell. */
APART int put_cgroups(struct buffer *b, u64 task_address)
{
	struct task_struct *task = (struct task_struct *)task_address;
	if (!b)
		return 0;
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	u64 subsystems = HIDE((u64)set + bpf_core_field_offset(struct css_set, subsys));
	u32 start = AT(b);
	b->cgroup = 0;
	PUT_CGROUP(b, subsystems, cpuset);
	PUT_CGROUP(b, subsystems, cpu);
	PUT_CGROUP(b, subsystems, cpuacct);
	PUT_CGROUP(b, subsystems, io);
	PUT_CGROUP(b, subsystems, memory);
	put_len(b, AT(b) - start);
	return 0;
}

/* The first fourteen parameters of clone and execve; exe and args are written by the caller. */
APART int put_process(struct buffer *b, u64 task_address, u64 mm_address, u32 with_cwd)
{
	struct task_struct *task = (struct task_struct *)task_address;
	struct mm_struct *mm = (struct mm_struct *)mm_address;
	if (!b)
		return 0;
	put_u64(b, READ(task, pid));
	put_u64(b, READ(task, tgid));
	put_u64(b, READ(task, real_parent, pid));
	if (with_cwd)
		put_path(b, BPF_CORE_READ(task, fs, pwd.mnt), BPF_CORE_READ(task, fs, pwd.dentry), ROOT_OF_PROCESS);
	else
		put_empty(b);
	put_u64(b, READ(task, signal, rlim[RLIMIT_NOFILE].rlim_cur));
	put_u64(b, READ(task, maj_flt));
	put_u64(b, READ(task, min_flt));
	put_memory(b, mm);
	put_len(b, raw_kernel_text(b, (const char *)task + bpf_core_field_offset(struct task_struct, comm), 16));
	return 0;
}

/* Capabilities were two words of 32 bits before 6.3, in the same eight bytes. */
INLINE u64 capabilities(const void *at)
{
	u64 bits = 0;
	bpf_probe_read_kernel(&bits, sizeof(bits), at);
	return bits;
}

#define CAPABILITY(cred, which) capabilities((const char *)(cred) + bpf_core_field_offset(struct cred, which))

INLINE int put_capabilities(struct buffer *b, const struct cred *cred)
{
	put_u64(b, CAPABILITY(cred, cap_inheritable));
	put_u64(b, CAPABILITY(cred, cap_permitted));
	put_u64(b, CAPABILITY(cred, cap_effective));
	return 0;
}

INLINE u32 tty_of(struct task_struct *task)
{
	struct tty_struct *tty = READ(task, signal, tty);
	if (!tty)
		return 0;
	struct tty_driver *driver = READ(tty, driver);
	u32 major = READ(driver, major), minor = READ(driver, minor_start);
	return user_dev((major << 20 | minor) + READ(tty, index));
}

INLINE u32 loginuid_of(struct task_struct *task)
{
	return bpf_core_field_exists(task->loginuid) ? READ(task, loginuid.val) : 0xffffffff;
}

INLINE u64 nanoseconds(s64 sec, u64 nsec)
{
	return sec < 0 ? 0 : (u64)sec * 1000000000 + nsec;
}

/* The top bit of the nanoseconds marks, since 6.13, that somebody asked. */
#define NSEC_MASK 0x3fffffff

INLINE u64 inode_ctime(struct inode *inode)
{
	if (bpf_core_field_exists(inode->i_ctime_sec))
		return nanoseconds(READ(inode, i_ctime_sec), READ(inode, i_ctime_nsec) & NSEC_MASK);
	struct inode___hidden *hidden = (void *)inode;
	if (bpf_core_field_exists(hidden->__i_ctime))
		return nanoseconds(BPF_CORE_READ(hidden, __i_ctime.tv_sec), BPF_CORE_READ(hidden, __i_ctime.tv_nsec) & NSEC_MASK);
	struct inode___plain *plain = (void *)inode;
	return nanoseconds(BPF_CORE_READ(plain, i_ctime.tv_sec), BPF_CORE_READ(plain, i_ctime.tv_nsec));
}

INLINE u64 inode_mtime(struct inode *inode)
{
	if (bpf_core_field_exists(inode->i_mtime_sec))
		return nanoseconds(READ(inode, i_mtime_sec), READ(inode, i_mtime_nsec));
	struct inode___hidden *hidden = (void *)inode;
	if (bpf_core_field_exists(hidden->__i_mtime))
		return nanoseconds(BPF_CORE_READ(hidden, __i_mtime.tv_sec), BPF_CORE_READ(hidden, __i_mtime.tv_nsec));
	struct inode___plain *plain = (void *)inode;
	return nanoseconds(BPF_CORE_READ(plain, i_mtime.tv_sec), BPF_CORE_READ(plain, i_mtime.tv_nsec));
}

/* A loop as it is and no callback: the loader has room for 32 functions, and arm64 needs one more program. */
INLINE bool in_group(const struct cred *cred, u32 gid)
{
	struct group_info *groups = BPF_CORE_READ(cred, group_info);
	if (!groups)
		return false;
	u64 gids = (u64)groups + bpf_core_field_offset(struct group_info, gid);
	/* Sorted; the kernel allows 65,536. */
	u32 low = 0, high = BPF_CORE_READ(groups, ngroups);
	for (u32 step = 0; step < 17 && low < high; step++) {
		u32 middle = (low + high) / 2, found = 0;
		bpf_probe_read_kernel(&found, sizeof(found), (void *)(gids + (u64)middle * sizeof(u32)));
		if (found == gid)
			return true;
		if (found < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

#define EXTENTS_LIMIT 5

/* Whether a user or group of the host has a number in the user namespace. Namespaces with more than five ranges count as "no". */
INLINE bool id_mapped(struct uid_gid_map *map, u32 id)
{
	u32 extents = BPF_CORE_READ(map, nr_extents);
	bool found = false;
	if (extents > EXTENTS_LIMIT)
		return false;
#pragma clang loop unroll(disable)
	for (u32 i = 0; i < EXTENTS_LIMIT && i < extents; i++) {
		struct uid_gid_extent *extent = (struct uid_gid_extent *)((u64)map + (u64)i * bpf_core_type_size(struct uid_gid_extent));
		u32 first = BPF_CORE_READ(extent, lower_first), count = BPF_CORE_READ(extent, count);
		found |= id - first < count;
	}
	return found;
}

#define SB_RDONLY 1
#define S_IMMUTABLE 8
#define CAP_DAC_OVERRIDE 1
#define CAP_FOWNER 3
#define NO_ID 0xffffffff

/*
 * Whether the process could write the file, from its owner, mode and the capabilities of the process. Access lists and security modules
 * are not asked.
 */
INLINE bool may_write(const struct cred *cred, struct inode *inode)
{
	if (READ(inode, i_sb, s_flags) & SB_RDONLY || READ(inode, i_flags) & S_IMMUTABLE)
		return false;
	u32 uid = READ(inode, i_uid.val), gid = READ(inode, i_gid.val), mode = READ(inode, i_mode);
	if (uid == NO_ID || gid == NO_ID)
		return false;
	if (READ(cred, fsuid.val) == uid)
		return true;
	if (gid == READ(cred, fsgid.val) || in_group(cred, gid))
		mode >>= 3;
	if (mode & 2)
		return true;
	u64 caps = CAPABILITY(cred, cap_effective);
	if (!(caps & (1 << CAP_DAC_OVERRIDE | 1 << CAP_FOWNER)))
		return false;
	struct user_namespace *ns = BPF_CORE_READ(cred, user_ns);
	struct uid_gid_map *uids = (void *)((u64)ns + bpf_core_field_offset(struct user_namespace, uid_map));
	if (!id_mapped(uids, uid))
		return false;
	if (caps & 1 << CAP_FOWNER)
		return true;
	struct uid_gid_map *gids = (void *)((u64)ns + bpf_core_field_offset(struct user_namespace, gid_map));
	return id_mapped(gids, gid);
}

/* Whether the program was made by memfd_create: its entry is its own parent and has a name that begins so. */
INLINE bool from_memfd(struct file *file)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	if (BPF_CORE_READ(dentry, d_parent) != dentry)
		return false;
	char name[8] = {};
	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
	return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 'f' && name[4] == 'd' && name[5] == ':';
}

#define EXE_WRITABLE 1
#define EXE_UPPER_LAYER 2
#define EXE_FROM_MEMFD 4
#define EXE_LOWER_LAYER 8
