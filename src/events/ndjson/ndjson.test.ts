import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { readCapture } from '../capture/read-capture.ts'
import { encodeEvent } from '../encode-event.ts'
import { CollectingSink, sharedCaptures, sharedFolder } from '../testing.ts'
import {
  attachBytes,
  createRecord,
  paramByteText,
  paramInteger,
  paramSocktuple,
  paramStrings,
  paramText,
  readRecord,
  SockTuple,
} from '../decode-record.ts'
import type { EventRecord } from '../event-record.ts'
import { eventTable } from '../event-table.ts'
import { NdjsonParser, type NdjsonSummary, readNdjson } from './read-ndjson.ts'
import { NdjsonWriter } from './write-ndjson.ts'

const skip: string | false = existsSync(sharedFolder) ? false : 'the shared captures are not here'

function parse(
  text: string | Buffer,
  onEvent?: (record: EventRecord) => void,
): { sink: CollectingSink } & NdjsonSummary {
  const sink = new CollectingSink(record => {
    onEvent?.(record)
    return true
  })
  const parser = new NdjsonParser(sink)
  parser.push(Buffer.from(text))
  parser.end()
  return { sink, ...parser.summary() }
}

const MAX_EVENTS = 4000

for (const name of sharedCaptures) {
  test(`${name}: capture to NDJSON and back gives the same events and state`, { skip }, async () => {
    const lines: string[] = []
    const writer = new NdjsonWriter(line => lines.push(line))
    // Every 16th event, so that all kinds come by.
    let seen = 0
    const original = new CollectingSink(record => {
      if (seen++ % 16 === 0 || seen < 1000) writer.event(record)
      else original.events.pop()
      return original.events.length < MAX_EVENTS
    })
    await readCapture(new URL(`${name}.scap`, sharedFolder).pathname, original)
    const stateLines: string[] = []
    const stateWriter = new NdjsonWriter(line => stateLines.push(line))
    const state = new CollectingSink(() => false)
    await readCapture(new URL(`${name}.scap`, sharedFolder).pathname, state)
    for (const entry of state.state) {
      if (entry.kind === 'machine') stateWriter.machine(entry.value)
      else if (entry.kind === 'interface') stateWriter.networkInterface(entry.value)
      else if (entry.kind === 'user') stateWriter.user(entry.value)
      else if (entry.kind === 'group') stateWriter.group(entry.value)
      else if (entry.kind === 'process') stateWriter.process(entry.value)
      else if (entry.kind === 'fd') stateWriter.fd(entry.tid, entry.value)
    }
    const again = parse(stateLines.join('') + lines.join(''))
    assert.deepEqual(again.problems, [])
    assert.deepEqual(again.sink.state, original.state)
    assert.equal(again.events, original.events.length)
    for (const [i, event] of original.events.entries()) {
      assert.deepEqual({ ...again.sink.events[i], num: event.num }, event, lines[i])
    }
    // Most of it is readable: base64 is for what is not.
    assert.ok(lines.filter(line => line.includes('"base64"')).length < lines.length / 4)
  })
}

/** Any current event with any bytes. */
const anyEvent: fc.Arbitrary<Buffer> = fc
  .constantFrom(...eventTable.filter(info => !info.isOld && !info.flags.has('unused')))
  .chain(info =>
    fc
      .array(
        fc.oneof(
          fc.uint8Array({ maxLength: 20 }),
          fc.uint8Array({ minLength: 8, maxLength: 8 }),
          fc.uint8Array({ minLength: 4, maxLength: 4 }),
          fc.string({ maxLength: 10 }).map(text => Buffer.from(`${text}\0`)),
        ),
        { maxLength: info.params.length },
      )
      .map(params => encodeEvent(info.code, params)),
  )

test('any event survives NDJSON byte for byte', () => {
  const rec = createRecord()
  fc.assert(
    fc.property(anyEvent, bytes => {
      attachBytes(rec, bytes)
      assert.equal(readRecord(rec, 0, bytes.length), bytes.length)
      let text = ''
      new NdjsonWriter(line => {
        text += line
      }).event(rec)
      const { sink, problems } = parse(text)
      assert.deepEqual(problems, [])
      assert.equal(sink.events[0]?.bytes, bytes.toString('latin1'), text)
    }),
    { numRuns: 2000 },
  )
})

