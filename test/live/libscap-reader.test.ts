import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CaptureWriter } from '../../src/events/capture/write-capture.ts'
import { openSource } from '../../src/events/open-source.ts'
import { checkCapture, FALCO_ORDER, readAsLibscap } from './libscap-reader.ts'

const captures = new URL('../../../shared/data/captures/', import.meta.url)
const skip = existsSync(captures) ? false : 'needs ../shared/data/captures beside the project'
const pathOf = (name: string): string => fileURLToPath(new URL(name, captures))

/** The first events of a capture, written by Tiercel, not compressed. */
async function rewrite(name: string, events: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  const writer = new CaptureWriter(bytes => pieces.push(Buffer.from(bytes)), { gzip: false })
  let left = events
  const source = await openSource(pathOf(name))
  await source.read({
    machine: info => writer.machine(info),
    networkInterface: entry => writer.networkInterface(entry),
    user: entry => writer.user(entry),
    group: entry => writer.group(entry),
    process: entry => writer.process(entry),
    fd: (tid, entry) => writer.fd(tid, entry),
    event: record => writer.event(record) && --left > 0,
  })
  writer.end()
  return Buffer.concat(pieces)
}

/** Where the n-th block of a type begins. */
function blockAt(bytes: Buffer, type: number): number {
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at + 4)) if (bytes.readUInt32LE(at) === type) return at
  throw new Error(`no block 0x${type.toString(16)}`)
}

const CONNECT = 23
const OPENAT = 307

/** Where a parameter lies, of the first event of that code where it is as wanted. */
function paramOf(
  bytes: Buffer,
  code: number,
  index: number,
  isWanted: (param: Buffer) => boolean,
): { readonly lengthAt: number; readonly end: number } {
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at + 4)) {
    const event = at + 10
    if (bytes.readUInt32LE(at) !== 0x216 || bytes.readUInt16LE(event + 20) !== code) continue
    const lengths = event + 26
    let start = lengths + 2 * bytes.readUInt32LE(event + 22)
    for (let i = 0; i < index; i++) start += bytes.readUInt16LE(lengths + 2 * i)
    const end = start + bytes.readUInt16LE(lengths + 2 * index)
    if (isWanted(bytes.subarray(start, end))) return { lengthAt: lengths + 2 * index, end }
  }
  throw new Error(`no event ${code}`)
}

/** What libscap refuses, each by a change of a good capture. */
const damages: readonly { readonly name: string; readonly error: RegExp; readonly change: (bytes: Buffer) => void }[] =
  [
    { name: 'a greater version', error: /version 2/, change: b => b.writeUInt16LE(2, 12) },
    {
      name: 'a block type of old captures',
      error: /none that Falco/,
      change: b => b.writeUInt32LE(0x214, blockAt(b, 0x215)),
    },
    {
      name: 'another length behind a block',
      error: /behind it/,
      change: b => b.writeUInt32LE(1, blockAt(b, 0x219) - 4),
    },
    {
      name: 'a process longer than its list',
      error: /of a process|process of/,
      change: b => b.writeUInt32LE(5000, blockAt(b, 0x215) + 8),
    },
    {
      name: 'a process that says less',
      error: /process|cgroups|rights/,
      change: b => {
        const at = blockAt(b, 0x215) + 8
        b.writeUInt32LE(b.readUInt32LE(at) - 4, at)
      },
    },
    {
      name: 'a comm of 1,024 bytes',
      error: /comm has 1024/,
      change: b => b.writeUInt16LE(1024, blockAt(b, 0x215) + 12 + 40),
    },
    {
      name: 'descriptors of nobody',
      error: /which no process list has/,
      change: b => b.writeUInt32LE(77, blockAt(b, 0x218) + 8),
    },
    {
      name: 'a descriptor of no type',
      error: /of type 0/,
      change: b => b.writeUInt8(0, blockAt(b, 0x218) + 16 + 4 + 16),
    },
    {
      name: 'an event of a CPU that there is not',
      error: /CPU 9/,
      change: b => b.writeUInt16LE(9, blockAt(b, 0x216) + 8),
    },
    {
      name: 'an event with a parameter less',
      error: /parameters, not/,
      change: b => {
        const at = blockAt(b, 0x216) + 10 + 22
        b.writeUInt32LE(b.readUInt32LE(at) - 1, at)
      },
    },
    {
      name: 'an event that says another length',
      error: /and says/,
      change: b => b.writeUInt32LE(999, blockAt(b, 0x216) + 10 + 16),
    },
    {
      name: 'an address that is cut',
      error: /tuple has 1[24] bytes, not 13/,
      change: b => {
        const { lengthAt } = paramOf(b, CONNECT, 1, bytes => bytes[0] === 2)
        b.writeUInt16LE(b.readUInt16LE(lengthAt) - 1, lengthAt)
        b.writeUInt16LE(b.readUInt16LE(lengthAt + 2) + 1, lengthAt + 2)
      },
    },
    {
      name: 'a path without an end',
      error: /openat\.name does not end/,
      change: b => b.write('x', paramOf(b, OPENAT, 2, bytes => bytes.length > 0).end - 1),
    },
    {
      name: 'a number of too few bytes',
      error: /bytes, not/,
      change: b => {
        const at = blockAt(b, 0x216) + 10 + 26
        b.writeUInt16LE(b.readUInt16LE(at) - 1, at)
        b.writeUInt16LE(b.readUInt16LE(at + 2) + 1, at + 2)
      },
    },
  ]

describe('captures as libscap reads them', { skip }, () => {
  for (const name of ['net', 'sec', 'mixed', 'ctr']) {
    test(`${name}: Falco's own, and rewritten by Tiercel`, async () => {
      const falco = readAsLibscap(pathOf(`${name}.scap`))
      assert.equal(falco.order, FALCO_ORDER)
      const ours = checkCapture(await rewrite(`${name}.scap`, Number.POSITIVE_INFINITY))
      // Falco's file begins with an event for each user, which Tiercel takes from the list of users.
      assert.deepEqual({ ...ours, events: 0 }, { ...falco, events: 0 })
      assert.ok(ours.events <= falco.events && ours.events > falco.events - 200)
    })
  }

  for (const damage of damages) {
    test(`refused: ${damage.name}`, async () => {
      const bytes = await rewrite('net.scap', 10_000)
      checkCapture(bytes)
      damage.change(bytes)
      assert.throws(() => checkCapture(bytes), damage.error)
    })
  }

  test('refused: no events', async () => {
    const writer: Buffer[] = []
    const empty = new CaptureWriter(bytes => writer.push(Buffer.from(bytes)), { gzip: false })
    empty.end()
    assert.throws(() => checkCapture(Buffer.concat(writer)), /no events/)
  })
})
