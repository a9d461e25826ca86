import { integerLayout } from '../../src/events/decode-record.ts'
import type { EventInfo, EventParam } from '../../src/events/event-table.ts'
import { encodeEvent, le } from '../../src/events/encode-event.ts'

/** Numbers that look random and are the same for the same seed: whole numbers below `below`. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Mulberry32. */
  roll(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }

  /** True once in `n`. */
  oneIn(n: number): boolean {
    return this.roll(n) === 0
  }

  pick<T>(list: readonly T[]): T {
    return list[this.roll(list.length)]!
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    for (let i = 0; i < length; i++) bytes[i] = this.roll(256)
    return bytes
  }
}

/** Where the blocks of a capture begin. */
export function blockStarts(capture: Buffer): readonly number[] {
  const starts: number[] = []
  for (let at = 0; at + 8 <= capture.length; at += capture.readUInt32LE(at + 4)) starts.push(at)
  return starts
}

/** Bytes before an event's lengths and parameters: the block's head, the CPU, the event's header. */
const BEFORE_PARAMS = 8 + 2 + 26

/** Damages `count` of a capture's blocks in what they hold, so that reading goes on. */
export function damageBlocks(dice: Dice, capture: Buffer, starts: readonly number[], count: number): void {
  for (let i = 0; i < count; i++) {
    const at = dice.pick(starts)
    const from = at + (dice.oneIn(8) ? 8 : BEFORE_PARAMS)
    const end = at + capture.readUInt32LE(at + 4) - 4
    if (end > from) capture[from + dice.roll(end - from)] = dice.pick([0, 1, 0x7f, 0x80, 0xff, dice.roll(256)])
  }
}

/** So few that threads are reused, cloned over and killed all the time; some that cannot be. */
const TIDS: readonly bigint[] = [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n, 0n, -1n, 2n ** 31n, 2n ** 63n - 1n, -(2n ** 63n)]

const INTEGERS: readonly bigint[] = [
  0n,
  0n,
  0n,
  1n,
  2n,
  3n,
  4n,
  5n,
  7n,
  8n,
  64n,
  100n,
  4096n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  2n ** 53n,
  2n ** 63n,
  -1n,
  -2n,
  -11n,
  -100n,
  -115n,
  2n ** 64n - 1n,
]

const CONTAINER: string = JSON.stringify({
  container: {
    id: 'abababababab',
    name: 'web',
    image: 'x',
    labels: { a: 'b' },
    Mounts: [{ Source: '/' }],
    created_time: 1e300,
  },
})

const TEXTS: readonly string[] = [
  '',
  'a',
  '/',
  '.',
  '..',
  '/etc/passwd',
  '../../../../../../etc/shadow',
  'relative/path/./with/../dots',
  '//double///slashes//',
  '/proc/self/fd/3',
  '%s%n%evt.num',
  'name with spaces',
  '-c import os; os.system("x")',
  '\x01\x7f\xff\xfe',
  'caf\xc3\xa9',
  'with\0inside',
  '/docker/'.padEnd(72, 'ab'),
  'cpu=/docker/'.padEnd(76, 'ab'),
  'PATH=/bin',
  '__proto__',
  'container',
  'container_removed',
  CONTAINER,
  '{"container":{"id":{}}}',
  '['.repeat(500),
  'x'.repeat(300),
  `/${'deep/'.repeat(250)}`,
]

const FAMILIES: readonly number[] = [0, 1, 2, 2, 2, 10, 10, 16, 255]

function textBytes(dice: Dice): Buffer {
  return Buffer.from(dice.oneIn(8) ? dice.pick(TEXTS) : `${dice.pick(TEXTS)}\0`, 'latin1')
}

function addressBytes(dice: Dice, family: number): Buffer {
  const size = family === 10 ? 16 : 4
  if (dice.oneIn(3)) return Buffer.alloc(size)
  if (size === 16 && dice.oneIn(3))
    return Buffer.concat([Buffer.alloc(10), Buffer.from([255, 255, 10, 0, 0, dice.roll(4)])])
  if (dice.oneIn(2)) return dice.bytes(size)
  return Buffer.concat([Buffer.alloc(size - 4), Buffer.from([10, 0, 0, dice.roll(8)])])
}

function socketBytes(dice: Dice, ends: number): Buffer {
  const family = dice.pick(FAMILIES)
  if (family === 1) return Buffer.concat([le(1, family), dice.bytes(ends === 2 ? 16 : 0), textBytes(dice)])
  const parts = [le(1, family)]
  for (let i = 0; i < ends; i++) parts.push(addressBytes(dice, family), le(2, dice.pick([0, 1, 53, 80, 443, 65535])))
  return Buffer.concat(parts)
}

function plausibleParam(dice: Dice, param: EventParam): Buffer {
  const layout = integerLayout(param.type)
  if (layout !== undefined) {
    const value = param.name.endsWith('tid') || param.name.endsWith('pid') ? dice.pick(TIDS) : dice.pick(INTEGERS)
    return le(layout.bytes, value)
  }
  switch (param.type) {
    case 'SOCKADDR':
      return socketBytes(dice, 1)
    case 'SOCKTUPLE':
      return socketBytes(dice, 2)
    case 'FDLIST': {
      const count = dice.roll(5)
      const entries = Array.from({ length: count }, () => Buffer.concat([le(8, dice.roll(8)), le(2, dice.roll(65536))]))
      return Buffer.concat([le(2, dice.oneIn(4) ? 65535 : count), ...entries])
    }
    case 'BYTEBUF':
      return Buffer.concat(Array.from({ length: dice.roll(4) }, () => textBytes(dice)))
    case 'DYN':
      return Buffer.concat([le(1, dice.roll(6)), dice.bytes(dice.roll(10))])
    default:
      return textBytes(dice)
  }
}

function paramBytes(dice: Dice, param: EventParam): Buffer {
  const kind = dice.roll(40)
  if (kind === 0) return Buffer.alloc(0)
  if (kind === 1) return dice.bytes(dice.roll(40))
  const bytes = plausibleParam(dice, param)
  if (kind === 2) return bytes.subarray(0, dice.roll(bytes.length + 1))
  if (kind === 3 && dice.oneIn(20)) return Buffer.alloc(60_000, bytes.length === 0 ? 'z' : bytes)
  return bytes
}

/** Any event with parameters of the right number and mostly of the right kind. */
export function randomEvent(dice: Dice, infos: readonly EventInfo[], tsNs: bigint): Buffer {
  const info = dice.pick(infos)
  const params = info.params.map(param => paramBytes(dice, param))
  if (dice.oneIn(30)) params.length = dice.roll(params.length + 1)
  const bytes = encodeEvent(info.code, params, { ts: tsNs })
  bytes.writeBigInt64LE(dice.pick(TIDS), 8)
  return bytes
}
