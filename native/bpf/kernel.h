/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The kernel's types, only the fields that the probe reads. Where a field really lies is filled in when the probe is loaded, from the
 * running kernel's BTF. A type with `___` in its name is the same type in kernels where the field was named or typed otherwise.
 */
#pragma once

#include "event.h"

typedef u16 __u16;
typedef u8 __u8;
typedef u32 __u32;
typedef u64 __u64;
typedef s32 __s32;
typedef s64 __s64;
typedef u16 __be16;
typedef u32 __be32;
typedef u32 __wsum;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

enum {
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
	BPF_ANY = 0,
	BPF_F_NO_PREALLOC = 1,
	BPF_F_MMAPABLE = 1024,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_RB_AVAIL_DATA = 0,
};

#define KERNEL_TYPE __attribute__((preserve_access_index))

struct hlist_head {
	struct hlist_node *first;
} KERNEL_TYPE;

struct list_head {
	struct list_head *next;
} KERNEL_TYPE;

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10, r9, r8, ax, bx, bp, cx, dx, si, di, orig_ax;
} KERNEL_TYPE;
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
} KERNEL_TYPE;
#else
#error "this architecture is not covered"
#endif

struct thread_info {
	unsigned long flags;
	u32 status;
} KERNEL_TYPE;

typedef struct {
	u32 val;
} kuid_t;
typedef kuid_t kgid_t;

typedef struct {
	u64 val;
} kernel_cap_t;

struct uid_gid_extent {
	u32 first, lower_first, count;
} KERNEL_TYPE;

struct uid_gid_map {
	struct uid_gid_extent extent[5];
	u32 nr_extents;
} KERNEL_TYPE;

struct user_namespace {
	struct uid_gid_map uid_map;
	struct uid_gid_map gid_map;
	kuid_t owner;
} KERNEL_TYPE;

struct group_info {
	int ngroups;
	kgid_t gid[0];
} KERNEL_TYPE;

struct cred {
	kuid_t uid, suid, euid, fsuid;
	kgid_t gid, sgid, egid, fsgid;
	kernel_cap_t cap_inheritable, cap_permitted, cap_effective;
	struct user_namespace *user_ns;
	struct group_info *group_info;
} KERNEL_TYPE;

struct qstr {
	const unsigned char *name;
} KERNEL_TYPE;

struct file_system_type {
	const char *name;
} KERNEL_TYPE;

struct super_block {
	u32 s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
} KERNEL_TYPE;

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
} KERNEL_TYPE;

struct inode {
	u16 i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	u32 i_flags;
	struct super_block *i_sb;
	unsigned long i_ino;
	/* Since 6.11. */
	s64 i_mtime_sec, i_ctime_sec;
	u32 i_mtime_nsec, i_ctime_nsec;
} KERNEL_TYPE;

/* Before 6.6, and before 6.7. */
struct inode___plain {
	struct timespec64 i_mtime, i_ctime;
} KERNEL_TYPE;
struct inode___hidden {
	struct timespec64 __i_mtime, __i_ctime;
} KERNEL_TYPE;

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	struct super_block *d_sb;
} KERNEL_TYPE;

struct vfsmount {
	struct dentry *mnt_root;
} KERNEL_TYPE;

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
} KERNEL_TYPE;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} KERNEL_TYPE;

struct file {
	u32 f_mode;
	u32 f_flags;
	void *private_data;
	struct inode *f_inode;
	struct path f_path;
} KERNEL_TYPE;

struct fdtable {
	u32 max_fds;
	struct file **fd;
} KERNEL_TYPE;

struct files_struct {
	struct fdtable *fdt;
} KERNEL_TYPE;

struct fs_struct {
	struct path root, pwd;
} KERNEL_TYPE;

struct percpu_counter {
	s64 count;
} KERNEL_TYPE;

enum { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES };

struct mm_struct {
	unsigned long total_vm, arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
	struct percpu_counter rss_stat[4];
} KERNEL_TYPE;

/* Before 6.2. */
typedef struct {
	s64 counter;
} counter64;
struct mm_rss_stat {
	counter64 count[4];
} KERNEL_TYPE;
struct mm_struct___single {
	struct mm_rss_stat rss_stat;
} KERNEL_TYPE;

struct tty_driver {
	int major, minor_start;
} KERNEL_TYPE;

struct tty_struct {
	int index;
	struct tty_driver *driver;
} KERNEL_TYPE;

struct rlimit {
	u64 rlim_cur;
} KERNEL_TYPE;

enum pid_kind { KIND_PID, KIND_TGID, KIND_PGID, KIND_SID };

