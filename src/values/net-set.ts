import { maskIp } from './net.ts'
import type { Ip, Net } from './value.ts'

/** CIDR blocks, looked up by address: one hash look-up for each prefix length that occurs in the address's family. */
export class Nets<T> {
  readonly #v4: NetLevel<T>[] = []
  readonly #v6: NetLevel<T>[] = []

  /** Adds a block; several items may share one. */
  add(net: Net, item: T): void {
    const levels = typeof net.base === 'number' ? this.#v4 : this.#v6
    let level = levels.find(l => l.prefix === net.prefix)
    if (level === undefined) {
      level = { prefix: net.prefix, items: new Map() }
      levels.push(level)
    }
    const items = level.items.get(net.base)
    if (items === undefined) level.items.set(net.base, [item])
    else items.push(item)
  }

  /** Whether any block holds the address. */
  matches(ip: Ip): boolean {
    for (const level of typeof ip === 'number' ? this.#v4 : this.#v6) {
      if (level.items.has(maskIp(ip, level.prefix))) return true
    }
    return false
  }

  /** Appends the items of all blocks that hold the address. */
  collect(ip: Ip, out: T[]): void {
    for (const level of typeof ip === 'number' ? this.#v4 : this.#v6) {
      const items = level.items.get(maskIp(ip, level.prefix))
      if (items !== undefined) for (const item of items) out.push(item)
    }
  }
}

interface NetLevel<T> {
  readonly prefix: number
  readonly items: Map<Ip, T[]>
}
