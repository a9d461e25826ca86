/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Sockets, and what is read and written. Of data, only the first bytes are kept; more of what carries names: everything from or to port
 * 53, and what is sent and begins as a TLS ClientHello or an HTTP request.
 */
#pragma once

#include "simple-events.h"

#define IOVEC_LIMIT 64

INLINE bool is_dns(struct buffer *b)
{
	return b->ends.local_port == 53 || b->ends.remote_port == 53;
}

#define FOUR(a, b, c, d) ((u32)(a) | (u32)(b) << 8 | (u32)(c) << 16 | (u32)(d) << 24)

/* A TLS record with a handshake message of the first kind, or one of the methods of HTTP. */
INLINE bool tells_name(u64 from, u64 len)
{
	u8 head[8] = {};
	if (len < 16 || bpf_probe_read_user(head, sizeof(head), (void *)from))
		return false;
	if (head[0] == 0x16)
		return len >= 43 && head[1] == 3 && head[5] == 1;
	switch (FOUR(head[0], head[1], head[2], head[3])) {
	case FOUR('G', 'E', 'T', ' '):
	case FOUR('P', 'U', 'T', ' '): return true;
	case FOUR('P', 'O', 'S', 'T'):
	case FOUR('H', 'E', 'A', 'D'): return head[4] == ' ';
	case FOUR('P', 'A', 'T', 'C'): return head[4] == 'H' && head[5] == ' ';
	case FOUR('D', 'E', 'L', 'E'): return head[4] == 'T' && head[5] == 'E' && head[6] == ' ';
	case FOUR('O', 'P', 'T', 'I'): return head[4] == 'O' && head[5] == 'N' && head[6] == 'S' && head[7] == ' ';
	case FOUR('C', 'O', 'N', 'N'): return head[4] == 'E' && head[5] == 'C' && head[6] == 'T' && head[7] == ' ';
	}
	return false;
}

/* Bytes to keep of `len`; `sent` is where they begin, 0 of what was received. */
APART u32 data_limit(struct buffer *b, u64 sk, u64 address, u64 sent, u64 len)
{
	u32 limit = CONTROLS->snap_bytes;
	if (!b || !sk || len <= limit)
		return len < limit ? len : limit;
	if (read_ends(b, sk, address) && (is_dns(b) || (sent && tells_name(sent, len))))
		limit = CONTROLS->names_snap_bytes;
	return len < limit ? len : limit;
}

/* Whether the call is followed only for names and its data tells none. */
INLINE bool is_beside_names(struct buffer *b, struct sock *sk, u64 address, u64 sent, u64 len)
{
	if (CONTROLS->want[HIDE(b->number) & (SYSCALL_LIMIT - 1)] != WANT_NAMES)
		return false;
	if (!sk || b->ret <= 0 || !read_ends(b, (u64)sk, address))
		return true;
	return !is_dns(b) && !(sent && tells_name(sent, len));
}

struct gather {
	struct buffer *b;
	u64 iov, count;
	u64 left;  /* bytes still to be taken */
	u64 total; /* bytes of all parts */
};

static long gather_part(u32 i, void *arg)
{
	struct gather *g = arg;
	struct iovec part = {};
	if (i >= g->count || bpf_probe_read_user(&part, sizeof(part), (void *)(g->iov + (u64)i * sizeof(part))))
		return 1;
	g->total += part.len;
	u64 take = part.len < g->left ? part.len : g->left;
	if (take > 0) {
		g->left -= take;
		if (!raw_user(g->b, part.base, take))
			return 1;
	}
	return 0;
}

/* First bytes of a list of parts, as one parameter; the bytes of all parts together. */
APART u64 put_gathered(struct buffer *b, u64 iov, u64 count, u32 limit)
{
	if (!b)
		return 0;
	struct gather g = {};
	g.b = b;
	g.iov = iov;
	g.count = count;
	g.left = limit;
	begin_param(b);
	bpf_loop(IOVEC_LIMIT, gather_part, &g, 0);
	end_param(b);
	return g.total;
}

INLINE u32 gathered_size(u64 iov, u64 count)
{
	struct gather g = {};
	g.iov = iov;
	g.count = count;
	bpf_loop(IOVEC_LIMIT, gather_part, &g, 0);
	return g.total;
}

INLINE u64 first_part(u64 iov)
{
	struct iovec part = {};
	bpf_probe_read_user(&part, sizeof(part), (void *)iov);
	return part.base;
}

