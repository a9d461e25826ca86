/** The name servers of a resolv.conf (resolv.conf(5)). Nothing throws, whatever the text. */
import { parseIp, unmapIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'

/** glibc asks three of them, others more. */
const MAX_SERVERS = 16

const LOOPBACK: readonly Ip[] = [parseIp('127.0.0.1')!, parseIp('::1')!]

/** Without any, programs ask the host that they run on. */
export function parseResolvConf(text: string): readonly Ip[] {
  const servers: Ip[] = []
  for (const line of text.split('\n')) {
    const [keyword, address] = line.trim().split(/\s+/)
    if (keyword !== 'nameserver' || address === undefined) continue
    // A zone names the link of this host (`fe80::1%eth0`); events have none.
    const ip = parseIp(address.replace(/%.*/, ''))
    if (ip !== undefined && servers.push(unmapIp(ip)) === MAX_SERVERS) break
  }
  return servers.length === 0 ? LOOPBACK : servers
}
