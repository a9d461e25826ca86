/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Sockets, and what is read and written. Of data, only the first bytes are kept; more of what carries names: everything from or to port
 * 53 and name services of this machine, the first bytes that a client sends over TCP if they may be TLS or HTTP, and what begins as a
 * TLS ClientHello, an HTTP request or a QUIC connection anywhere else.
 */
#pragma once

#include "simple-events.h"

#define IOVEC_LIMIT 64

#define FOUR(a, b, c, d) ((u32)(a) | (u32)(b) << 8 | (u32)(c) << 16 | (u32)(d) << 24)

#define HEAD_BYTES 9

/* Whether `len` bytes begin as a TLS record with a handshake message of the first kind, a method of HTTP, or QUIC's first packet (versions 1 and 2). */
INLINE bool may_tell_name(struct buffer *b, u64 from, u64 len)
{
	u8 *head = b->head;
	if (bpf_probe_read_user(head, len < HEAD_BYTES ? 1 : HEAD_BYTES, (void *)from))
		return false;
	if (len < HEAD_BYTES) {
		switch (head[0]) {
		case 0x16:
		case 'G':
		case 'P':
		case 'H':
		case 'D':
		case 'O':
		case 'C': return true;
		}
		return false;
	}
	if (head[0] == 0x16)
		return head[1] == 3 && head[5] == 1;
	if ((head[0] & 0xf0) == 0xc0)
		return FOUR(head[1], head[2], head[3], head[4]) == FOUR(0, 0, 0, 1);
	if ((head[0] & 0xf0) == 0xd0)
		return FOUR(head[1], head[2], head[3], head[4]) == FOUR(0x6b, 0x33, 0x43, 0xcf);
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

/* A TCP connection that a client has made and whose first bytes, so far, may tell a name. */
struct opening {
	u32 end;         /* where they end */
	u32 received_at; /* the kernel's number of the next byte to be read, when the first was sent */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct opening);
} openings SEC(".maps");

/* A TLS record at its largest, and some bytes around it. */
#define OPENING_LIMIT 17000

/* How long a ClientHello is that is whole in one record, as the first bytes say that `may_tell_name` read; else as long as one may be. */
INLINE u32 opening_end(struct buffer *b, u64 len)
{
	u8 *head = b->head;
	if (len < HEAD_BYTES || head[0] != 0x16)
		return OPENING_LIMIT;
	u32 record = head[3] << 8 | head[4], hello = head[6] << 16 | head[7] << 8 | head[8];
	return hello + 4 <= record ? 5 + record : OPENING_LIMIT;
}

#define TCP 6

/*
 * Bytes that were written to a TCP connection before the `len` last ones, if a client made it: those that were acknowledged, without the one
 * that stands for the connect, and those that wait for it. Much too many for other sockets.
 */
INLINE u64 written_before(u64 sk, u64 len)
{
	struct sock *socket = (struct sock *)sk;
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	u16 family = READ(socket, __sk_common.skc_family);
	if ((family != AF_INET && family != AF_INET6) || READ(socket, sk_protocol) != TCP)
		return -1;
	u64 acked = READ(tcp, bytes_acked);
	u32 waiting = READ(tcp, write_seq) - READ(tcp, snd_una);
	/* An acknowledgement came in between, on another CPU; not two. */
	if (READ(tcp, bytes_acked) != acked) {
		acked = READ(tcp, bytes_acked);
		waiting = READ(tcp, write_seq) - READ(tcp, snd_una);
	}
	return acked - 1 + waiting - len;
}

/*
 * Whether the `len` bytes that were just sent belong to the first ones of a connection, and these may be TLS or HTTP, however they are
 * cut. The first `head_len` of them are at `sent`.
 */
INLINE bool is_opening(struct buffer *b, u64 sk, u64 sent, u64 head_len, u64 len)
{
	u64 start = written_before(sk, len);
	if (start >= OPENING_LIMIT)
		return false;
	struct opening begun = {}, *opening = &begun;
	u32 received_at = READ((struct tcp_sock *)sk, copied_seq), last = 0;
	if (start == 0) {
		begun.end = may_tell_name(b, sent, head_len) ? opening_end(b, head_len) : 0;
		begun.received_at = received_at;
	} else {
		opening = bpf_map_lookup_elem(&openings, &sk);
		if (!opening)
			return false;
	}
	bool found = start < opening->end && opening->received_at == received_at;
	/* The head of a request ends with an empty line. */
	if (head_len == len && len >= sizeof(last))
		bpf_probe_read_user(&last, sizeof(last), (void *)(sent + len - sizeof(last)));
	if (!found || start + len >= opening->end || last == FOUR('\r', '\n', '\r', '\n'))
		bpf_map_delete_elem(&openings, &sk);
	else if (start == 0)
		bpf_map_update_elem(&openings, &sk, &begun, BPF_ANY);
	return found;
}