INLINE int socket_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	begin_event(b, EV_SOCKET, 5);
	put_u64(b, ret);
	put_u32(b, socket_family(b->args[0]));
	put_u32(b, b->args[1]);
	put_u32(b, b->args[2]);
	put_u32(b, socket_flags(b->args[1]));
	submit(b);
	return 0;
}

INLINE int socketpair_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	s32 fds[2] = {-1, -1};
	struct sock *source = NULL, *peer = NULL;
	if (ret == 0) {
		bpf_probe_read_user(fds, sizeof(fds), (void *)b->args[3]);
		source = sock_of_fd(fds[0]);
		if (source)
			peer = BPF_CORE_READ((struct unix_sock *)source, peer);
	}
	begin_event(b, EV_SOCKETPAIR, 8);
	put_u64(b, ret);
	put_u64(b, (s64)fds[0]);
	put_u64(b, (s64)fds[1]);
	put_u64(b, (u64)source);
	put_u64(b, (u64)peer);
	put_u32(b, socket_family(b->args[0]));
	put_u32(b, b->args[1]);
	put_u32(b, b->args[2]);
	submit(b);
	return 0;
}

#define EINPROGRESS 115

INLINE int connect_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	begin_event(b, EV_CONNECT, 4);
	b->address_len = b->args[2];
	put_u64(b, ret);
	put_tuple(b, ret == 0 || ret == -EINPROGRESS ? sock_address_of_fd((s32)b->args[0]) : 0, b->args[1], OUTBOUND);
	put_fd(b, b->args[0]);
	put_user_address(b, b->args[1], (s32)b->args[2]);
	submit(b);
	return 0;
}

/* accept and accept4: the ends of the new socket, the queue of the listening one. */
INLINE int accept_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	bool fourth = b->number == __NR_accept4;
	if (fourth)
		begin_event(b, EV_ACCEPT4, 6);
	else
		begin_event(b, EV_ACCEPT, 5);
	put_u64(b, ret);
	put_tuple(b, ret >= 0 ? sock_address_of_fd(ret) : 0, 0, INBOUND);
	u32 waiting = 0, limit = 0;
	struct sock *listener = ret >= 0 ? sock_of_fd((s32)b->args[0]) : NULL;
	if (listener) {
		waiting = BPF_CORE_READ(listener, sk_ack_backlog);
		limit = BPF_CORE_READ(listener, sk_max_ack_backlog);
	}
	put_u8(b, limit ? (u64)waiting * 100 / limit : 0);
	put_u32(b, waiting);
	put_u32(b, limit);
	if (fourth)
		put_u32(b, socket_flags(b->args[3]));
	submit(b);
	return 0;
}

INLINE int sendto_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	struct sock *sk = sock_of_fd((s32)b->args[0]);
	u64 len = ret > 0 ? (u64)ret : b->args[2];
	b->address_len = b->args[5];
	if (is_beside_names(b, sk, b->args[4], b->args[1], len))
		return 0;
	begin_event(b, EV_SENDTO, 5);
	put_u64(b, ret);
	put_user_bytes(b, b->args[1], data_limit(b, (u64)sk, b->args[4], b->args[1], len));
	put_fd(b, b->args[0]);
	put_u32(b, b->args[2]);
	put_tuple(b, (u64)sk, b->args[4], OUTBOUND);
	submit(b);
	return 0;
}

INLINE int recvfrom_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	struct sock *sk = ret >= 0 ? sock_of_fd((s32)b->args[0]) : NULL;
	if (is_beside_names(b, sk, b->args[4], 0, ret))
		return 0;
	begin_event(b, EV_RECVFROM, 5);
	put_u64(b, ret);
	put_user_bytes(b, b->args[1], ret > 0 ? data_limit(b, (u64)sk, b->args[4], 0, ret) : 0);
	put_tuple(b, (u64)sk, b->args[4], INBOUND);
	put_fd(b, b->args[0]);
	put_u32(b, b->args[2]);
	submit(b);
	return 0;
}

INLINE int sendmsg_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	struct user_msghdr head = {};
	bpf_probe_read_user(&head, sizeof(head), (void *)b->args[1]);
	struct sock *sk = sock_of_fd((s32)b->args[0]);
	u32 size = gathered_size(head.iov, head.iov_len);
	b->address_len = head.name_len;
	if (is_beside_names(b, sk, head.name, first_part(head.iov), ret))
		return 0;
	begin_event(b, EV_SENDMSG, 5);
	put_u64(b, ret);
	u32 limit = data_limit(b, (u64)sk, head.name, first_part(head.iov), ret > 0 ? (u64)ret : size);
	put_gathered(b, head.iov, head.iov_len, limit);
	put_fd(b, b->args[0]);
	put_u32(b, size);
	put_tuple(b, (u64)sk, head.name, OUTBOUND);
	submit(b);
	return 0;
}