const readCases: readonly {
  readonly name: string
  readonly line: string
  readonly check: (record: EventRecord) => void
}[] = [
  {
    name: 'flags may be names',
    line: '{"type":"openat","tid":1,"args":{"fd":3,"name":"/etc/shadow","flags":"O_RDWR|O_CREAT"}}',
    check: record => {
      assert.equal(record.type, 307)
      assert.equal(paramText(record, 2), '/etc/shadow')
      assert.equal(paramInteger(record, 3), 7)
    },
  },
  {
    name: 'modes may be octal',
    line: '{"type":"chmod","tid":1,"args":{"res":0,"filename":"/x","mode":"04755"}}',
    check: record => assert.equal(paramInteger(record, 2), 0o4755),
  },
  {
    name: 'an argument that is left out is empty',
    line: '{"type":"openat","tid":1,"args":{"fd":3}}',
    check: record => {
      assert.equal(record.paramCount, 7)
      assert.equal(paramText(record, 2), undefined)
    },
  },
  {
    name: 'a tuple is readable text',
    line: '{"type":"connect","tid":1,"args":{"res":0,"tuple":"10.0.0.1:5000->1.2.3.4:443","fd":3}}',
    check: record => {
      const tuple = new SockTuple()
      assert.ok(paramSocktuple(record, 1, tuple))
      assert.deepEqual([tuple.sip, tuple.sport, tuple.dip, tuple.dport], [0x0a000001, 5000, 0x01020304, 443])
    },
  },
  {
    name: 'IPv6 is understood with and without brackets',
    line: '{"type":"connect","tid":1,"args":{"res":0,"tuple":"[::1]:5000->::1:443","fd":3}}',
    check: record => {
      const tuple = new SockTuple()
      assert.ok(paramSocktuple(record, 1, tuple))
      assert.deepEqual([tuple.sip, tuple.sport, tuple.dport], [`${'\0'.repeat(15)}\x01`, 5000, 443])
    },
  },
  {
    name: 'a unix tuple has kernel addresses and a path',
    line: '{"type":"connect","tid":1,"args":{"tuple":"unix:0->ffff88003c420800 /run/x"}}',
    check: record => {
      const tuple = new SockTuple()
      assert.ok(paramSocktuple(record, 1, tuple))
      assert.deepEqual([tuple.family, tuple.unixDest, tuple.path], [1, 0xffff88003c420800n, '/run/x'])
    },
  },
  {
    name: 'lists of arguments are lists',
    line: '{"type":"execve","tid":1,"args":{"res":0,"exe":"ls","args":["-l","/tmp",""]}}',
    check: record => assert.deepEqual(paramStrings(record, 2), ['-l', '/tmp', '']),
  },
  {
    name: 'bytes may be base64',
    line: '{"type":"write","tid":1,"args":{"data":{"base64":"/wA="}}}',
    check: record => assert.equal(paramByteText(record, 1), '\xff\0'),
  },
  {
    name: 'text is UTF-8',
    line: '{"type":"mkdir","tid":1,"args":{"path":"/ä"}}',
    check: record => assert.equal(paramText(record, 1), '/\xc3\xa4'),
  },
  {
    name: 'numbers beyond 2^53 are exact',
    line: '{"type":"openat","tid":1,"ts":1795287885191095115,"args":{"ino":18446744073709551615}}',
    check: record => {
      assert.equal(record.tsNs, 1795287885191095115n)
      assert.equal(paramInteger(record, 6), 18446744073709551615n)
    },
  },
  {
    name: 'a system call without an event of its own is the generic event',
    line: '{"type":"getrandom","tid":1}',
    check: record => {
      assert.equal(record.type, 1)
      assert.equal(paramInteger(record, 0), 318)
    },
  },
  {
    name: 'an enter event that still exists is named by its direction',
    line: '{"type":"open","dir":">","tid":1,"args":{"name":"/x"}}',
    check: record => assert.equal(record.type, 2),
  },
  {
    name: 'a signed parameter may be negative',
    line: '{"type":"connect","tid":1,"args":{"res":-115}}',
    check: record => assert.equal(paramInteger(record, 0), -115),
  },
  {
    name: 'a poll list has fds and flags',
    line: '{"type":"poll","tid":1,"args":{"fds":[{"fd":3,"flags":"POLLIN|POLLOUT"}]}}',
    check: record => assert.equal(paramByteText(record, 1), '\x01\0\x03\0\0\0\0\0\0\0\x05\0'),
  },
  {
    name: 'a value of several types says which',
    line: '{"type":"ptrace","tid":1,"args":{"addr":{"type":"UINT64","value":"0xff"},"request":"PTRACE_ATTACH"}}',
    check: record => assert.equal(paramByteText(record, 1), '\0\xff\0\0\0\0\0\0\0'),
  },
]

