/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * An event is put together in a buffer of its CPU and then copied into the ring, because the ring takes only sizes known when the
 * program is loaded. Positions are kept in the buffer itself and masked at each use: so the verifier need not follow them, and programs
 * of any shape stay small to verify. What would not fit is counted and dropped in `submit`.
 */
#pragma once

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define INLINE static __attribute__((always_inline)) inline

/*
 * A field behind pointers: READ(task, mm, exe_file) is task->mm->exe_file, zero where a pointer leads nowhere. As BPF_CORE_READ of libbpf, but
 * since Linux 6.2 a program may say of what type a pointer is, and then each step costs one load instead of a call of some 20 ns. What is
 * read that way is no number to the verifier if it is a pointer: see `number_of`.
 */
enum special_kfunc_type {
	KF_bpf_rdonly_cast = 1,
};

extern void *bpf_rdonly_cast(const void *pointer, u32 type) __ksym __weak;

#define HAS_CASTS bpf_core_enum_value_exists(enum special_kfunc_type, KF_bpf_rdonly_cast)
#define CAST(pointer) ((typeof(pointer))bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(typeof(*(pointer)))))
#define UNQUALIFIED(value) typeof(0 ? (value) : (value))
/* As many bytes as the field has: `value_` of a field of one or two is an int. */
#define SIZED(value, field) ((char (*)[sizeof(field)])&(value))
#define READ(from, ...)                                                                                         \
	({                                                                                                      \
		UNQUALIFIED(___arrow((from), __VA_ARGS__)) value_;                                              \
		typeof(from) from_ = (from);                                                                    \
		if (HAS_CASTS) {                                                                                \
			from_ = CAST(from_);                                                                    \
			value_ = ___arrow(from_, __VA_ARGS__);                                                  \
		} else {                                                                                        \
			__builtin_memset(&value_, 0, sizeof(value_));                                           \
			BPF_CORE_READ_INTO(SIZED(value_, ___arrow((from), __VA_ARGS__)), from_, __VA_ARGS__);   \
		}                                                                                               \
		value_;                                                                                         \
	})

#define EVENT_LIMIT 0x8000 /* bytes of one record */
#define EVENT_MASK (EVENT_LIMIT - 1)
#define PATH_LIMIT 4096    /* bytes of one text, its NUL included */
#define NAMES_LIMIT 64     /* directories of a path, or levels of a cgroup */

/*
 * Not inlined, and verified once for any arguments instead of at each call. So kernel addresses come as numbers, and pointers must be
 * checked. The loader that bpftool makes has room for 32 functions, programs and callbacks included.
 */
#define APART __attribute__((noinline))

/* Both ends of a socket, ports in the byte order of the machine, addresses in the network's. */
struct ends {
	u16 family;
	u16 local_port, remote_port;
	u32 local[4], remote[4];
};

#define UNIX_PATH_LIMIT 108

/* What a program hands as an address; large enough for each family that is told. */
union user_address {
	u16 family;
	struct {
		u16 family;
		u16 port;
		u32 ip;
	} in;
	struct {
		u16 family;
		u16 port;
		u32 flow;
		u32 ip[4];
	} in6;
	struct {
		u16 family;
		char path[UNIX_PATH_LIMIT];
	} un;
};

/* A call by the rules of the 32-bit system: pointers and words are of four bytes; with `COMPAT_WIDE`, only pointers are. */
enum compat { COMPAT_NOT, COMPAT, COMPAT_WIDE };

/* Of a list of parts of which the first bytes are told, see socket-events.h. */
struct gather {
	u64 iov, count;
	u64 left;  /* bytes still to be taken */
	u64 total; /* bytes of all parts */
};

/* Of a path that is looked for pieces that rules ask for, see file-filter.h. */
struct path_scan {
	u32 length;
	u32 writes;
	u64 odd; /* not zero: the path is not plain */
	u64 hit; /* its lowest bit: a piece is one that rules ask for */
};

/* What is told of a file that was just opened; all zero where it failed. */
struct opened {
	u64 ino;
	u32 dev;
	u32 flags; /* CREATED_FLAG, LAYER_FLAG_… */
};

