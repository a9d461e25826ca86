/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Which opens and closes of files nobody needs to hear of (docs/decisions/0007-opens-left-out.md). An open is left out if no rule can be
 * true for its path, it is no directory, and the reader knows nothing of its descriptor; a close if its descriptor is one of which the
 * reader knows nothing. What cannot be decided in a few dozen nanoseconds is told.
 */
#pragma once

#include "file.h"
#include "syscall.h"

#define FILTER_PATH_LIMIT 256 /* longer paths are told */
#define FILTER_FD_LIMIT 1024  /* descriptors beyond are told */
#define S_IFREG 0x8000
#define S_IFCHR 0x2000
#define S_IFBLK 0x6000

#define O_ACCESS 3
#define O_CREATES 0x40
#define O_TRUNCATES 0x200
#define O_TMPFILES 0x400000
#define WRITING_FLAGS (O_ACCESS | O_CREATES | O_TRUNCATES | O_TMPFILES)

/*
 * Descriptors of a process of which the reader surely knows nothing: each has been told closed, and nothing told since has made it anew.
 * A new process has none. Before what may make a descriptor known there is an event, and only then is the bit taken away; before a close
 * is told the bit is set. So of two threads that race for a number the worst comes out as "told".
 */
struct unknown_fds {
	u64 generation; /* of the filter; those of an earlier one mean nothing */
	u64 bits[FILTER_FD_LIMIT / 64];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct unknown_fds);
} unknown_fds_of SEC(".maps");

/*
 * The process of the call that ends, and whether the thread uses its descriptors. Asked once for each call: the kernel's verifier looks
 * for the types of such pointers by name each time it comes by, in a list of a hundred thousand.
 */
INLINE struct task_struct *process_of_call(struct buffer *b, struct task_struct *task)
{
	struct task_struct *process = task->group_leader;
	if (process) {
		b->is_thread = process != task;
		b->has_process_fds = !b->is_thread || process->files == task->files;
	}
	return process;
}

/* Those of the process; NULL if all may be known, as for a thread that has descriptors of its own. */
INLINE struct unknown_fds *find_unknown_fds(struct buffer *b, struct task_struct *process, u64 flags)
{
	return b->has_process_fds ? bpf_task_storage_get(&unknown_fds_of, process, NULL, flags) : NULL;
}

INLINE u64 *bits_of(struct unknown_fds *fds, u64 fd)
{
	return &fds->bits[HIDE(fd) / 64 & (FILTER_FD_LIMIT / 64 - 1)];
}

INLINE bool is_unknown_fd(struct buffer *b, struct task_struct *process, u64 fd)
{
	struct unknown_fds *fds = find_unknown_fds(b, process, 0);
	if (!fds || fd >= FILTER_FD_LIMIT || fds->generation != CONTROLS->filter.generation)
		return false;
	return *(volatile u64 *)bits_of(fds, fd) >> (fd & 63) & 1;
}

/* Before a close is told; whether it need be. */
INLINE bool forget_fd(struct buffer *b, struct task_struct *process, u64 fd)
{
	if (fd >= FILTER_FD_LIMIT)
		return true;
	struct unknown_fds *fds = find_unknown_fds(b, process, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!fds)
		return true;
	u64 generation = CONTROLS->filter.generation, *word = bits_of(fds, fd), bit = 1ull << (fd & 63);
	if (fds->generation != generation) {
		for (u32 i = 0; i < FILTER_FD_LIMIT / 64; i++)
			fds->bits[i] = 0;
		fds->generation = generation;
	} else if (*(volatile u64 *)word & bit) {
		return false;
	}
	__sync_fetch_and_or(word, bit);
	return true;
}

INLINE void know_fd_of(struct unknown_fds *fds, u64 fd)
{
	if (fd >= FILTER_FD_LIMIT)
		return;
	u64 *word = bits_of(fds, fd), bit = 1ull << (fd & 63);
	if (*(volatile u64 *)word & bit)
		__sync_fetch_and_and(word, ~bit);
}

/* After something was told by which the reader may know it. */
INLINE void know_fd(struct buffer *b, struct task_struct *process, u64 fd)
{
	struct unknown_fds *fds = find_unknown_fds(b, process, 0);
	if (fds)
		know_fd_of(fds, fd);
}

/* Whether rules ask for programs of the task's name, which is read as two words: a type of the kernel's that is just that. */
INLINE bool is_rules_program(struct task_struct *task)
{
	struct timespec64 *name = (struct timespec64 *)task->comm;
	u32 place = program_place(READ(name, tv_sec), READ(name, tv_nsec));
	return CONTROLS->filter.programs[place / 64] >> (place & 63) & 1;
}

/*
 * The name of the thread, and that of its process: a thread may be named by another through /proc, which nobody is told of, and then the
 * reader knows it by the name that it was born with.
 */
INLINE bool is_rules_thread(struct buffer *b, struct task_struct *task, struct task_struct *process)
{
	return is_rules_program(task) || (b->is_thread && is_rules_program(process));
}

#define EACH_BYTE(value) ((value) * 0x0101010101010101ull)

