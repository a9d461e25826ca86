/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the probe and its reader share: the layout of a record in the ring, the switches that the reader may turn at any time, and the
 * counters. A record is a prefix of eight bytes and then the scap event (header v2, lengths of the parameters, parameters), so that the
 * same decoder reads captures and live events. Included by the probe (clang, BPF) and by the addon (any C compiler).
 */
#pragma once

#ifdef __bpf__
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;
typedef signed long long s64;
#else
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
#endif

#include "event-codes.h"

#define SYSCALL_LIMIT 512 /* system call numbers are below */

/* Before each event. */
struct record_prefix {
	u16 cpu;
	u16 lost; /* events that this CPU has lost so far, modulo 65536: another number than before says that some are missing here */
	u16 kind; /* enum record_kind */
	u16 unused;
};

enum record_kind {
	RECORD_EVENT = 0,
	/* An open that was left out (`struct file_filter`), told later because the next event needs its descriptor's name; as open_by_handle_at. */
	RECORD_EARLIER_OPEN = 1,
};

/* The scap event header v2; `len` counts itself, the lengths and the parameters, not the prefix. */
struct event_header {
	u64 ts_ns;
	u64 tid;
	u32 len;
	u16 type;
	u32 param_count;
} __attribute__((packed));

/* Values of `controls.want`. */
enum want {
	WANT_NOT = 0,
	WANT_ALL = 1,      /* every call */
	WANT_EXEC_PROT = 2, /* mmap and mprotect: only with PROT_EXEC */
	WANT_NAMES = 3,    /* reads and writes: only sockets, and there only what carries names (`data_limit`) */
	WANT_SUCCESS = 4,  /* only calls that did not fail */
	WANT_FILTERED = 5, /* open, openat, openat2 and close: what `struct file_filter` does not leave out */
	WANT_NAMED_FD = 6, /* every call, and before it the open of the file that is its first argument */
	WANT_FAST_OPEN = 7, /* of sends, none but the connect of those that make one (MSG_FASTOPEN) */
};

/*
 * Which opens of files may be left out because no rule can be true for them: those whose path has none of the pieces that rules need (four
 * bytes each), made by none of the programs that rules name. Both are kept as bits at the places that these functions give.
 */
#define PIECE_BITS 18
#define PROGRAM_BITS 12

enum leave_out {
	LEAVE_OUT_NONE = 0,
	LEAVE_OUT_BY_PATH = 1, /* those whose path has none of the pieces */
	LEAVE_OUT_ALL = 2,     /* no rule asks for any path: what it is does not matter */
};

struct file_filter {
	/* Counts up whenever the filter is put in force. */
	u64 generation;
	/* Of opens only for reading, and of the others: enum leave_out. */
	u32 reads, writes;
	/* Whether there are `programs`. */
	u64 has_programs;
	u64 pieces[(1 << PIECE_BITS) / 64];
	u64 programs[(1 << PROGRAM_BITS) / 64];
};

/* Pieces that opens for reading must not have are kept apart from those of the others; `writes` is 0 or 1. */
static inline u32 piece_place(u32 piece, u32 writes)
{
	return ((piece ^ (writes - 1)) * 0x9e3779b1u) >> (32 - PIECE_BITS);
}

/* Of a program's name, 16 bytes with zeros at the end, as two words. */
static inline u32 program_place(u64 first, u64 second)
{
	return ((first ^ second * 0xff51afd7ed558ccdull) * 0x9e3779b97f4a7c15ull) >> (64 - PROGRAM_BITS);
}

/* Shared with the reader, which writes it while the probe runs; every field is read once per event. */
struct controls {
	u8 want[SYSCALL_LIMIT];
	/* Falco's number of each native system call, for the generic event. */
	u16 generic_id[SYSCALL_LIMIT];
	/* Nanoseconds from the epoch to boot (CLOCK_REALTIME - CLOCK_BOOTTIME). */
	u64 boot_epoch_ns;
	/* Wake the reader once so many bytes wait. */
	u64 wake_bytes;
	/* Not zero: a process that calls prctl with this as its second argument is the reader (`self_tgid`). */
	u64 handshake;
	/* Thread group whose system calls are left out; 0 none. As seen from the first pid namespace. */
	u32 self_tgid;
	/* Bytes of data kept of a read or write, and of one that carries names (`data_limit`). */
	u32 snap_bytes;
	u32 names_snap_bytes;
	/* Set by the reader before it sleeps: the next event wakes it and clears this. */
	u32 sleeping;
	/* Set by the probe with a wake-up for `wake_bytes`, cleared by the reader when it has drained. */
	u32 woken;
	/* Nothing is told while this is 0. */
	u32 running;
	/* Events of CPUs that came after the start and have no buffer. */
	u64 lost_no_buffer;
	struct file_filter filter;
};

/* What became of events, one block for each CPU, at the start of its buffer. */
struct counters {
	u64 emitted;
	u64 lost_ring_full;
	u64 lost_too_large;
	/* System calls of 32-bit programs that have no native equal, or (arm64) any: not told. */
	u64 compat_calls;
	u64 wakeups;
	/* Requests to io_uring, which the kernel carries out without a system call of their own: not told, but for connects. */
	u64 uring_requests;
	/* Opens and closes that nobody needs. */
	u64 left_out;
	u64 unused;
};

/* A row of the table of events that only copy arguments; here because the generated loader names its type. */
struct param {
	u8 op;
	u8 arg;
	u16 extra;
};

struct simple_event {
	u16 code;
	u16 count;
	struct param params[8];
};

#define PREFIX_BYTES 8
#define HEADER_BYTES 26