#define SERVICE_WORDS 5

/* Where name services of this machine listen, by the name that they bind. */
const volatile char services[][SERVICE_WORDS * 8] = {
	"/run/systemd/resolve/io.systemd.Resolve",
	"/var/run/nscd/socket",
	"/run/nscd/socket",
};

/* Whether the peer of a unix socket listens where a name service does. Its path is left in `b->scratch`. */
INLINE bool is_of_service(struct buffer *b, u64 sk)
{
	struct unix_address *address = BPF_CORE_READ((struct unix_sock *)sk, peer, addr);
	u32 len = address ? BPF_CORE_READ(address, len) : 0;
	/* The family and the NUL count. */
	if (len != 2 + sizeof("/run/systemd/resolve/io.systemd.Resolve") && len != 2 + sizeof("/var/run/nscd/socket") &&
	    len != 2 + sizeof("/run/nscd/socket"))
		return false;
	const char *path = (const char *)address + bpf_core_field_offset(struct unix_address, name) + 2;
#pragma unroll
	for (u32 i = 0; i < SERVICE_WORDS; i++)
		b->scratch[i] = 0;
	bpf_probe_read_kernel(b->scratch, (len - 2) & 63, path);
	bool found = false;
#pragma unroll
	for (u32 i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		const volatile u64 *service = (const volatile u64 *)services[i];
		u64 differs = 0;
#pragma unroll
		for (u32 k = 0; k < SERVICE_WORDS; k++)
			differs |= service[k] ^ b->scratch[k];
		found |= differs == 0;
	}
	return found;
}

const char service_name[] = "tiercel_service";

/* The eight letters of a name, its NUL included. */
INLINE bool is_named(struct dentry *dentry, u64 name)
{
	u64 found = 0;
	bpf_probe_read_kernel(&found, sizeof(found), BPF_CORE_READ(dentry, d_name.name));
	return found == name;
}

#define EIGHT(a, b, c, d, e, f, g, h) ((u64)FOUR(e, f, g, h) << 32 | FOUR(a, b, c, d))

/*
 * That the call told next is of a connection to a name service: the descriptor, the number of the socket's inode, whose the service is, its
 * path. Whose it is decides whether it is believed: a path says nothing, as anybody may have a file system of their own, but only root
 * makes files that are root's to the first user namespace. systemd-resolved owns its socket and the folder of it; that folder's is
 * root's. When the service has closed its end nobody knows any more (~0), so the number says that the connection is still the same.
 */
INLINE void tell_service(struct buffer *b, u64 sk)
{
	struct dentry *socket = BPF_CORE_READ((struct unix_sock *)sk, peer, path.dentry);
	struct dentry *folder = BPF_CORE_READ(socket, d_parent), *above = BPF_CORE_READ(folder, d_parent);
	struct dentry *owned = is_named(folder, EIGHT('r', 'e', 's', 'o', 'l', 'v', 'e', 0)) &&
					       is_named(above, EIGHT('s', 'y', 's', 't', 'e', 'm', 'd', 0))
				       ? above
				       : socket;
	struct inode *inode = BPF_CORE_READ(owned, d_inode);
	begin_own_event(b, service_name, sizeof(service_name));
	raw_digits(b, b->args[0]);
	raw_u8(b, ' ');
	raw_digits(b, BPF_CORE_READ((struct sock *)sk, sk_socket, file, f_inode, i_ino));
	raw_u8(b, ' ');
	raw_digits(b, inode ? BPF_CORE_READ(inode, i_uid.val) : ~0);
	raw_u8(b, ' ');
	raw_kernel_text(b, (const char *)b->scratch, SERVICE_WORDS * 8);
	end_own_event(b);
}

/* What is told of the call at hand: one of `enum want`. */
INLINE u8 want_of(struct buffer *b)
{
	return CONTROLS->want[HIDE(b->number) & (SYSCALL_LIMIT - 1)];
}

/* What `data_limit` gives of a call that is followed only for names and carries none. */
#define NOT_TOLD 0xffffffff

/* More bytes than a list of parts has: of a call that failed it is not known before they are gathered. */
#define ALL_PARTS 0x7fffffff

/*
 * Bytes to keep of the `len` that were moved. `sent` is where the first of them are, `b->head_len` how many; 0 of what was received. Once
 * for each call.
 */