/* The highest bit of each byte of the word that is `value`; of words without a byte above 0x7f. */
INLINE u64 find_byte(u64 word, u8 value)
{
	return ~((word ^ EACH_BYTE(value)) + EACH_BYTE(0x7f)) & EACH_BYTE(0x80);
}

/*
 * Not zero if rules see other bytes than these: names of files are resolved before (`..`, `//` and `/./`), and what cannot be printed becomes dots.
 * What begins with the last byte or the last two is not found.
 */
INLINE u64 find_odd(u64 word)
{
	u64 unprintable = (word | (word - EACH_BYTE(0x20)) | (word + EACH_BYTE(1))) & EACH_BYTE(0x80);
	u64 dots = find_byte(word, '.'), slashes = find_byte(word, '/');
	return unprintable | (dots & dots >> 8) | (slashes & slashes >> 8) | (slashes & dots >> 8 & slashes >> 16);
}

#define SCAN_BYTES 6 /* of which a word finds all that is odd */

/*
 * The next bytes of the path. Without branches but the end, as the verifier follows each; and what it has found is in the buffer, where
 * the verifier does not follow it.
 */
static long scan_path(u32 step, void *arg)
{
	struct buffer *b = *(struct buffer **)arg;
	struct path_scan *s = &b->scan;
	u32 at = step * SCAN_BYTES & (FILTER_PATH_LIMIT - 1), writes = s->writes;
	u64 hit = s->hit;
	for (u32 i = 0; i < SCAN_BYTES; i++) {
		u32 place = piece_place(*(u32 *)&b->data[at + i], writes);
		hit |= CONTROLS->filter.pieces[place / 64] >> (place & 63);
	}
	s->hit = hit;
	s->odd |= find_odd(*(u64 *)&b->data[at]);
	return at + SCAN_BYTES >= s->length;
}

/* Whether the path, of `length` bytes at the start of the buffer's data, is absolute and plain and has none of the pieces that rules ask for. */
INLINE bool is_no_rules_path(struct buffer *b, u32 length, bool writes)
{
	u8 *end = &b->data[length & (FILTER_PATH_LIMIT - 1)];
	if (b->data[0] != '/' || (end[-1] == '.' && end[-2] == '/'))
		return false;
	*(u64 *)end = EACH_BYTE(' ');
	struct path_scan *s = &b->scan;
	s->length = length;
	s->writes = writes;
	s->odd = 0;
	s->hit = 0;
	bpf_loop(FILTER_PATH_LIMIT / SCAN_BYTES + 1, scan_path, &b, 0);
	return !s->odd && !(s->hit & 1);
}

/* Files whose names only outputs may want. Directories are what other paths begin at; sockets and pipes are made by other calls. */
INLINE bool is_plain_file(struct file *file)
{
	u16 type = READ(file, f_inode, i_mode) & S_IFMT;
	return type == S_IFREG || type == S_IFCHR || type == S_IFBLK;
}

/* Whether the open that ends may be left out. */
INLINE bool is_needless_open(struct buffer *b, struct task_struct *task, struct task_struct *process)
{
	u64 path = b->args[1], flags = b->args[2];
#ifdef __NR_open
	if (b->number == __NR_open) {
		path = b->args[0];
		flags = b->args[1];
	}
#endif
	if (b->number == __NR_openat2 && bpf_probe_read_user(&flags, sizeof(flags), (void *)b->args[2]))
		return false;
	bool writes = flags & WRITING_FLAGS;
	u32 leave_out = writes ? CONTROLS->filter.writes : CONTROLS->filter.reads;
	if (flags & 1u << BIT_DIRECTORY || leave_out == LEAVE_OUT_NONE)
		return false;
	if (b->ret >= 0 && !is_unknown_fd(b, process, b->ret))
		return false;
	if (leave_out != LEAVE_OUT_ALL) {
		long length = bpf_probe_read_user_str(b->data, FILTER_PATH_LIMIT, (void *)path);
		if (length < 2 || length >= FILTER_PATH_LIMIT || !is_no_rules_path(b, length - 1, writes))
			return false;
	}
	if (CONTROLS->filter.has_programs && is_rules_thread(b, task, process))
		return false;
	if (b->ret < 0)
		return true;
	struct file *file = file_of(task, b->ret);
	return file && is_plain_file(file);
}

/* After a call was told: what it made, and what it was given, is known now. That other results and arguments look like descriptors is no harm. */
INLINE void know_fds(struct buffer *b, struct task_struct *process)
{
	struct unknown_fds *fds = find_unknown_fds(b, process, 0);
	if (!fds)
		return;
	know_fd_of(fds, b->ret);
	know_fd_of(fds, (u32)b->args[0]);
	bool is_pair = b->number == __NR_pipe2 || b->number == __NR_socketpair;
#ifdef __NR_pipe
	is_pair = is_pair || b->number == __NR_pipe;
#endif
	if (b->ret < 0 || !is_pair)
		return;
	s32 *pair = (s32 *)b->scratch;
	bpf_probe_read_user(pair, 2 * sizeof(*pair), (void *)b->args[b->number == __NR_socketpair ? 3 : 0]);
	know_fd_of(fds, (u32)pair[0]);
	know_fd_of(fds, (u32)pair[1]);
}
