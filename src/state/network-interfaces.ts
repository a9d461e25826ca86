import type { InterfaceEntry } from '../events/source.ts'
import type { Ip } from '../values/value.ts'
import { type Fd, FdType } from './fd.ts'

const LOOPBACK4 = 0x7f000001
const LOOPBACK6 = `${'\0'.repeat(15)}\x01`
const ZERO6 = '\0'.repeat(16)

/** More interfaces than this are counted, not kept. */
const MAX_INTERFACES = 4096

/** The machine's addresses: which side of a connection is local, and what an unset address probably is (libsinsp ifinfo.cpp). */
export class NetworkInterfaces {
  readonly list: InterfaceEntry[] = []
  readonly #v4: { address: number; netmask: number }[] = []
  readonly #v6: string[] = []
  readonly #local4: Set<number> = new Set()
  readonly #local64: Set<string> = new Set()
  dropped = 0

  add(entry: InterfaceEntry): void {
    if (this.list.length >= MAX_INTERFACES) {
      this.dropped++
      return
    }
    this.list.push(entry)
    if (typeof entry.address === 'number') {
      this.#v4.push({ address: entry.address, netmask: typeof entry.netmask === 'number' ? entry.netmask : 0xffffffff })
      this.#local4.add(entry.address)
    } else {
      this.#v6.push(entry.address)
      this.#local64.add(entry.address.slice(0, 8))
    }
  }

  clear(): void {
    this.list.length = 0
    this.#v4.length = 0
    this.#v6.length = 0
    this.#local4.clear()
    this.#local64.clear()
  }

  /** IPv4: an interface's own address. IPv6: one of an interface's /64, as Falco has it. */
  isLocal(ip: Ip): boolean {
    return typeof ip === 'number' ? this.#local4.has(ip) : this.#local64.has(ip.slice(0, 8))
  }

  /** Fills in the address that a datagram's tuple left zero. */
  completeTuple(fd: Fd): void {
    const { sip, dip } = fd
    if (sip === undefined || dip === undefined) return
    if (fd.type === FdType.ipv4 ? sip !== 0 && dip !== 0 : sip !== ZERO6 && dip !== ZERO6) return
    const isSourceUnset = sip === 0 || sip === ZERO6
    const known = isSourceUnset ? dip : sip
    const guess = typeof known === 'number' ? this.#guess4(known) : this.#guess6(known)
    if (guess === known && fd.sport === fd.dport) return
    if (isSourceUnset) fd.sip = guess
    else fd.dip = guess
  }

  #guess4(peer: number): number {
    for (const i of this.#v4) if (i.address === peer) return peer
    for (const i of this.#v4) if ((i.address & i.netmask) === (peer & i.netmask)) return i.address
    for (const i of this.#v4) if (i.address !== LOOPBACK4) return i.address
    return 0
  }

  #guess6(peer: string): string {
    for (const address of this.#v6) if (address === peer) return peer
    for (const address of this.#v6) if (inSame64(address, peer)) return address
    for (const address of this.#v6) if (address !== LOOPBACK6) return address
    return ZERO6
  }
}

function inSame64(a: string, b: string): boolean {
  return a.slice(0, 8) === b.slice(0, 8)
}
