import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NameListParser, type NameListOptions, type ParsedNameList } from './parse-name-list.ts'

const SEED = 1

function parse(text: string | Buffer, options: Partial<NameListOptions> = {}, pieceBytes = 65_536): ParsedNameList {
  const parser = new NameListParser({ format: 'auto', match: 'exact', seed: SEED, ...options })
  const bytes = Buffer.from(text as string)
  for (let at = 0; at < bytes.length; at += pieceBytes) parser.push(bytes.subarray(at, at + pieceBytes))
  return parser.end()
}

interface Case {
  readonly name: string
  readonly text: string | readonly string[]
  readonly options?: Partial<NameListOptions>
  readonly holds?: readonly string[]
  readonly lacks?: readonly string[]
  readonly report?: Partial<ParsedNameList['report']>
  readonly refused?: readonly (readonly [line: number, reason: string])[]
}

const cases: readonly Case[] = [
  {
    name: 'one name a line, in any spelling',
    text: ['bad.example', 'WORSE.Example.', ' indented.example\t', '_dmarc.bad.example'],
    holds: ['bad.example', 'worse.example', 'indented.example', '_dmarc.bad.example'],
    lacks: ['example', 'www.bad.example'],
    report: { format: 'plain', names: 4, lines: 4, refused: 0 },
  },
  {
    name: 'comments and empty lines',
    text: ['# a list', '', '; of names', '// all of them', 'bad.example # the first', '   ', 'worse.example#'],
    holds: ['bad.example', 'worse.example'],
    report: { names: 2, refused: 0, lines: 7 },
  },
  {
    name: 'a byte order mark, CRLF, and no newline at the end',
    text: '\uFEFFbad.example\r\nworse.example\r\nlast.example',
    holds: ['bad.example', 'worse.example', 'last.example'],
    report: { names: 3, refused: 0 },
  },
  {
    name: 'stars and dots in front',
    text: ['*.below.example', '.both.example'],
    holds: ['x.below.example', 'x.y.below.example', 'both.example', 'x.both.example'],
    lacks: ['below.example', 'xboth.example'],
    report: { names: 2 },
  },
  {
    name: 'with subdomains, a name stands for all below it',
    text: ['bad.example', '*.below.example'],
    options: { match: 'subdomains' },
    holds: ['bad.example', 'x.bad.example', 'x.below.example'],
    lacks: ['xbad.example', 'below.example'],
  },
  {
    name: 'letters outside ASCII become A-labels',
    text: ['bücher.example', '*.例え.example', 'faß.example'],
    holds: ['xn--bcher-kva.example', 'x.xn--r8jz45g.example', 'xn--fa-hia.example'],
    report: { names: 3, refused: 0 },
  },
  {
    name: 'the same name twice is one',
    text: ['bad.example', 'BAD.example.', 'bad.example'],
    report: { names: 1, lines: 3, refused: 0 },
  },
  {
    name: 'what is no name, each with its line',
    text: [
      'good.example',
      'two names.example',
      'a..b.example',
      'http://bad.example/',
      '192.0.2.1',
      '2001:db8::1',
      `${'x'.repeat(64)}.example`,
      `${'x.'.repeat(130)}example`,
      '.',
      '*',
      'a.*.example',
      'also.good.example',
    ],
    options: { format: 'plain' },
    holds: ['good.example', 'also.good.example'],
    report: { names: 2, refused: 10, lines: 12 },
    refused: [
      [2, 'more than a name'],
      [3, 'not a domain name'],
      [4, 'not a domain name'],
      [5, 'an address, not a name'],
      [6, 'not a domain name'],
    ],
  },
  {
    name: 'digits of other scripts do not smuggle an address in',
    text: ['１９２.0.2.1', 'good.example'],
    report: { names: 1, refused: 1 },
    refused: [[1, 'an address, not a name']],
  },
  {
    name: 'localhost is nobody’s threat',
    text: ['localhost', 'x.localhost', 'bad.example'],
    lacks: ['localhost', 'x.localhost'],
    report: { names: 1, ignored: 2, refused: 0 },
  },
  {
    name: 'a hosts file',
    text: [
      '# hosts',
      '127.0.0.1 localhost',
      '127.0.0.1 localhost.localdomain',
      '255.255.255.255 broadcasthost',
      '::1 ip6-localhost ip6-loopback',
      '0.0.0.0 0.0.0.0',
      '0.0.0.0 bad.example worse.example # two',
      '127.0.0.1\tWORST.example',
      '::\tsix.example',
      '0 zero.example',
      '192.168.1.9 printer.lan',
      '192.0.2.7 elsewhere.example',
    ],
    holds: ['bad.example', 'worse.example', 'worst.example', 'six.example', 'zero.example'],
    lacks: ['printer.lan', 'elsewhere.example', 'localhost.localdomain', 'broadcasthost', 'x.bad.example'],
    report: { format: 'hosts', names: 5, refused: 0, ignored: 7 },
  },
  {
    name: 'a hosts file with lines that are none',
    text: ['0.0.0.0 bad.example', '0.0.0.0', 'worse.example 0.0.0.0', '0.0.0.0 a..b'],
    options: { format: 'hosts' },
    holds: ['bad.example'],
    report: { names: 1, refused: 3 },
    refused: [
      [2, 'an address without a name'],
      [3, 'not a line of a hosts file: no address comes first'],
      [4, 'not a domain name'],
    ],
  },
  {
    name: 'a response policy zone',
    text: [
      '$TTL 300 ; seconds',
      '@ IN SOA ns.example. root.example. (',
      '   2026112101 ; serial',
      '   3600 600 86400 300 )',
      '  IN NS ns.example.',
      'bad.example CNAME .',
      '*.bad.example 60 IN CNAME .',
      'nodata.example CNAME *.',
      'drop.example CNAME rpz-drop.',
      'walled.example A 192.0.2.9',
      '        TXT "see ; the (wall"',
      '*.zone.example CNAME .',
      'good.zone.example CNAME rpz-passthru.',
      '*.good.zone.example CNAME rpz-passthru.',
      'slow.example CNAME rpz-tcp-only.',
      '24.0.2.0.192.rpz-ip CNAME .',
      'ns.bad.example.rpz-nsdname CNAME .',
      '32.1.2.0.192.rpz-client-ip CNAME rpz-drop.',
      'old.example CNAME old.example.',
    ],
    holds: ['bad.example', 'x.bad.example', 'nodata.example', 'drop.example', 'walled.example', 'x.zone.example'],
    lacks: [
      'x.walled.example',
      'zone.example',
      'good.zone.example',
      'x.good.zone.example',
      'slow.example',
      'old.example',
      'ns.example',
    ],
    report: { format: 'rpz', refused: 0, ignored: 6 },
  },
  {
    name: 'a zone with absolute names and origins below its own',
    text: [
      '$ORIGIN rpz.local.',
      '@ SOA a. b. 1 1 1 1 1',
      'bad.example.rpz.local. CNAME .',
      'BAD2.Example.RPZ.local. CNAME .',
      'rpz.local. NS a.',
      '$ORIGIN example.rpz.local.',
      'third CNAME .',
      '*.fourth CNAME .',
      '$ORIGIN elsewhere.',
      'bad5.example. CNAME .',
      '$INCLUDE other.zone',
    ],
    holds: ['bad.example', 'bad2.example', 'third.example', 'x.fourth.example'],
    lacks: ['bad5.example'],
    report: { format: 'rpz', names: 4, refused: 3 },
    refused: [
      [9, 'an origin outside the zone'],
      [10, 'a name outside the zone'],
      [11, '`$INCLUDE`, which is not followed'],
    ],
  },
  {
    name: 'a zone with subdomains',
    text: ['bad.example CNAME .', 'ok.bad.example CNAME rpz-passthru.'],
    options: { format: 'rpz', match: 'subdomains' },
    holds: ['bad.example', 'x.bad.example'],
    lacks: ['ok.bad.example', 'x.ok.bad.example'],
  },
  {
    name: 'records that are none',
    text: ['bad.example', 'bad2.example 60 IN', 'bad3.example <html> x', 'a\\.b.example CNAME .', ') ) ( CNAME'],
    options: { format: 'rpz' },
    report: { names: 0, refused: 5 },
  },
  {
    name: 'a parenthesis that nothing closes does not swallow the zone',
    text: ['x TXT ( "a"', ...Array.from({ length: 65 }, () => 'y'), 'bad.example CNAME .'],
    options: { format: 'rpz' },
    holds: ['x', 'bad.example'],
    report: { names: 2, refused: 1 },
    refused: [[66, 'after a parenthesis that nothing closes']],
  },
  {
    name: 'an error page is no list',
    text: ['<!doctype html>', '<html>', '<p>503 Service Unavailable</p>', '</html>'],
    report: { format: 'plain', names: 0, refused: 4 },
  },
  {
    name: 'what is over the bound is left out',
    text: ['a.example', 'b.example', 'c.example', 'a.example'],
    options: { maxNames: 2 },
    holds: ['a.example', 'b.example'],
    lacks: ['c.example'],
    report: { names: 2, leftOut: 1, refused: 0 },
  },
  { name: 'nothing at all', text: '', report: { names: 0, lines: 0, refused: 0, format: 'plain' } },
  { name: 'a mark and nothing else', text: '\uFEFF', report: { names: 0, lines: 0, refused: 0 } },
]