INLINE int recvmsg_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	struct user_msghdr head = {};
	struct sock *sk = NULL;
	if (ret > 0) {
		bpf_probe_read_user(&head, sizeof(head), (void *)b->args[1]);
		sk = sock_of_fd((s32)b->args[0]);
	}
	if (is_beside_names(b, sk, head.name, 0, ret))
		return 0;
	begin_event(b, EV_RECVMSG, 6);
	put_u64(b, ret);
	if (ret > 0) {
		put_u32(b, ret);
		put_gathered(b, head.iov, head.iov_len, data_limit(b, (u64)sk, head.name, 0, ret));
		put_tuple(b, (u64)sk, head.name, INBOUND);
		put_user_bytes(b, head.control, head.control_len < 4096 ? head.control_len : 4096);
	} else {
		put_u32(b, 0);
		put_empty(b);
		put_empty(b);
		put_empty(b);
	}
	put_fd(b, b->args[0]);
	submit(b);
	return 0;
}

struct messages {
	u64 first;
	s64 fd;
	bool sent;
};

/* One event for each message of sendmmsg or recvmmsg. */
static long tell_message(u32 i, void *arg)
{
	struct messages *m = arg;
	struct buffer *b = own_buffer();
	struct user_mmsghdr message = {};
	if (!b || bpf_probe_read_user(&message, sizeof(message), (void *)(m->first + (u64)i * sizeof(message))))
		return 1;
	struct user_msghdr *head = &message.head;
	struct sock *sk = sock_of_fd(m->fd);
	b->address_len = head->name_len;
	u64 start = m->sent ? first_part(head->iov) : 0;
	u32 limit = data_limit(b, (u64)sk, head->name, start, message.len);
	if (is_beside_names(b, sk, head->name, start, message.len))
		return 0;
	if (m->sent)
		begin_event(b, EV_SENDMMSG, 5);
	else
		begin_event(b, EV_RECVMMSG, 6);
	put_u64(b, message.len);
	put_u64(b, m->fd);
	put_u32(b, m->sent ? gathered_size(head->iov, head->iov_len) : message.len);
	put_gathered(b, head->iov, head->iov_len, limit);
	put_tuple(b, (u64)sk, head->name, m->sent ? OUTBOUND : INBOUND);
	if (!m->sent)
		put_user_bytes(b, head->control, head->control_len < 4096 ? head->control_len : 4096);
	submit(b);
	return 0;
}

INLINE int mmsg_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	bool sent = b->number == __NR_sendmmsg;
	if (ret > 0) {
		struct messages m = {};
		m.first = b->args[1];
		m.fd = (s64)(s32)b->args[0];
		m.sent = sent;
		bpf_loop(ret < 1024 ? ret : 1024, tell_message, &m, 0);
		return 0;
	}
	if (CONTROLS->want[HIDE(b->number) & (SYSCALL_LIMIT - 1)] == WANT_NAMES)
		return 0;
	if (sent)
		begin_event(b, EV_SENDMMSG, 5);
	else
		begin_event(b, EV_RECVMMSG, 6);
	put_u64(b, ret);
	put_fd(b, b->args[0]);
	put_u32(b, 0);
	put_empty(b);
	put_empty(b);
	if (!sent)
		put_empty(b);
	submit(b);
	return 0;
}

/* read, write, pread64 and pwrite64. */
INLINE int io_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	u32 number = b->number;
	bool sent = number == __NR_write || number == __NR_pwrite64;
	bool placed = number == __NR_pread64 || number == __NR_pwrite64;
	struct sock *sk = placed ? NULL : sock_of_fd((s32)b->args[0]);
	u64 len = ret > 0 ? (u64)ret : sent ? b->args[2] : 0;
	u64 start = sent ? b->args[1] : 0;
	if (is_beside_names(b, sk, 0, start, len))
		return 0;
	begin_event(b, number == __NR_read ? EV_READ : number == __NR_write ? EV_WRITE : sent ? EV_PWRITE : EV_PREAD, placed ? 5 : 4);
	put_u64(b, ret);
	put_user_bytes(b, b->args[1], data_limit(b, (u64)sk, 0, start, len));
	put_fd(b, b->args[0]);
	put_u32(b, b->args[2]);
	if (placed)
		put_u64(b, b->args[3]);
	submit(b);
	return 0;
}

