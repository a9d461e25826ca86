import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isDomainName, isLocalhostName, isPublicDomain, normaliseDomain, parseDomainPattern } from './domain-name.ts'
import { cpuMs } from './testing.ts'

const L63 = 'a'.repeat(63)
const N253 = `${L63}.${L63}.${L63}.${'b'.repeat(61)}`

const names: readonly { readonly name: string; readonly text: string; readonly want: string | undefined }[] = [
  { name: 'a canonical name stays', text: 'www.example.com', want: 'www.example.com' },
  { name: 'case is folded', text: 'WWW.Example.COM', want: 'www.example.com' },
  { name: 'the final dot goes', text: 'example.com.', want: 'example.com' },
  { name: 'only one final dot goes', text: 'example.com..', want: undefined },
  { name: 'a single label is a name', text: 'metadata', want: 'metadata' },
  { name: 'underscores are kept', text: '_DMARC._a.example.com', want: '_dmarc._a.example.com' },
  { name: 'hyphens may stand anywhere', text: '-r3---sn-.example.com', want: '-r3---sn-.example.com' },
  { name: 'IDN becomes A-labels', text: 'Bücher.example', want: 'xn--bcher-kva.example' },
  { name: 'IDN with a final dot', text: 'bücher.example.', want: 'xn--bcher-kva.example' },
  { name: 'the ideographic full stop is a dot', text: '日本語。jp。', want: 'xn--wgv71a119e.jp' },
  { name: 'sharp s is its own letter (IDNA 2008)', text: 'faß.de', want: 'xn--fa-hia.de' },
  { name: 'A-labels stay', text: 'XN--Bcher-Kva.example', want: 'xn--bcher-kva.example' },
  {
    name: 'an A-label that decodes to nothing stays, for DNS has such names',
    text: 'xn--a.example',
    want: 'xn--a.example',
  },
  { name: 'IDN beside an underscore', text: '_x.bücher.example', want: '_x.xn--bcher-kva.example' },
  { name: 'IPv4 text passes as a name', text: '192.0.2.1', want: '192.0.2.1' },
  { name: 'a label of 63 is right', text: `${L63}.com`, want: `${L63}.com` },
  { name: 'a label of 64 is none', text: `${L63}a.com`, want: undefined },
  { name: 'a name of 253 is right', text: N253, want: N253 },
  { name: 'a name of 253 and its final dot is right', text: `${N253}.`, want: N253 },
  { name: 'a name of 254 is none', text: `${N253}b`, want: undefined },
  { name: 'the empty text is none', text: '', want: undefined },
  { name: 'the root is none', text: '.', want: undefined },
  { name: 'a leading dot is none', text: '.example.com', want: undefined },
  { name: 'an empty label is none', text: 'a..example.com', want: undefined },
  { name: 'a blank is none', text: 'a b.com', want: undefined },
  { name: 'a star is none', text: '*.example.com', want: undefined },
  { name: 'a URL is none', text: 'http://example.com/', want: undefined },
  { name: 'a port is none', text: 'example.com:443', want: undefined },
  { name: 'a port after an IDN is none', text: 'bücher.example:443', want: undefined },
  { name: 'user information before an IDN is none', text: 'x@bücher.example', want: undefined },
  { name: 'a path after an IDN is none', text: 'bücher.example/x', want: undefined },
  { name: 'a full-width slash is none', text: 'bücher.example／x', want: undefined },
  { name: 'a percent sign is none', text: 'b%C3%BCcher.example', want: undefined },
  { name: 'an IPv6 address is none', text: '2001:db8::1', want: undefined },
  { name: 'a NUL is none', text: 'example\0.com', want: undefined },
  { name: 'a new line beside an IDN is none', text: 'bücher\n.example', want: undefined },
  { name: 'a lone surrogate is none', text: '\ud800.example', want: undefined },
]

for (const c of names) {
  test(`normaliseDomain: ${c.name}`, () => assert.equal(normaliseDomain(c.text), c.want))
}

test('normaliseDomain: what it gives is a domain name, and stays', () => {
  const label = fc.string({ unit: fc.constantFrom(...'aZ09-_äß語.。*/:@ '), maxLength: 20 })
  fc.assert(
    fc.property(fc.oneof(label, fc.string({ unit: 'binary', maxLength: 80 })), text => {
      const name = normaliseDomain(text)
      if (name === undefined) return
      assert.ok(isDomainName(name))
      assert.equal(normaliseDomain(name), name)
      assert.equal(normaliseDomain(`${name}.`), name)
    }),
    { numRuns: 2000 },
  )
})

test('normaliseDomain: text of a megabyte is refused at once', () => {
  const text = 'ü'.repeat(1 << 20)
  const start = cpuMs()
  for (let i = 0; i < 1000; i++) assert.equal(normaliseDomain(text), undefined)
  assert.ok(cpuMs() - start < 1000)
})

test('isDomainName: only the canonical form', () => {
  assert.equal(isDomainName('a.example'), true)
  for (const text of ['A.example', 'a.example.', '', 'ü.example', '*.example'])
    assert.equal(isDomainName(text), false, text)
})

test('parseDomainPattern: a name, or what is below one, normalised', () => {
  assert.deepEqual(parseDomainPattern('Example.com.'), { kind: 'exact', name: 'example.com' })
  assert.deepEqual(parseDomainPattern('*.example.com'), { kind: 'below', suffix: 'example.com' })
  assert.deepEqual(parseDomainPattern('*.BÜCHER.example.'), { kind: 'below', suffix: 'xn--bcher-kva.example' })
})

test('parseDomainPattern: a star elsewhere, alone or within a label is no pattern', () => {
  for (const text of ['*', '*.', 'a.*.com', 'a*.com', '*a.com', '**.com', '*.*.com', 'a.*']) {
    assert.equal(parseDomainPattern(text), undefined, text)
  }
})

test('isPublicDomain: names of this host or network and single labels are not public', () => {
  for (const name of ['example.com', 'localtest.me', 'a.b.co.uk', 'local.example.net'])
    assert.equal(isPublicDomain(name), true, name)
  for (const name of [
    'localhost',
    'db',
    'x.localhost',
    'printer.local',
    'metadata.google.internal',
    'kubernetes.default.svc.cluster.local',
    'router.home.arpa',
  ])
    assert.equal(isPublicDomain(name), false, name)
})

test('isLocalhostName: localhost and what is below it', () => {
  assert.equal(isLocalhostName('localhost'), true)
  assert.equal(isLocalhostName('api.localhost'), true)
  assert.equal(isLocalhostName('notlocalhost'), false)
  assert.equal(isLocalhostName('localhost.example'), false)
})
