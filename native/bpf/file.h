/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Open files of the current process: device, inode, layer of an overlay, and paths from the directory cache. */
#pragma once

#include "buffer.h"
#include "flags.h"

#define S_IFMT 0xf000
#define S_IFSOCK 0xc000
#define OVERLAYFS_MAGIC 0x794c7630
#define FMODE_CREATED 0x100000

INLINE struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

INLINE struct file *file_of(struct task_struct *task, s64 fd)
{
	struct fdtable *table = READ(task, files, fdt);
	if (fd < 0 || !table || (u32)fd >= READ(table, max_fds))
		return NULL;
	/* A list is a pointer, too; of lone pointers nothing can be said. */
	return (struct file *)READ((struct hlist_head *)(READ(table, fd) + (u32)fd), first);
}

INLINE struct file *file_of_fd(s64 fd)
{
	return file_of(current_task(), fd);
}

enum layer { LAYER_NONE, LAYER_UPPER, LAYER_LOWER };

/*
 * Which layer of an overlay a file comes from. The overlay keeps the upper directory entry right behind its inode; a file that was never
 * written has none.
 */
INLINE enum layer file_layer(struct file *file)
{
	struct dentry *dentry = READ(file, f_path.dentry);
	if (READ(dentry, d_sb, s_magic) != OVERLAYFS_MAGIC)
		return LAYER_NONE;
	char *inode = (char *)BPF_CORE_READ(dentry, d_inode);
	struct dentry *upper = NULL;
	bpf_probe_read_kernel(&upper, sizeof(upper), inode + bpf_core_type_size(struct inode));
	if (!upper)
		return LAYER_LOWER;
	return READ(upper, d_inode, i_ino) != 0 ? LAYER_UPPER : LAYER_LOWER;
}

#define CREATED_FLAG 0x4000
#define LAYER_FLAG_UPPER 0x8000
#define LAYER_FLAG_LOWER 0x10000

/* Fills in `b->opened`. */
INLINE void look_at_opened(struct buffer *b, s64 fd)
{
	struct opened *out = &b->opened;
	out->ino = 0;
	out->dev = 0;
	out->flags = 0;
	struct file *file = file_of_fd(fd);
	if (!file)
		return;
	struct inode *inode = READ(file, f_inode);
	out->ino = READ(inode, i_ino);
	struct super_block *block = READ(inode, i_sb);
	out->dev = user_dev(READ(block, s_dev));
	out->flags = READ(file, f_mode) & FMODE_CREATED ? CREATED_FLAG : 0;
	if (READ(block, s_magic) != OVERLAYFS_MAGIC)
		return;
	enum layer layer = file_layer(file);
	out->flags |= layer == LAYER_UPPER ? LAYER_FLAG_UPPER : layer == LAYER_LOWER ? LAYER_FLAG_LOWER : 0;
}

struct path_walk {
	struct buffer *b;
	struct dentry *dentry, *mount_root, *stop;
	struct mount *mount;
};

/* One step towards the root: notes the name, or crosses to the directory that a file system is mounted on. */
static long walk_up(u32 step, void *arg)
{
	struct path_walk *w = arg;
	struct buffer *b = w->b;
	struct dentry *dentry = w->dentry;
	struct mount *mount = w->mount;
	if (dentry == w->stop || !dentry)
		return 1;
	if (dentry == w->mount_root) {
		struct mount *parent = BPF_CORE_READ(mount, mnt_parent);
		if (parent == mount)
			return 1;
		w->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		w->mount = parent;
		w->mount_root = BPF_CORE_READ(parent, mnt.mnt_root);
		return 0;
	}
	struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
	if (parent == dentry)
		return 1;
	u32 n = b->scratch_count;
	if (n >= NAMES_LIMIT)
		return 1;
	b->scratch[n & (NAMES_LIMIT - 1)] = (u64)BPF_CORE_READ(dentry, d_name.name);
	b->scratch_count = n + 1;
	w->dentry = parent;
	return 0;
}

/* Writes the noted names, the last first, each behind a slash. */
static long write_name(u32 step, void *arg)
{
	struct buffer *b = *(struct buffer **)arg;
	u32 n = b->scratch_count;
	if (n == 0)
		return 1;
	n--;
	b->scratch_count = n;
	raw_u8(b, '/');
	if (raw_kernel_text(b, (void *)b->scratch[n & (NAMES_LIMIT - 1)], 256))
		AT(b) = AT(b) - 1; /* its NUL */
	return 0;
}

INLINE void raw_names(struct buffer *b)
{
	if (b->scratch_count == 0)
		raw_u8(b, '/');
	bpf_loop(NAMES_LIMIT, write_name, &b, 0);
	raw_u8(b, 0);
}

/* Where paths begin: at the root of all that is mounted, whatever root the process has changed to, or at that. */
enum path_root { ROOT_OF_MOUNTS, ROOT_OF_PROCESS };

/*
 * The absolute path in the mount namespace of the current process; at most 64 names are kept, the last ones. A file without a place in a
 * directory (a memfd, a pipe, one that was mounted itself and is no more) is told by the name of its entry alone.
 */
APART int put_path_at(struct buffer *b, u64 mnt_address, u64 dentry_address, u32 root)
{
	struct vfsmount *mnt = (struct vfsmount *)mnt_address;
	struct dentry *dentry = (struct dentry *)dentry_address;
	if (!b)
		return 0;
	if (!dentry) {
		put_empty(b);
		return 0;
	}
	struct path_walk w = {};
	w.b = b;
	w.dentry = dentry;
	w.stop = root == ROOT_OF_PROCESS ? BPF_CORE_READ(current_task(), fs, root.dentry) : NULL;
	w.mount = (struct mount *)((char *)mnt - bpf_core_field_offset(struct mount, mnt));
	w.mount_root = BPF_CORE_READ(mnt, mnt_root);
	b->scratch_count = 0;
	bpf_loop(NAMES_LIMIT * 2, walk_up, &w, 0);
	if (b->scratch_count == 0 && dentry != w.stop && w.dentry == dentry) {
		put_len(b, raw_kernel_text(b, BPF_CORE_READ(dentry, d_name.name), 256));
		return 0;
	}
	begin_param(b);
	raw_names(b);
	end_param(b);
	return 0;
}

INLINE void put_path(struct buffer *b, struct vfsmount *mnt, struct dentry *dentry, enum path_root root)
{
	put_path_at(b, (u64)mnt, (u64)dentry, root);
}