APART u32 data_limit(struct buffer *b, u64 sk, u64 address, u64 sent, u64 len)
{
	u32 limit = CONTROLS->snap_bytes;
	if (!b)
		return 0;
	bool for_names = want_of(b) == WANT_NAMES;
	u64 head_len = b->head_len < len ? b->head_len : len;
	bool named = sk && sent && b->ret > 0 && is_opening(b, sk, sent, head_len, len);
	if (sk && !named && (b->ret > 0 || (!for_names && len > limit))) {
		if (READ((struct sock *)sk, __sk_common.skc_family) == AF_UNIX) {
			named = b->ret > 0 && is_of_service(b, sk);
			if (named)
				tell_service(b, sk);
		} else if ((for_names || len > limit) && read_ends(b, sk, address)) {
			named = b->ends.local_port == 53 || b->ends.remote_port == 53 ||
				(sent && head_len >= 16 && may_tell_name(b, sent, head_len));
		}
	}
	if (named)
		limit = CONTROLS->names_snap_bytes;
	else if (for_names)
		return NOT_TOLD;
	return len < limit ? len : limit;
}

static long gather_part(u32 i, void *arg)
{
	struct buffer *b = *(struct buffer **)arg;
	struct gather *g = &b->gather;
	struct iovec part = {};
	if (i >= g->count || read_part(b, g->iov, i, &part))
		return 1;
	g->total += part.len;
	u64 take = part.len < g->left ? part.len : g->left;
	if (take > 0) {
		g->left -= take;
		if (!raw_user(b, part.base, take))
			g->left = 0;
	}
	return 0;
}

INLINE u64 gather_parts(struct buffer *b, u64 iov, u64 count, u32 limit)
{
	b->gather.iov = iov;
	b->gather.count = count;
	b->gather.left = limit;
	b->gather.total = 0;
	bpf_loop(IOVEC_LIMIT, gather_part, &b, 0);
	return b->gather.total;
}

/* First bytes of a list of parts, as one parameter; the bytes of all parts together. */
APART u64 put_gathered(struct buffer *b, u64 iov, u64 count, u32 limit)
{
	if (!b)
		return 0;
	begin_param(b);
	u64 total = gather_parts(b, iov, count, limit);
	end_param(b);
	return total;
}