/* readv, writev, preadv and pwritev. */
INLINE int vector_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	u32 number = b->number;
	bool sent = number == __NR_writev || number == __NR_pwritev;
	bool placed = number == __NR_preadv || number == __NR_pwritev;
	struct sock *sk = placed ? NULL : sock_of_fd((s32)b->args[0]);
	u64 start = sent ? first_part(b->args[1]) : 0;
	u64 len = ret > 0 ? (u64)ret : 0;
	if (is_beside_names(b, sk, 0, start, len))
		return 0;
	if (sent) {
		begin_event(b, placed ? EV_PWRITEV : EV_WRITEV, placed ? 5 : 4);
		put_u64(b, ret);
		u32 size = gathered_size(b->args[1], b->args[2]);
		put_gathered(b, b->args[1], b->args[2], data_limit(b, (u64)sk, 0, start, ret > 0 ? len : size));
		put_fd(b, b->args[0]);
		put_u32(b, size);
	} else {
		begin_event(b, placed ? EV_PREADV : EV_READV, placed ? 5 : 4);
		put_u64(b, ret);
		put_u32(b, len);
		put_gathered(b, b->args[1], b->args[2], data_limit(b, (u64)sk, 0, start, len));
		put_fd(b, b->args[0]);
	}
	if (placed)
		put_u64(b, b->args[3]);
	submit(b);
	return 0;
}

/* process_vm_readv and process_vm_writev: the bytes on the side of the caller. */
INLINE int process_vm_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	begin_event(b, b->number == __NR_process_vm_readv ? EV_PROCESS_VM_READV : EV_PROCESS_VM_WRITEV, 3);
	put_u64(b, ret);
	put_fd(b, b->args[0]);
	put_gathered(b, b->args[1], b->args[2], ret > 0 ? snap(ret) : 0);
	submit(b);
	return 0;
}

/* What kind of value a socket option has; the first byte of the parameter. */
enum option_value { VALUE_BYTES, VALUE_ERRNO, VALUE_U32, VALUE_U64, VALUE_TIME };

#define SO_ERROR 4
#define SO_RCVTIMEO 20
#define SO_SNDTIMEO 21
#define SO_COOKIE 57

/* Options of SOL_SOCKET with a value of 32 bits, by number. */
const volatile u8 option_is_u32[64] = {
	[1] = 1,  [2] = 1,  [3] = 1,  [5] = 1,  [6] = 1,  [7] = 1,  [8] = 1,  [9] = 1,  [10] = 1, [11] = 1, [12] = 1,
	[14] = 1, [15] = 1, [16] = 1, [18] = 1, [19] = 1, [29] = 1, [30] = 1, [32] = 1, [33] = 1, [34] = 1, [35] = 1,
	[36] = 1, [37] = 1, [38] = 1, [39] = 1, [40] = 1, [41] = 1, [42] = 1, [43] = 1, [44] = 1, [45] = 1, [46] = 1,
	[47] = 1, [48] = 1, [49] = 1,
};

INLINE void put_option(struct buffer *b, u32 level, u32 name, u64 from, u32 len)
{
	begin_param(b);
	u32 word = 0;
	u64 pair[2] = {};
	if (level == SOL_SOCKET && name == SO_ERROR) {
		bpf_probe_read_user(&word, sizeof(word), (void *)from);
		raw_u8(b, VALUE_ERRNO);
		raw_u64(b, -(s64)(s32)word);
	} else if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO)) {
		bpf_probe_read_user(pair, sizeof(pair), (void *)from);
		raw_u8(b, VALUE_TIME);
		raw_u64(b, pair[0] * 1000000000 + pair[1] * 1000);
	} else if (level == SOL_SOCKET && name == SO_COOKIE) {
		bpf_probe_read_user(pair, sizeof(u64), (void *)from);
		raw_u8(b, VALUE_U64);
		raw_u64(b, pair[0]);
	} else if (level == SOL_SOCKET && name < 64 && option_is_u32[HIDE(name) & 63]) {
		bpf_probe_read_user(&word, sizeof(word), (void *)from);
		raw_u8(b, VALUE_U32);
		raw_u32(b, word);
	} else {
		raw_u8(b, VALUE_BYTES);
		raw_user(b, from, snap(len));
	}
	end_param(b);
}

