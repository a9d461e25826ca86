/**
 * Functions of a C library whose answers the probe tells, by their numbers there (`native/bpf/library-events.h`). Others come down to these:
 * `gethostbyname` and `gethostbyname2` call the last two in glibc, and everything but `getaddrinfo` the last one in musl.
 */
export const LIBRARY_CALLS = ['getaddrinfo', 'gethostbyname_r', 'gethostbyname2_r'] as const

export type LibraryCall = (typeof LIBRARY_CALLS)[number]