/* Where the first bytes are, and how many. Programs put an empty part before them at most. */
INLINE u64 first_part(struct buffer *b, u64 iov)
{
	struct iovec *first = &b->part;
	if (!read_part(b, iov, 0, first) && first->len == 0)
		read_part(b, iov, 1, first);
	b->head_len = first->len;
	return first->base;
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
	struct sock *source = NULL;
	struct unix_sock *peer = NULL;
	if (ret == 0) {
		bpf_probe_read_user(fds, sizeof(fds), (void *)b->args[3]);
		source = sock_of_fd(b, fds[0]);
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

/* That the descriptor, whose socket is `sk`, is connected to an address of `b->address_len` bytes. */
INLINE void tell_connect(struct buffer *b, u64 fd, u64 sk, u64 address, long ret)
{
	begin_event(b, EV_CONNECT, 4);
	put_u64(b, ret);
	put_tuple(b, sk, address, OUTBOUND);
	put_fd(b, fd);
	put_user_address(b, address, b->address_len);
	submit(b);
}

INLINE int connect_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	u64 sk = ret == 0 || ret == -EINPROGRESS ? sock_address_of_fd(b, (s32)b->args[0]) : 0;
	bool is_local = READ((struct sock *)sk, __sk_common.skc_family) == AF_UNIX;
	if (is_local && is_of_service(b, sk))
		tell_service(b, sk);
	b->address_len = b->args[2];
	tell_connect(b, b->args[0], sk, b->args[1], ret);
	return 0;
}

#define MSG_FASTOPEN 0x20000000

/*
 * A send with MSG_FASTOPEN connects a TCP socket as well, with the first bytes in its first packet (tcp(7), RFC 7413). It is told as both, for
 * there is no other connect of that connection. Nobody may want the send itself (WANT_FAST_OPEN).
 */
INLINE void tell_fast_open(struct buffer *b, u64 sk, u64 address, u64 flags)
{
	if (flags & MSG_FASTOPEN && address && READ((struct sock *)sk, sk_protocol) == TCP)
		tell_connect(b, b->args[0], sk, address, b->ret < 0 ? b->ret : 0);
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
	put_tuple(b, ret >= 0 ? sock_address_of_fd(b, ret) : 0, 0, INBOUND);
	u32 waiting = 0, limit = 0;
	struct sock *listener = ret >= 0 ? sock_of_fd(b, (s32)b->args[0]) : NULL;
	if (listener) {
		waiting = READ(listener, sk_ack_backlog);
		limit = READ(listener, sk_max_ack_backlog);
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
	struct sock *sk = sock_of_fd(b, (s32)b->args[0]);
	u64 len = ret > 0 ? (u64)ret : b->args[2];
	b->address_len = b->args[5];
	tell_fast_open(b, (u64)sk, b->args[4], b->args[3]);
	if (want_of(b) == WANT_FAST_OPEN)
		return 0;
	b->head_len = len;
	u32 limit = data_limit(b, (u64)sk, b->args[4], b->args[1], len);
	if (limit == NOT_TOLD)
		return 0;
	begin_event(b, EV_SENDTO, 5);
	put_u64(b, ret);
	put_user_bytes(b, b->args[1], limit);
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
	struct sock *sk = ret >= 0 ? sock_of_fd(b, (s32)b->args[0]) : NULL;
	u32 limit = data_limit(b, (u64)sk, b->args[4], 0, ret > 0 ? ret : 0);
	if (limit == NOT_TOLD)
		return 0;
	begin_event(b, EV_RECVFROM, 5);
	put_u64(b, ret);
	put_user_bytes(b, b->args[1], limit);
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
	struct user_msghdr *head = &b->message.head;
	read_message(b, b->args[1], head);
	struct sock *sk = sock_of_fd(b, (s32)b->args[0]);
	b->address_len = head->name_len;
	tell_fast_open(b, (u64)sk, head->name, b->args[2]);
	if (want_of(b) == WANT_FAST_OPEN)
		return 0;
	u32 limit = data_limit(b, (u64)sk, head->name, first_part(b, head->iov), ret > 0 ? (u64)ret : ALL_PARTS);
	if (limit == NOT_TOLD)
		return 0;
	begin_event(b, EV_SENDMSG, 5);
	put_u64(b, ret);
	u64 size = put_gathered(b, head->iov, head->iov_len, limit);
	put_fd(b, b->args[0]);
	put_u32(b, size);
	put_tuple(b, (u64)sk, head->name, OUTBOUND);
	submit(b);
	return 0;
}

#define SCM_RIGHTS 1

/* Whether descriptors came with a message; credentials and labels come before them. */
INLINE bool brings_descriptors(struct buffer *b, struct user_msghdr *head)
{
	u32 word = b->compat ? 4 : 8;
	u64 at = head->control, end = at + head->control_len;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		s32 kind[2] = {}; /* level, type */
		if (at + word + sizeof(kind) > end || bpf_probe_read_user(kind, sizeof(kind), (void *)(at + word)))
			return false;
		if (kind[0] == SOL_SOCKET && kind[1] == SCM_RIGHTS)
			return true;
		u64 len = pointer_at(b, at);
		if (len < word + sizeof(kind) || len > 4096)
			return false;
		at += (len + word - 1) & ~(u64)(word - 1);
	}
	return false;
}

INLINE int recvmsg_done(struct buffer *b, long ret)
{
	if (!b)
		return 0;
	struct user_msghdr *head = &b->message.head;
	struct sock *sk = NULL;
	if (ret > 0) {
		read_message(b, b->args[1], head);
		sk = sock_of_fd(b, (s32)b->args[0]);
	}
	u32 limit = data_limit(b, (u64)sk, head->name, 0, ret > 0 ? ret : 0);
	if (limit == NOT_TOLD) {
		if (ret <= 0 || !brings_descriptors(b, head))
			return 0;
		limit = snap(ret);
	}
	begin_event(b, EV_RECVMSG, 6);
	put_u64(b, ret);
	if (ret > 0) {
		put_u32(b, ret);
		put_gathered(b, head->iov, head->iov_len, limit);
		put_tuple(b, (u64)sk, head->name, INBOUND);
		put_user_bytes(b, head->control, head->control_len < 4096 ? head->control_len : 4096);
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
	if (!b)
		return 1;
	struct user_mmsghdr *message = &b->message;
	u64 at = m->first + (u64)i * (b->compat ? sizeof(struct compat_mmsghdr) : sizeof(*message));
	u64 len_at = at + (b->compat ? sizeof(struct compat_msghdr) : sizeof(struct user_msghdr));
	if (read_message(b, at, &message->head) || bpf_probe_read_user(&message->len, sizeof(message->len), (void *)len_at))
		return 1;
	struct user_msghdr *head = &message->head;
	struct sock *sk = sock_of_fd(b, m->fd);
	b->address_len = head->name_len;
	u64 start = m->sent ? first_part(b, head->iov) : 0;
	u32 limit = data_limit(b, (u64)sk, head->name, start, message->len);
	if (limit == NOT_TOLD)
		return 0;
	if (m->sent)
		begin_event(b, EV_SENDMMSG, 5);
	else
		begin_event(b, EV_RECVMMSG, 6);
	put_u64(b, message->len);
	put_u64(b, m->fd);
	put_u32(b, m->sent ? gather_parts(b, head->iov, head->iov_len, 0) : message->len);
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
	/* Only the first message can connect. */
	if (sent && b->args[3] & MSG_FASTOPEN && !read_message(b, b->args[1], &b->message.head)) {
		b->address_len = b->message.head.name_len;
		tell_fast_open(b, sock_address_of_fd(b, (s32)b->args[0]), b->message.head.name, b->args[3]);
	}
	u8 want = want_of(b);
	if (want == WANT_FAST_OPEN)
		return 0;
	if (ret > 0) {
		struct messages m = {};
		m.first = b->args[1];
		m.fd = (s64)(s32)b->args[0];
		m.sent = sent;
		bpf_loop(ret < 1024 ? ret : 1024, tell_message, &m, 0);
		return 0;
	}
	if (want == WANT_NAMES)
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
	struct sock *sk = placed ? NULL : sock_of_fd(b, (s32)b->args[0]);
	u64 len = ret > 0 ? (u64)ret : sent ? b->args[2] : 0;
	u64 start = sent ? b->args[1] : 0;
	b->head_len = len;
	u32 limit = data_limit(b, (u64)sk, 0, start, len);
	if (limit == NOT_TOLD)
		return 0;
	begin_event(b, number == __NR_read ? EV_READ : number == __NR_write ? EV_WRITE : sent ? EV_PWRITE : EV_PREAD, placed ? 5 : 4);
	put_u64(b, ret);
	put_user_bytes(b, b->args[1], limit);
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
	struct sock *sk = placed ? NULL : sock_of_fd(b, (s32)b->args[0]);
	u64 start = sent ? first_part(b, b->args[1]) : 0;
	u32 limit = data_limit(b, (u64)sk, 0, start, ret > 0 ? (u64)ret : sent ? ALL_PARTS : 0);
	if (limit == NOT_TOLD)
		return 0;
	if (sent) {
		begin_event(b, placed ? EV_PWRITEV : EV_WRITEV, placed ? 5 : 4);
		put_u64(b, ret);
		u64 size = put_gathered(b, b->args[1], b->args[2], limit);
		put_fd(b, b->args[0]);
		put_u32(b, size);
	} else {
		begin_event(b, placed ? EV_PREADV : EV_READV, placed ? 5 : 4);
		put_u64(b, ret);
		put_u32(b, ret > 0 ? (u32)ret : 0);
		put_gathered(b, b->args[1], b->args[2], limit);
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
		raw_u8(b, VALUE_TIME);
		raw_u64(b, word_at(b, from, 0) * 1000000000 + word_at(b, from, 8) * 1000);
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

#define POLL_LIMIT 16

INLINE u16 poll_flags(u16 f)
{
	return MOVE(f, 0, 0) | MOVE(f, 1, 1) | MOVE(f, 2, 2) | MOVE(f, 13, 3) | MOVE(f, 3, 4) | MOVE(f, 4, 5) | MOVE(f, 5, 6) |
	       MOVE(f, 6, 7) | MOVE(f, 7, 8) | MOVE(f, 8, 9) | MOVE(f, 9, 10);
}

/* poll and ppoll: each descriptor with what happened to it. */
INLINE int poll_done(struct buffer *b, long ret)
{
	bool masked = b->number == __NR_ppoll;
	begin_event(b, masked ? EV_PPOLL : EV_POLL, masked ? 4 : 3);
	put_u64(b, ret);
	begin_param(b);
	u32 count_at = AT(b);
	raw_u16(b, 0);
	for (u32 i = 0; i < POLL_LIMIT && i < b->args[1]; i++) {
		struct user_pollfd entry = {};
		if (bpf_probe_read_user(&entry, sizeof(entry), (void *)(b->args[0] + (u64)i * sizeof(entry))))
			break;
		raw_u64(b, (s64)entry.fd);
		raw_u16(b, poll_flags(entry.revents));
	}
	*(u16 *)&b->data[count_at & EVENT_MASK] = (AT(b) - count_at - 2) / 10;
	end_param(b);
	if (masked) {
		put_u64(b, word_at(b, b->args[2], 0) * 1000000000 + word_at(b, b->args[2], 8));
		put_u32(b, word_at(b, b->args[3], 0));
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
