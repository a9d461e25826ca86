/**
 * What of the C library's name services is known without asking the library. Its probe costs each program that begins: the kernel copies the
 * pages of the library in which the functions begin, some 40 µs in all. So it is set only where it may say what nothing else does.
 */

/** The hosts file is read, answers of DNS servers are seen as packets, and `myhostname` knows names of this machine alone. */
const SEEN: ReadonlySet<string> = new Set(['files', 'dns', 'myhostname'])

/**
 * Whether the text of an `nsswitch.conf` has programs ask others for the addresses of names. Without a line for hosts they ask `files` and `dns`.
 * Of several lines any counts, and what is in brackets says only what to do with an answer.
 */
export function asksUnseenServices(text: string): boolean {
  for (const line of text.split('\n')) {
    const services = /^\s*hosts\s*:([^#]*)/.exec(line)?.[1]
    if (services === undefined) continue
    for (const word of services.replace(/\[[^\]]*\]?/g, ' ').split(/\s+/)) {
      if (word !== '' && !SEEN.has(word)) return true
    }
  }
  return false
}
