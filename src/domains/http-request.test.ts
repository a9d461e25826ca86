import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type RequestResult, readHttpRequest } from './http-request.ts'

function read(text: string): RequestResult {
  const bytes = Buffer.from(text, 'latin1')
  return readHttpRequest(bytes, 0, bytes.length)
}

const host = (name: string | undefined, isForProxy = false): RequestResult => ({ host: name, isForProxy })

const cases: readonly { readonly name: string; readonly text: string; readonly want: RequestResult }[] = [
  { name: 'a request', text: 'GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n', want: host('shop.example') },
  {
    name: 'the header in any case and place, with a port',
    text: 'POST /x HTTP/1.1\r\nA: b\r\nhOST:shop.example:8080 \r\n',
    want: host('shop.example'),
  },
  { name: 'plain line feeds', text: 'HEAD / HTTP/1.0\nHost: shop.example\n\n', want: host('shop.example') },
  { name: 'no host', text: 'GET / HTTP/1.0\r\n\r\n', want: host(undefined) },
  { name: 'an address in brackets', text: 'GET / HTTP/1.1\r\nHost: [::1]:80\r\n', want: host(undefined) },
  {
    name: 'a request to a proxy',
    text: 'GET http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n',
    want: host('shop.example', true),
  },
  {
    name: 'a tunnel through a proxy',
    text: 'CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n',
    want: host('shop.example', true),
  },
  { name: 'the host is still to come', text: 'GET / HTTP/1.1\r\nAccept: *', want: 'more' },
  { name: 'the host is not over', text: 'GET / HTTP/1.1\r\nHost: shop.exa', want: 'more' },
  { name: 'a method begins', text: 'GE', want: 'more' },
  { name: 'nothing yet', text: '', want: 'more' },
  { name: 'the preface of HTTP/2', text: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', want: 'none' },
  { name: 'another protocol', text: 'SSH-2.0-OpenSSH_9.6\r\n', want: 'none' },
  { name: 'something like a request', text: 'GET me out\r\nHost: shop.example\r\n', want: 'none' },
  { name: 'a head without an end', text: `GET / HTTP/1.1\r\nA: ${'a'.repeat(9000)}`, want: 'none' },
]
for (const c of cases) test(`HTTP request: ${c.name}`, () => assert.deepEqual(read(c.text), c.want))

test('HTTP request: every beginning wants more until the host is there', () => {
  const text = 'GET /index.html HTTP/1.1\r\nAccept: */*\r\nHost: shop.example\r\n'
  for (let end = 0; end < text.length; end++) assert.equal(read(text.slice(0, end)), 'more', `after ${end} bytes`)
  assert.deepEqual(read(text), host('shop.example'))
})

test('HTTP request: text of any kind ends in an answer', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), text => {
      read(`GET / HTTP/1.1\r\n${text}`)
      read(text)
    }),
    { numRuns: 1000 },
  )
})