struct pid_namespace {
	struct task_struct *child_reaper;
} KERNEL_TYPE;

struct upid {
	int nr;
	struct pid_namespace *ns;
} KERNEL_TYPE;

struct pid {
	u32 level;
	struct upid numbers[1];
} KERNEL_TYPE;

#define RLIMIT_NOFILE 7

struct signal_struct {
	struct list_head thread_head;
	struct pid *pids[4];
	struct tty_struct *tty;
	struct rlimit rlim[16];
	u32 is_child_subreaper : 1;
	u32 has_child_subreaper : 1;
} KERNEL_TYPE;

struct kernfs_node {
	struct kernfs_node *__parent; /* since 6.15 */
	const char *name;
} KERNEL_TYPE;

struct kernfs_node___open {
	struct kernfs_node *parent;
} KERNEL_TYPE;

struct cgroup {
	struct kernfs_node *kn;
} KERNEL_TYPE;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
} KERNEL_TYPE;

enum cgroup_subsys_id { cpuset_cgrp_id, cpu_cgrp_id, cpuacct_cgrp_id, io_cgrp_id, memory_cgrp_id };

struct css_set {
	struct cgroup_subsys_state *subsys[16];
} KERNEL_TYPE;

struct ns_common {
	u32 inum;
} KERNEL_TYPE;

struct net {
	struct ns_common ns;
	struct user_namespace *user_ns;
} KERNEL_TYPE;

struct mnt_namespace {
	struct ns_common ns;
	struct user_namespace *user_ns;
} KERNEL_TYPE;

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
	struct pid_namespace *pid_ns_for_children;
} KERNEL_TYPE;

#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000

struct task_struct {
	struct thread_info thread_info;
	u32 flags;
	struct mm_struct *mm;
	int exit_code;
	int pid, tgid;
	struct task_struct *real_parent, *group_leader;
	struct list_head children, thread_node;
	struct pid *thread_pid;
	u64 start_time;
	unsigned long min_flt, maj_flt;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	kuid_t loginuid;
	struct css_set *cgroups;
} KERNEL_TYPE;

struct linux_binprm {
	const char *filename;
} KERNEL_TYPE;

struct in6_addr {
	u32 words[4];
};

struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
} KERNEL_TYPE;

struct socket;

struct sock {
	struct sock_common __sk_common;
	struct socket *sk_socket;
	u32 sk_ack_backlog, sk_max_ack_backlog;
	u16 sk_type, sk_protocol;
} KERNEL_TYPE;

struct tcp_sock {
	u32 copied_seq, write_seq, snd_una;
	u64 bytes_acked;
} KERNEL_TYPE;

struct ipv6_pinfo {
	struct in6_addr saddr;
} KERNEL_TYPE;

struct inet_sock {
	struct ipv6_pinfo *pinet6;
	__be32 inet_saddr;
	__be16 inet_sport;
} KERNEL_TYPE;

struct sockaddr_un {
	u16 sun_family;
	char sun_path[108];
} KERNEL_TYPE;

struct unix_address {
	int len;
	struct sockaddr_un name[1];
} KERNEL_TYPE;

struct unix_sock {
	struct unix_address *addr;
	struct path path;
	struct unix_sock *peer;
} KERNEL_TYPE;

struct socket {
	short type;
	struct file *file;
	struct sock *sk;
} KERNEL_TYPE;

struct io_cqe {
	int fd; /* the descriptor of a request that is under way */
} KERNEL_TYPE;

/* A request to io_uring; it begins with what its kind of request has (struct io_connect). */
struct io_kiocb {
	u8 opcode;
	u64 flags;
	struct io_cqe cqe;
} KERNEL_TYPE;

struct sockaddr;

struct io_connect {
	struct sockaddr *addr;
	int addr_len;
} KERNEL_TYPE;

/* Of the programs under watch, not the kernel: fixed by the ABI. */
struct iovec {
	u64 base, len;
};

struct user_msghdr {
	u64 name;
	s32 name_len;
	s32 pad;
	u64 iov;
	u64 iov_len;
	u64 control;
	u64 control_len;
	u32 flags;
	u32 pad2;
};

struct user_mmsghdr {
	struct user_msghdr head;
	u32 len;
	u32 pad;
};

/* The same of 32-bit programs. */
struct compat_iovec {
	u32 base, len;
};

struct compat_msghdr {
	u32 name;
	s32 name_len;
	u32 iov, iov_len, control, control_len, flags;
};

struct compat_mmsghdr {
	struct compat_msghdr head;
	u32 len;
};