struct buffer {
	struct counters count; /* first: the reader maps the buffers to read it */
	u64 args[8];
	s64 ret;
	u32 number;
	u32 compat; /* enum compat: how large what the call points to is */
	s32 address_len; /* bytes of the address that a program sends to */
	u64 head_len;    /* bytes that are sent from one place, before the next part of a list */
	u32 at;     /* where the next byte goes */
	u32 len_at; /* where the next length goes */
	u32 param_start;
	u32 scratch_count;
	u64 passed; /* see `number_of` */
	u64 id;     /* of the process, and in the low half of the thread, that is told of */
	u32 cpu;    /* whose buffer it is */
	u16 is_thread;       /* not the first of its process */
	u16 has_process_fds; /* the thread uses the descriptors of its process */
	u64 scratch[NAMES_LIMIT];
	struct gather gather;
	struct path_scan scan;
	struct opened opened;
	/* The control group that was told last of this event, and where its path is. */
	u64 cgroup;
	u32 cgroup_at, cgroup_len;
	/* What socket.h reads. Not on the stack: all functions that call each other have 512 bytes of it together. */
	struct ends ends;
	union user_address address;
	struct user_mmsghdr message;
	struct iovec part;
	u8 head[16]; /* the first bytes that are sent */
	u8 data[EVENT_LIMIT * 2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* the reader sets one for each CPU */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, u32);
	__type(value, struct buffer);
} buffers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
} ring SEC(".maps");

struct controls controls = {0};

#define CONTROLS ((volatile struct controls *)&controls)

/* A kernel address as a number, as functions that are verified apart take it. */
INLINE u64 number_of(struct buffer *b, const void *pointer)
{
	*(volatile u64 *)&b->passed = (u64)pointer;
	return *(volatile u64 *)&b->passed;
}

#define AT(b) (*(volatile u32 *)&(b)->at)

INLINE void raw_u8(struct buffer *b, u8 v)
{
	u32 at = AT(b);
	b->data[at & EVENT_MASK] = v;
	AT(b) = at + 1;
}

INLINE void raw_u16(struct buffer *b, u16 v)
{
	u32 at = AT(b);
	*(u16 *)&b->data[at & EVENT_MASK] = v;
	AT(b) = at + 2;
}

INLINE void raw_u32(struct buffer *b, u32 v)
{
	u32 at = AT(b);
	*(u32 *)&b->data[at & EVENT_MASK] = v;
	AT(b) = at + 4;
}

INLINE void raw_u64(struct buffer *b, u64 v)
{
	u32 at = AT(b);
	*(u64 *)&b->data[at & EVENT_MASK] = v;
	AT(b) = at + 8;
}

/* Bytes of memory of the program; false and nothing written if they cannot be read. */
INLINE bool raw_user(struct buffer *b, u64 from, u32 len)
{
	u32 at = AT(b);
	if (len == 0)
		return true;
	len &= EVENT_MASK;
	if (bpf_probe_read_user(&b->data[at & EVENT_MASK], len, (void *)from))
		return false;
	AT(b) = at + len;
	return true;
}

INLINE bool raw_kernel(struct buffer *b, const void *from, u32 len)
{
	u32 at = AT(b);
	len &= EVENT_MASK;
	if (bpf_probe_read_kernel(&b->data[at & EVENT_MASK], len, from))
		return false;
	AT(b) = at + len;
	return true;
}

/* A text with its NUL; gives its length, 0 if it cannot be read. */
INLINE u32 raw_user_text(struct buffer *b, u64 from, u32 limit)
{
	u32 at = AT(b);
	long n = bpf_probe_read_user_str(&b->data[at & EVENT_MASK], limit, (void *)from);
	if (n <= 0)
		return 0;
	AT(b) = at + n;
	return n;
}

INLINE u32 raw_kernel_text(struct buffer *b, const void *from, u32 limit)
{
	u32 at = AT(b);
	long n = bpf_probe_read_kernel_str(&b->data[at & EVENT_MASK], limit, from);
	if (n <= 0)
		return 0;
	AT(b) = at + n;
	return n;
}

/* Notes the length of the parameter that was just written. */
INLINE void put_len(struct buffer *b, u32 len)
{
	u32 at = b->len_at;
	*(u16 *)&b->data[at & 0xff] = len;
	b->len_at = at + 2;
}

