/** The C library, among the resolvers that are trusted. */
export const LIBRARY = 'getaddrinfo'

/** Resolvers that may be trusted and have no address. */
export const TRUSTED_WORDS: readonly string[] = [LIBRARY, 'systemd-resolved', 'nscd']