for (const c of cases) {
  // Whatever the pieces, the list is the same.
  for (const pieceBytes of [65_536, 7, 1]) {
    test(`list: ${c.name}, in pieces of ${pieceBytes}`, () => {
      const text = typeof c.text === 'string' ? c.text : c.text.join('\n')
      const { list, report } = parse(text, c.options, pieceBytes)
      for (const name of c.holds ?? []) assert.ok(list.has(name), `it holds ${name}`)
      for (const name of c.lacks ?? []) assert.ok(!list.has(name), `it does not hold ${name}`)
      assert.partialDeepStrictEqual(report, c.report ?? {})
      if (c.refused !== undefined) {
        assert.deepEqual(
          report.firstRefused.map(({ line, reason }) => [line, reason]),
          c.refused,
        )
      }
    })
  }
}

test('list: a refused line is shown without what a terminal would obey', () => {
  const { report } = parse('\u001b[2J\u202e evil\n', { format: 'plain' })
  assert.deepEqual(report.firstRefused, [{ line: 1, reason: 'more than a name', text: '�[2J� evil' }])
})

test('list: a refused line is cut short', () => {
  const { report } = parse(`${'é'.repeat(3000)} x\n`, { format: 'plain' })
  assert.equal(report.firstRefused[0]!.text, `${'é'.repeat(59)}…`)
})