INLINE void begin_param(struct buffer *b)
{
	b->param_start = AT(b);
}

INLINE void end_param(struct buffer *b)
{
	put_len(b, AT(b) - b->param_start);
}

INLINE void put_empty(struct buffer *b)
{
	put_len(b, 0);
}

INLINE void put_u8(struct buffer *b, u8 v)
{
	raw_u8(b, v);
	put_len(b, 1);
}

INLINE void put_u16(struct buffer *b, u16 v)
{
	raw_u16(b, v);
	put_len(b, 2);
}

INLINE void put_u32(struct buffer *b, u32 v)
{
	raw_u32(b, v);
	put_len(b, 4);
}

INLINE void put_u64(struct buffer *b, u64 v)
{
	raw_u64(b, v);
	put_len(b, 8);
}

/* File descriptors and process ids are 32 bits wide and told as 64 with their sign. */
INLINE void put_fd(struct buffer *b, u64 v)
{
	put_u64(b, (s64)(s32)v);
}

INLINE void put_user_text(struct buffer *b, u64 from)
{
	put_len(b, from == 0 ? 0 : raw_user_text(b, from, PATH_LIMIT));
}

INLINE void put_user_bytes(struct buffer *b, u64 from, u32 len)
{
	put_len(b, raw_user(b, from, len) ? len & EVENT_MASK : 0);
}

/* The buffer of this CPU. Programs on one CPU do not interrupt one another: tracepoint programs run with preemption off. */
INLINE struct buffer *buffer_for(struct task_struct *current)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct buffer *b = bpf_map_lookup_elem(&buffers, &cpu);
	if (!b) {
		__sync_fetch_and_add(&controls.lost_no_buffer, 1);
	} else {
		b->cpu = cpu;
		b->id = (u64)(u32)current->tgid << 32 | (u32)current->pid;
	}
	return b;
}

INLINE struct buffer *own_buffer(void)
{
	return buffer_for(bpf_get_current_task_btf());
}

INLINE void begin_event_of(struct buffer *b, u16 type, u32 param_count, u64 tid)
{
	struct record_prefix *prefix = (struct record_prefix *)b->data;
	struct event_header *header = (struct event_header *)&b->data[PREFIX_BYTES];
	*(u64 *)prefix = (u16)b->cpu | (u64)(u16)(b->count.lost_ring_full + b->count.lost_too_large) << 16;
	header->ts_ns = CONTROLS->boot_epoch_ns + bpf_ktime_get_boot_ns();
	header->tid = tid;
	header->type = type;
	header->param_count = param_count;
	b->len_at = PREFIX_BYTES + HEADER_BYTES;
	AT(b) = PREFIX_BYTES + HEADER_BYTES + param_count * 2;
}

INLINE void begin_event(struct buffer *b, u16 type, u32 param_count)
{
	begin_event_of(b, type, param_count, (u32)b->id);
}

/*
 * Hands the event to the ring. Nobody is woken for it, unless the reader said that it sleeps, or so much waits that it should not wait
 * for its timer; how much is asked now and then, as that is a call.
 */
APART int submit(struct buffer *b)
{
	if (!b)
		return 0;
	struct counters *count = &b->count;
	u32 total = AT(b);
	if (total >= EVENT_LIMIT || total < PREFIX_BYTES + HEADER_BYTES) {
		count->lost_too_large++;
		return 0;
	}
	((struct event_header *)&b->data[PREFIX_BYTES])->len = total - PREFIX_BYTES;
	u64 flags = BPF_RB_NO_WAKEUP;
	if (CONTROLS->sleeping) {
		CONTROLS->sleeping = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	} else if ((count->emitted & 63) == 0 && !CONTROLS->woken && bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > CONTROLS->wake_bytes) {
		CONTROLS->woken = 1;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	if (flags == BPF_RB_FORCE_WAKEUP)
		count->wakeups++;
	if (bpf_ringbuf_output(&ring, b->data, total & EVENT_MASK, flags)) {
		count->lost_ring_full++;
		if (flags == BPF_RB_FORCE_WAKEUP)
			CONTROLS->woken = 0;
		return 0;
	}
	count->emitted++;
	return 0;
}