for (const c of readCases) {
  test(`NDJSON: ${c.name}`, () => {
    let seen = 0
    const { problems } = parse(c.line, record => {
      seen++
      c.check(record)
    })
    assert.deepEqual(problems, [])
    assert.equal(seen, 1)
  })
}

const badLines: readonly { readonly name: string; readonly line: string; readonly want: RegExp }[] = [
  { name: 'no JSON', line: '{"type":', want: /^no JSON: / },
  { name: 'no object', line: '[1]', want: /^\[1\] is no object$/ },
  { name: 'neither event nor state', line: '{"tid":1}', want: /^neither `type` nor `kind` is there$/ },
  {
    name: 'an unknown event',
    line: '{"type":"opennat","tid":1}',
    want: /^unknown event "opennat": did you mean `openat`\?$/,
  },
  { name: 'an unknown kind', line: '{"kind":"proces"}', want: /^unknown kind `proces`/ },
  { name: 'no thread', line: '{"type":"openat"}', want: /^`tid` is no whole number$/ },
  { name: 'a fraction of a thread', line: '{"type":"openat","tid":1.5}', want: /^`tid` is no whole number$/ },
  {
    name: 'an unknown parameter',
    line: '{"type":"openat","tid":1,"args":{"flag":1}}',
    want: /^`openat` has no parameter "flag": did you mean `flags`\?$/,
  },
  {
    name: 'an unknown flag',
    line: '{"type":"openat","tid":1,"args":{"flags":"O_RDNOLY"}}',
    want: /^`flags`: "O_RDNOLY" is no whole number or known name$/,
  },
  {
    name: 'a number that does not fit',
    line: '{"type":"openat","tid":1,"args":{"flags":4294967296}}',
    want: /^`flags`: 4294967296 does not fit an unsigned number of 32 bits$/,
  },
  {
    name: 'a tuple of both families',
    line: '{"type":"connect","tid":1,"args":{"tuple":"1.2.3.4:1->::1:2"}}',
    want: /^`tuple`: "1\.2\.3\.4:1->::1:2" is no tuple/,
  },
  { name: 'a negative time', line: '{"type":"openat","tid":1,"ts":-1}', want: /^`ts` is no number of nanoseconds$/ },
  {
    name: 'an old enter event',
    line: '{"type":"read","dir":">","tid":1}',
    want: /^`read` has no enter event any more$/,
  },
  { name: 'a process without thread', line: '{"kind":"process","pid":1}', want: /^`tid` is missing$/ },
  { name: 'a wrong address', line: '{"kind":"interface","address":"1.2.3"}', want: /^`address` is no address$/ },
  {
    name: 'a member of the prototype',
    line: '{"type":"openat","tid":1,"args":{"constructor":1}}',
    want: /no parameter/,
  },
  { name: 'an event named like one', line: '{"type":"constructor","tid":1}', want: /^unknown event "constructor"/ },
  { name: 'bytes that are not UTF-8', line: '\xff', want: /^is not UTF-8$/ },
  { name: 'nesting without end', line: `{"a":${'['.repeat(200_000)}1234567890123456789`, want: /^no JSON/ },
  {
    name: 'a parameter beyond 64 KiB',
    line: `{"type":"write","tid":1,"args":{"data":"${'x'.repeat(70_000)}"}}`,
    want: /^`data`: 70000 bytes, 65535 are allowed$/,
  },
]