/* setsockopt and getsockopt. */
INLINE int sockopt_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	u32 len = b->args[4];
	bool get = b->number == __NR_getsockopt;
	if (get) {
		u32 told = 0;
		bpf_probe_read_user(&told, sizeof(told), (void *)b->args[4]);
		len = told;
	}
	begin_event(b, get ? EV_GETSOCKOPT : EV_SETSOCKOPT, 6);
	put_u64(b, ret);
	put_fd(b, b->args[0]);
	put_u8(b, sockopt_level((u32)b->args[1]));
	put_u8(b, sockopt_name((u32)b->args[1], (u32)b->args[2]));
	put_option(b, b->args[1], b->args[2], b->args[3], len);
	put_u32(b, len);
	submit(b);
	return 0;
}

/* Calls on sockets. */
APART int tell_socket(struct buffer *b)
{
	if (!b)
		return 0;
	long ret = b->ret;
	switch (b->number) {
	case __NR_socket: return socket_done(b, ret);
	case __NR_socketpair: return socketpair_done(b, ret);
	case __NR_connect: return connect_done(b, ret);
	case __NR_accept:
	case __NR_accept4: return accept_done(b, ret);
	case __NR_sendto: return sendto_done(b, ret);
	case __NR_recvfrom: return recvfrom_done(b, ret);
	case __NR_sendmsg: return sendmsg_done(b, ret);
	case __NR_recvmsg: return recvmsg_done(b, ret);
	case __NR_sendmmsg:
	case __NR_recvmmsg: return mmsg_done(b, ret);
	case __NR_setsockopt:
	case __NR_getsockopt: return sockopt_done(b, ret);
	}
	return 0;
}

struct user_pollfd {
	s32 fd;
	u16 events, revents;
};

struct poll_walk {
	struct buffer *b;
	u64 list;
	u32 count;
};

#define POLL_LIMIT 16

INLINE u16 poll_flags(u16 f)
{
	return MOVE(f, 0, 0) | MOVE(f, 1, 1) | MOVE(f, 2, 2) | MOVE(f, 13, 3) | MOVE(f, 3, 4) | MOVE(f, 4, 5) | MOVE(f, 5, 6) |
	       MOVE(f, 6, 7) | MOVE(f, 7, 8) | MOVE(f, 8, 9) | MOVE(f, 9, 10);
}

static long write_polled(u32 i, void *arg)
{
	struct poll_walk *w = arg;
	struct user_pollfd entry = {};
	if (i >= w->count || bpf_probe_read_user(&entry, sizeof(entry), (void *)(w->list + (u64)i * sizeof(entry))))
		return 1;
	raw_u64(w->b, (s64)entry.fd);
	raw_u16(w->b, poll_flags(entry.revents));
	return 0;
}

/* poll and ppoll: each descriptor with what happened to it. */
INLINE int poll_done(struct buffer *b, long ret)
{
	struct poll_walk w = {};
	w.b = b;
	w.list = b->args[0];
	w.count = b->args[1] < POLL_LIMIT ? b->args[1] : POLL_LIMIT;
	bool masked = b->number == __NR_ppoll;
	begin_event(b, masked ? EV_PPOLL : EV_POLL, masked ? 4 : 3);
	put_u64(b, ret);
	begin_param(b);
	u32 count_at = AT(b);
	raw_u16(b, 0);
	bpf_loop(POLL_LIMIT, write_polled, &w, 0);
	*(u16 *)&b->data[count_at & EVENT_MASK] = (AT(b) - count_at - 2) / 10;
	end_param(b);
	if (masked) {
		put_u64(b, word_at(b->args[2], 0) * 1000000000 + word_at(b->args[2], 8));
		put_u32(b, word_at(b->args[3], 0));
	} else {
		put_u64(b, b->args[2]);
	}
	submit(b);
	return 0;
}

/* Calls that move bytes of any descriptor, or wait for them. */
APART int tell_io(struct buffer *b)
{
	if (!b)
		return 0;
	long ret = b->ret;
	switch (b->number) {
	case __NR_read:
	case __NR_write:
	case __NR_pread64:
	case __NR_pwrite64: return io_done(b, ret);
	case __NR_readv:
	case __NR_writev:
	case __NR_preadv:
	case __NR_pwritev: return vector_done(b, ret);
	case __NR_ppoll: return poll_done(b, ret);
#ifdef __NR_poll
	case __NR_poll: return poll_done(b, ret);
#endif
	case __NR_process_vm_readv:
	case __NR_process_vm_writev: return process_vm_done(b, ret);
	}
	return 0;
}
