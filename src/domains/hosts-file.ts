/** Hosts files (hosts(5)): an address, then its names; `#` begins a comment. Nothing throws, whatever the text. */
import { parseIp, unmapIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import type { BindingFact } from './binding.ts'

/** Larger files are block-lists, which bind names to nothing; what comes after is left out. */
const MAX_BINDINGS = 50_000

/** The bindings of a hosts file, for the host as a whole or for a container. Lines that say nothing are left out. */
export function* parseHostsFile(text: string, containerId = ''): Generator<BindingFact, void> {
  let count = 0
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    // A zone names the link of this host (`fe80::1%eth0`); events have none.
    const ip = parseIp(address?.replace(/%.*/, '') ?? '')
    if (ip === undefined || isUnset(ip)) continue
    for (const name of names) {
      if (++count > MAX_BINDINGS) return
      yield { name, ip: unmapIp(ip), evidence: 'hosts', ...(containerId !== '' && { owner: { containerId } }) }
    }
  }
}

/** Block-lists bind names to it, so that nothing is reached. */
function isUnset(ip: Ip): boolean {
  return ip === 0 || ip === UNSET_V6
}

const UNSET_V6: string = '\0'.repeat(16)
