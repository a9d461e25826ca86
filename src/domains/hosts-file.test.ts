import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderIp } from '../values/ip.ts'
import { parseHostsFile } from './hosts-file.ts'
import { NameIndex } from './name-index.ts'

const show = (text: string): string[] => [...parseHostsFile(text)].map(({ name, ip }) => `${name} ${renderIp(ip)}`)

const cases: readonly { readonly name: string; readonly text: string; readonly want: readonly string[] }[] = [
  {
    name: 'names and aliases',
    text: '192.0.2.1 shop.example shop # ours\n',
    want: ['shop.example 192.0.2.1', 'shop 192.0.2.1'],
  },
  {
    name: 'tabs, blanks, Windows line ends, no end',
    text: '\t192.0.2.1\tshop.example  \r\n\r\n::1 ip6-localhost',
    want: ['shop.example 192.0.2.1', 'ip6-localhost ::1'],
  },
  { name: 'comments and lines without a name', text: '# 192.0.2.1 a\n192.0.2.1\n192.0.2.1 #b\n', want: [] },
  {
    name: 'a mapped address, and one with a zone',
    text: '::ffff:192.0.2.1 a\nfe80::1%lo0 b',
    want: ['a 192.0.2.1', 'b fe80::1'],
  },
  { name: 'lines of block-lists bind nothing', text: '0.0.0.0 ads.example\n:: ads.example\n', want: [] },
  { name: 'what is no address', text: 'shop.example 192.0.2.1\n192.0.2.256 a\n', want: [] },
]
for (const c of cases) test(`hosts file: ${c.name}`, () => assert.deepEqual(show(c.text), c.want))

test('hosts file: a huge one is read to its bound', () => {
  assert.equal(show('192.0.2.1 a b c d e\n'.repeat(20_000)).length, 50_000)
})

test('hosts file: a container sees its own beside the host’s, the host only its own', () => {
  const index = new NameIndex()
  for (const fact of parseHostsFile('192.0.2.1 host.example')) index.learn(fact, 0)
  for (const fact of parseHostsFile('192.0.2.1 pod.example', 'aaaaaaaaaaaa')) index.learn(fact, 0)
  const rec = { view: new DataView(new ArrayBuffer(8)), start: 0 }
  assert.deepEqual(index.namesOf(0xc0000201, { rec, thread: { pid: 1, containerId: 'aaaaaaaaaaaa' } }), [
    'host.example',
    'pod.example',
  ])
  assert.deepEqual(index.namesOf(0xc0000201, { rec, thread: { pid: 1, containerId: '' } }), ['host.example'])
})
