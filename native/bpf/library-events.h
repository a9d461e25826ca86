/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What the C library told a program that asked it for the addresses of a name: `getaddrinfo` and `gethostbyname_r` and its kin, at their entry and
 * where they return. The answer may come from a cache or a file, without a packet that anybody could see. These programs may be interrupted by others on the
 * same CPU, so they do not use its buffer: the event has a fixed size and is written into the ring itself.
 */
#pragma once

#include "buffer.h"

#define ADDRESS_LIMIT 64
#define NODE_LIMIT 256

struct library_address {
	u8 family; /* 4, 6, or 0 for none */
	u8 bytes[16];
};

struct library_event {
	struct record_prefix prefix;
	struct event_header header;
	u32 lens[3];
	u32 plugin_id;
	char name[20];
	struct library_address addresses[ADDRESS_LIMIT];
	char node[NODE_LIMIT];
} __attribute__((packed));

/* struct addrinfo of glibc and musl, 64 bits. */
struct user_addrinfo {
	s32 flags, family, socktype, protocol;
	u32 addr_len, unused;
	u64 addr, canonical_name, next;
};

/* struct hostent, 64 bits: addresses of one family, the list of which ends with 0. */
struct user_hostent {
	u64 name, aliases;
	s32 family, addr_len;
	u64 addresses;
};

/* What a function gives, and where: its fourth, fifth or sixth argument is the address of a pointer. */
enum library_call { CALL_GETADDRINFO, CALL_GETHOSTBYNAME_R, CALL_GETHOSTBYNAME2_R };

/* Calls under way, by thread: what was asked for, and where the answer will be. */
struct library_call_state {
	u64 node;
	u64 result;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct library_call_state);
} library_calls SEC(".maps");

#if defined(__TARGET_ARCH_x86)
#define FIRST_ARG(regs) ((regs)->di)
#define LATER_ARGS(regs) {(regs)->cx, (regs)->r8, (regs)->r9}
#define RETURNED(regs) ((regs)->ax)
#else
#define FIRST_ARG(regs) ((regs)->regs[0])
#define LATER_ARGS(regs) {(regs)->regs[3], (regs)->regs[4], (regs)->regs[5]}
#define RETURNED(regs) ((regs)->regs[0])
#endif

/*
 * One program for both ends of all functions, because the loader has no room for more; the reader says which by the cookie: the function, and in
 * bit 0 whether it returns. Where one calls another, the inner one tells.
 */
SEC("uprobe")
int library_seen(struct pt_regs *regs)
{
	u64 id = bpf_get_current_pid_tgid(), at = 0, cookie = bpf_get_attach_cookie(regs);
	struct library_call_state call = {};
	if (!(cookie & 1)) {
		u64 args[] = LATER_ARGS(regs), later = HIDE(args[0]);
		/* Each is read at its own fixed place, as the verifier wants it. */
		if (cookie >> 1 == CALL_GETHOSTBYNAME_R)
			later = HIDE(args[1]);
		if (cookie >> 1 == CALL_GETHOSTBYNAME2_R)
			later = HIDE(args[2]);
		call.node = FIRST_ARG(regs);
		call.result = later;
		if (CONTROLS->running && call.node && call.result && (u32)(id >> 32) != CONTROLS->self_tgid)
			bpf_map_update_elem(&library_calls, &id, &call, BPF_ANY);
		return 0;
	}
	struct library_call_state *found = bpf_map_lookup_elem(&library_calls, &id);
	if (!found)
		return 0;
	call = *found;
	bpf_map_delete_elem(&library_calls, &id);
	if (RETURNED(regs) & 0xffffffff || bpf_probe_read_user(&at, sizeof(at), (void *)call.result) || !at)
		return 0;
	struct user_hostent host = {};
	if (cookie >> 1 != CALL_GETADDRINFO && bpf_probe_read_user(&host, sizeof(host), (void *)at))
		return 0;
	struct library_event *e = bpf_ringbuf_reserve(&ring, sizeof(struct library_event), 0);
	struct buffer *b = own_buffer();
	if (!e || !b) {
		if (b)
			__sync_fetch_and_add(&b->count.lost_ring_full, 1);
		if (e)
			bpf_ringbuf_discard(e, BPF_RB_NO_WAKEUP);
		return 0;
	}
	__builtin_memset(e->node, 0, sizeof(e->node));
	/* Zeros: so the helper leaves what it cannot read, and nothing is at address 0 of the kernel. */
	bpf_probe_read_kernel(e->addresses, sizeof(e->addresses), NULL);
	e->plugin_id = 0;
	e->prefix.kind = RECORD_EVENT;
	e->prefix.unused = 0;
	e->prefix.cpu = bpf_get_smp_processor_id();
	e->prefix.lost = b->count.lost_ring_full + b->count.lost_too_large;
	e->header.ts_ns = CONTROLS->boot_epoch_ns + bpf_ktime_get_boot_ns();
	e->header.tid = (u32)id;
	e->header.len = sizeof(*e) - PREFIX_BYTES;
	e->header.type = EV_ASYNCEVENT;
	e->header.param_count = 3;
	e->lens[0] = sizeof(e->plugin_id);
	e->lens[1] = sizeof(e->name);
	e->lens[2] = sizeof(e->addresses) + sizeof(e->node);
	__builtin_memcpy(e->name, "tiercel_getaddrinfo", sizeof(e->name));
	bpf_probe_read_user_str(e->node, sizeof(e->node), (void *)call.node);
	/* Without a hint each address comes once for every type of socket: the reader takes it once. */
#pragma unroll
	for (u32 i = 0; i < ADDRESS_LIMIT; i++) {
		struct user_addrinfo info = {};
		struct library_address *address = &e->addresses[i];
		u64 bytes = 0;
		/* To try where nothing is costs half a microsecond each time. */
		if (!at)
			break;
		if (host.addresses) {
			bpf_probe_read_user(&bytes, sizeof(bytes), (void *)(host.addresses + i * sizeof(bytes)));
			at = bytes;
			info.family = bytes ? host.family : 0;
		} else {
			bpf_probe_read_user(&info, sizeof(info), (void *)at);
			at = info.next;
			bytes = info.addr + (info.family == AF_INET ? 4 : 8);
		}
		if (info.family == AF_INET && !bpf_probe_read_user(address->bytes, 4, (void *)bytes))
			address->family = 4;
		else if (info.family == AF_INET6 && !bpf_probe_read_user(address->bytes, 16, (void *)bytes))
			address->family = 6;
	}
	u64 flags = BPF_RB_NO_WAKEUP;
	if (CONTROLS->sleeping) {
		CONTROLS->sleeping = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	bpf_ringbuf_submit(e, flags);
	__sync_fetch_and_add(&b->count.emitted, 1);
	return 0;
}