test('list: bytes that are no UTF-8 are refused', () => {
  const bytes = Buffer.concat([Buffer.from('b'), Buffer.from([0xff, 0xfe]), Buffer.from('.example\ngood.example\n')])
  const { list, report } = parse(bytes)
  assert.deepEqual(
    report.firstRefused.map(({ reason }) => reason),
    ['not UTF-8'],
  )
  assert.ok(list.has('good.example'))
})

test('list: a line without an end takes no memory', () => {
  const parser = new NameListParser({ format: 'plain', match: 'exact', seed: SEED })
  const piece = Buffer.alloc(65_536, 0x61)
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 2000; i++) parser.push(piece)
  parser.push(Buffer.from('\ngood.example\n'))
  const { list, report } = parser.end()
  assert.ok(process.memoryUsage().arrayBuffers - before < 12_000_000)
  assert.deepEqual([report.lines, report.refused, report.names], [2, 1, 1])
  assert.equal(report.firstRefused[0]!.reason, 'longer than 4096 bytes')
  assert.ok(list.has('good.example'))
})

test('list: whatever the bytes and pieces, it ends, and says the same', () => {
  const word = fc.constantFrom(
    'a.example',
    '*.b.example',
    '.',
    '0.0.0.0',
    'CNAME',
    '.',
    '(',
    ')',
    '"',
    ';',
    '#',
    '\\',
    '$ORIGIN',
    '$TTL',
    '@',
    'rpz-passthru.',
    'IN',
    '\n',
    '\n',
    '\r',
    ' ',
    '\t',
    'ü.example',
    '\uFEFF',
    '\0',
    'x'.repeat(5000),
    'SOA',
    '::1',
  )
  const text = fc.oneof(
    fc.array(word, { maxLength: 80 }).map(words => Buffer.from(words.join(' '))),
    fc.array(word, { maxLength: 80 }).map(words => Buffer.from(words.join(''))),
    fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
  )
  const format = fc.constantFrom('auto', 'plain', 'hosts', 'rpz') as fc.Arbitrary<NameListOptions['format']>
  fc.assert(
    fc.property(text, format, fc.integer({ min: 1, max: 40 }), (bytes, one, pieceBytes) => {
      const whole = parse(bytes, { format: one })
      const { report } = parse(bytes, { format: one }, pieceBytes)
      assert.deepEqual(report, whole.report)
      assert.equal(whole.list.size, report.names)
      // What is none of these does not pass.
      assert.ok(!whole.list.has('') && !whole.list.has('192.0.2.1'))
    }),
    { numRuns: 500 },
  )
})