for (const c of badLines) {
  test(`NDJSON: ${c.name} is reported with its line, and the next line is read`, () => {
    const good = '{"type":"close","tid":1,"args":{"fd":3}}\n'
    const { problems, badLines, events, lines } = parse(Buffer.from(`${good}\n${c.line}\n${good}`, 'latin1'))
    assert.equal(problems[0]?.line, 3)
    assert.match(problems[0].message, c.want)
    assert.deepEqual([badLines, events, lines], [1, 2, 4])
  })
}

test('a line that never ends is bounded and counted', () => {
  const sink = new CollectingSink()
  const parser = new NdjsonParser(sink)
  const piece = Buffer.alloc(1024 * 1024, 0x20)
  for (let i = 0; i < 20; i++) parser.push(piece)
  parser.push(Buffer.from('\n{"type":"close","tid":1}'))
  parser.end()
  assert.match(parser.summary().problems[0]?.message ?? '', /^longer than/)
  assert.equal(sink.events.length, 1)
})

test('pieces of any size give the same events', () => {
  const text = '{"type":"close","tid":1,"ts":5,"args":{"fd":3}}\r\n\n{"type":"nope"}\n{"type":"close","tid":2}'
  const whole = parse(text)
  assert.equal(whole.events, 2)
  for (let size = 1; size < 60; size++) {
    const sink = new CollectingSink()
    const parser = new NdjsonParser(sink)
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += size) parser.push(Buffer.from(bytes.subarray(at, at + size)))
    parser.end()
    assert.deepEqual(sink.events, whole.sink.events)
    assert.deepEqual(parser.summary().problems, whole.problems)
  }
})

test('events without time follow each other', () => {
  const times: bigint[] = []
  parse('{"type":"close","tid":1,"ts":"7"}\n{"type":"close","tid":1}\n', record => times.push(record.tsNs))
  assert.deepEqual(times, [7n, 8n])
})

test('any text is read as events or problems', () => {
  const words = [
    '{',
    '}',
    '"',
    ':',
    ',',
    '[',
    ']',
    'type',
    'kind',
    'openat',
    'process',
    'args',
    'tid',
    '1',
    'null',
    '\\u0000',
  ]
  const soup = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 5 })), { maxLength: 40 })
  const values = fc.record(
    {
      type: fc.constantFrom('openat', 'connect', 'execve', 'poll', 'ptrace', 'asyncevent', 'getpid'),
      tid: fc.oneof(fc.nat(), fc.jsonValue()),
      ts: fc.jsonValue(),
      cpu: fc.jsonValue(),
      nparams: fc.jsonValue(),
      args: fc.dictionary(
        fc.constantFrom('fd', 'name', 'flags', 'tuple', 'addr', 'args', 'fds', 'data', 'ID'),
        fc.jsonValue(),
      ),
    },
    { requiredKeys: ['type', 'tid'] },
  )
  const states = fc.record({
    kind: fc.constantFrom('machine', 'interface', 'user', 'group', 'process', 'fd', 'reset'),
    tid: fc.jsonValue(),
    fd: fc.jsonValue(),
    type: fc.jsonValue(),
    name: fc.jsonValue(),
    args: fc.jsonValue(),
    address: fc.jsonValue(),
    exeWritable: fc.jsonValue(),
  })
  const line = fc.oneof(
    soup.map(parts => parts.join('')),
    values.map(value => JSON.stringify(value)),
    states.map(value => JSON.stringify(value)),
  )
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), lines => {
      const { events, badLines, lines: count, sink } = parse(lines.join('\n'))
      assert.ok(events + badLines + sink.state.length <= count)
    }),
    { numRuns: 1000 },
  )
})

test('an unreadable file is an error of the summary', async () => {
  const summary = await readNdjson('/nonexistent/file', new CollectingSink())
  assert.equal(summary.error?.code, 'io')
})

test('a sink that wants no more ends reading', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-'))
  try {
    const path = join(folder, 'events.jsonl')
    writeFileSync(path, '{"type":"close","tid":1}\n'.repeat(1000))
    const sink = new CollectingSink(() => sink.events.length < 3)
    const summary = await readNdjson(path, sink)
    assert.deepEqual([summary.events, summary.stopped], [3, true])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
