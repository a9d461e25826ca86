import { readFileSync } from 'node:fs'

const MAX_LENGTH = 4 * 1024 * 1024

/** Text of the host's hosts file, below `$HOST_ROOT` in a container that has the host's files; without the file there are no such names. */
export function readHosts(): string {
  try {
    const text = readFileSync(`${process.env['HOST_ROOT'] ?? ''}/etc/hosts`, 'utf8')
    return text.length > MAX_LENGTH ? text.slice(0, text.lastIndexOf('\n', MAX_LENGTH)) : text
  } catch {
    return ''
  }
}
