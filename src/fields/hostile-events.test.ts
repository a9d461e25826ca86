import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { attachBytes, createRecord, readRecord } from '../events/decode-record.ts'
import { eventTable } from '../events/event-table.ts'
import type { EventContext } from '../state/event-context.ts'
import { FdType } from '../state/fd.ts'
import { fieldByName, fieldLookup, fields } from './catalogue.ts'
import type { Field, Reader } from './field.ts'
import { jsonValue, renderValue } from './render-value.ts'
import { makeContext, makeFd, makeThread } from './testdata/make-context.ts'

const NUMBER_TYPES = /^(U?INT|ABSTIME|RELTIME|PORT|ERRNO|FD|PID|BOOL)/

/** Every field, and every syntax that some take. */
const TEXTS: readonly string[] = [
  ...fields.filter(field => field.arg !== 'required').map(field => field.name),
  ...['evt.arg.fd', 'evt.arg.name', 'evt.arg.flags', 'evt.arg.addr', 'evt.arg.data', 'evt.arg[0]', 'evt.arg[63]'],
  ...['evt.rawarg.res', 'evt.rawarg.addr', 'evt.rawarg.tuple', 'evt.rawarg.fds', 'evt.rawarg.val', 'evt.rawarg.mode'],
  ...['evt.type.is.open', 'evt.type.is.9999', 'evt.abspath.src', 'evt.abspath.dst', 'thread.cgroup.cpu'],
  ...['proc.aname[2]', 'proc.aenv[X]', 'proc.env[X]', 'proc.args[0]', 'fd.types[3]', 'container.label[x]'],
  ...['container.mount[0]', 'container.mount.dest[[*]', 'k8s.pod.label.x', 'k8smeta.pod.label[x]'],
]

interface Bound {
  readonly text: string
  readonly field: Field
  readonly arg: string | undefined
  readonly readers: readonly Reader[]
}

function bindAll(text: string): Bound {
  const found = fieldLookup.resolve(text)
  if (found.kind !== 'field' || found.length !== text.length) throw new Error(`${text} is no field`)
  const field = fieldByName(found.ref.spec.name)!
  const arg = found.ref.arg
  const readers = [field.bind, field.bindPrint, field.bindJson].flatMap(bind => (bind === undefined ? [] : [bind(arg)]))
  return { text, field, arg, readers }
}

const bound: readonly Bound[] = TEXTS.map(bindAll)

function readAll(ctx: EventContext): void {
  for (const { text, field, arg, readers } of bound) {
    for (const read of readers) {
      const value = read(ctx)
      if (value === undefined) continue
      // What a parameter of another type than the first of its name holds may be of any kind.
      const isOddKind = field.typeOf !== undefined || readers.length > 1
      if (!isOddKind && NUMBER_TYPES.test(field.type)) assert.notEqual(typeof value, 'string', text)
      const type = field.typeOf?.(arg) ?? field.type
      const print = field.printOf?.(arg) ?? field.print
      assert.equal(typeof renderValue(value, type, print), 'string', text)
      assert.notEqual(jsonValue(value, type, print), undefined, text)
    }
  }
}

const odd = makeFd(3, FdType.ipv6, { sip: 'short', dip: 1, sport: -1, dport: 1e9, isClient: true, name: '\xff\0' })
const contexts: readonly EventContext[] = [
  makeContext('close', {}, { fd: odd }),
  makeContext('close', {}, { fd: odd, thread: makeThread({ tid: 5, containerId: 'x', pid: 9, comm: '\xfe' }) }),
  makeContext(
    'close',
    {},
    { thread: makeThread({ tid: -1, ptid: -1, loginuid: -5, args: ['\0'], env: ['', '=', 'X'] }) },
  ),
]

test('every reader takes any event: no throw, and every value prints', () => {
  fc.assert(
    fc.property(
      fc.nat(eventTable.length - 1),
      fc.array(fc.uint8Array({ maxLength: 24 }), { maxLength: 12 }),
      fc.nat(contexts.length - 1),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
      (code, raw, which, tsNs) => {
        const info = eventTable[code]!
        const values = raw.slice(0, info.params.length)
        const width = info.isLarge ? 4 : 2
        const header = Buffer.alloc(26 + values.length * width)
        header.writeBigUInt64LE(BigInt.asUintN(64, tsNs), 0)
        header.writeBigUInt64LE(BigInt.asUintN(64, tsNs), 8)
        header.writeUInt32LE(header.length + values.reduce((n, v) => n + v.length, 0), 16)
        header.writeUInt16LE(code, 20)
        header.writeUInt32LE(values.length, 22)
        values.forEach((v, i) => {
          header.writeUIntLE(v.length, 26 + i * width, width)
        })
        const bytes = Buffer.concat([header, ...values])
        const rec = createRecord()
        attachBytes(rec, bytes)
        assert.equal(readRecord(rec, 0, bytes.length), bytes.length)
        readAll({ ...contexts[which]!, rec })
      },
    ),
    { numRuns: 2000 },
  )
})
