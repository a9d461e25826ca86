/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Sockets of the current process, and addresses in the two forms of the event table: SOCKADDR (one end) and SOCKTUPLE (both). */
#pragma once

#include "file.h"

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10

enum direction { OUTBOUND, INBOUND };

INLINE u16 swap16(u16 v)
{
	return v >> 8 | v << 8;
}

/* The kernel's socket, if the descriptor is one. A unix socket opened as a file with O_PATH has the same mode but nothing behind it. */
INLINE struct socket *socket_of_fd(s64 fd)
{
	struct file *file = file_of_fd(fd);
	if (!file || (READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	return READ(file, private_data);
}

INLINE void raw_ipv6(struct buffer *b, const u32 *words)
{
	raw_u32(b, words[0]);
	raw_u32(b, words[1]);
	raw_u32(b, words[2]);
	raw_u32(b, words[3]);
}

/*
 * The path of a unix socket of an address of `len` bytes, family included; of an abstract one, what follows its first NUL. Abstract names
 * end with the address, not with a NUL: what is behind is somebody else's memory. Always ends with a NUL.
 */
INLINE void raw_unix_path(struct buffer *b, const char *path, s64 len, bool user)
{
	char first = 0;
	u32 n;
	if (user)
		bpf_probe_read_user(&first, 1, path);
	else
		bpf_probe_read_kernel(&first, 1, path);
	s64 room = len - 2 - (first == 0) + 1;
	if (room < 1)
		room = 1;
	if (room > UNIX_PATH_LIMIT + 1)
		room = UNIX_PATH_LIMIT + 1;
	path += first == 0;
	n = user ? raw_user_text(b, (u64)path, room) : raw_kernel_text(b, path, room);
	if (n == 0)
		raw_u8(b, 0);
}

APART int put_user_address(struct buffer *b, u64 from, s64 len)
{
	if (!b)
		return 0;
	begin_param(b);
	union user_address *a = &b->address;
	/* The most frequent family is read at once. */
	u32 head = len < sizeof(a->in) ? sizeof(a->family) : sizeof(a->in);
	if (from == 0 || len < 2 || bpf_probe_read_user(a, head, (void *)from)) {
		put_empty(b);
		return 0;
	}
	if (a->family == AF_INET) {
		if (head < sizeof(a->in))
			bpf_probe_read_user(&a->in, sizeof(a->in), (void *)from);
		raw_u8(b, AF_INET);
		raw_u32(b, a->in.ip);
		raw_u16(b, swap16(a->in.port));
	} else if (a->family == AF_INET6) {
		bpf_probe_read_user(&a->in6, sizeof(a->in6), (void *)from);
		raw_u8(b, AF_INET6);
		raw_ipv6(b, a->in6.ip);
		raw_u16(b, swap16(a->in6.port));
	} else if (a->family == AF_UNIX) {
		raw_u8(b, AF_UNIX);
		raw_unix_path(b, (const char *)from + 2, len, true);
	}
	end_param(b);
	return 0;
}

/*
 * The ends of an internet socket, into `b->ends`. What the kernel does not know, because the socket is not connected, is taken from the address that the
 * program gave or was given. False for other families.
 */
APART u32 read_ends(struct buffer *b, u64 sk_address, u64 user_address)
{
	struct sock *sk = (struct sock *)sk_address;
	if (!b)
		return 0;
	struct ends *e = &b->ends;
	union user_address *a = &b->address;
	e->family = READ(sk, __sk_common.skc_family);
	if (e->family != AF_INET && e->family != AF_INET6)
		return false;
	struct inet_sock *inet = (struct inet_sock *)sk;
	e->local_port = swap16(READ(inet, inet_sport));
	e->remote_port = swap16(READ(sk, __sk_common.skc_dport));
	if (e->family == AF_INET) {
		e->local[0] = READ(inet, inet_saddr);
		e->remote[0] = READ(sk, __sk_common.skc_daddr);
		if (e->remote_port == 0 && user_address && !bpf_probe_read_user(&a->in, sizeof(a->in), (void *)user_address) &&
		    a->family == AF_INET) {
			e->remote[0] = a->in.ip;
			e->remote_port = swap16(a->in.port);
		}
		return true;
	}
	struct ipv6_pinfo *six = READ(inet, pinet6);
	BPF_CORE_READ_INTO(&e->local, six, saddr);
	BPF_CORE_READ_INTO(&e->remote, sk, __sk_common.skc_v6_daddr);
	if (e->remote_port == 0 && user_address && !bpf_probe_read_user(&a->in6, sizeof(a->in6), (void *)user_address) &&
	    a->family == AF_INET6) {
		__builtin_memcpy(e->remote, a->in6.ip, 16);
		e->remote_port = swap16(a->in6.port);
	}
	return true;
}

INLINE void raw_ends(struct buffer *b, enum direction direction)
{
	struct ends *e = &b->ends;
	raw_u8(b, e->family);
	if (e->family == AF_INET) {
		raw_u32(b, direction == OUTBOUND ? e->local[0] : e->remote[0]);
		raw_u16(b, direction == OUTBOUND ? e->local_port : e->remote_port);
		raw_u32(b, direction == OUTBOUND ? e->remote[0] : e->local[0]);
	} else {
		raw_ipv6(b, direction == OUTBOUND ? e->local : e->remote);
		raw_u16(b, direction == OUTBOUND ? e->local_port : e->remote_port);
		raw_ipv6(b, direction == OUTBOUND ? e->remote : e->local);
	}
	raw_u16(b, direction == OUTBOUND ? e->remote_port : e->local_port);
}

/*
 * Both ends of a unix socket by their addresses in the kernel, the accepting one first, and its path: of a datagram without a connection the
 * path that the program gave.
 */
INLINE void raw_unix_ends(struct buffer *b, struct sock *sk, u64 user_address, enum direction direction)
{
	struct unix_sock *local = (struct unix_sock *)sk;
	struct unix_sock *remote = BPF_CORE_READ(local, peer);
	struct unix_sock *named = direction == OUTBOUND ? remote : local;
	raw_u8(b, AF_UNIX);
	raw_u64(b, (u64)named);
	raw_u64(b, direction == OUTBOUND ? (u64)local : (u64)remote);
	struct unix_address *address = named ? BPF_CORE_READ(named, addr) : NULL;
	s64 len = address ? BPF_CORE_READ(address, len) : 0;
	if (len > 2)
		raw_unix_path(b, (const char *)address + bpf_core_field_offset(struct unix_address, name) + 2, len, false);
	else if (direction == OUTBOUND && !remote && user_address)
		raw_unix_path(b, (const char *)user_address + 2, b->address_len, true);
	else
		raw_u8(b, 0);
}

APART int put_tuple(struct buffer *b, u64 sk_address, u64 user_address, u32 direction)
{
	struct sock *sk = (struct sock *)sk_address;
	if (!b)
		return 0;
	begin_param(b);
	if (sk) {
		if (read_ends(b, sk_address, user_address))
			raw_ends(b, direction);
		else if (b->ends.family == AF_UNIX)
			raw_unix_ends(b, sk, user_address, direction);
	}
	end_param(b);
	return 0;
}

/* The kernel's socket of a descriptor, as a number; 0 if it is none. */
APART u64 sock_address_of_fd(struct buffer *b, s64 fd)
{
	if (!b)
		return 0;
	struct socket *socket = socket_of_fd(fd);
	return socket ? number_of(b, READ(socket, sk)) : 0;
}

INLINE struct sock *sock_of_fd(struct buffer *b, s64 fd)
{
	return (struct sock *)sock_address_of_fd(b, fd);
}
