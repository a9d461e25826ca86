import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIp, renderIp } from '../values/ip.ts'
import type { Ip } from '../values/value.ts'
import { Fd, FdType } from './fd.ts'
import { NetworkInterfaces } from './network-interfaces.ts'

const ip = (text: string): Ip => parseIp(text)!

function interfaces(...rows: readonly (readonly [address: string, netmask: string])[]): NetworkInterfaces {
  const network = new NetworkInterfaces()
  for (const [i, [address, netmask]] of rows.entries()) {
    network.add({ name: `if${i}`, address: ip(address), netmask: ip(netmask) })
  }
  return network
}

const host: NetworkInterfaces = interfaces(
  ['127.0.0.1', '255.0.0.0'],
  ['10.1.2.3', '255.255.255.0'],
  ['192.168.0.5', '255.255.0.0'],
  ['::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001:db8:1:2::5', 'ffff:ffff:ffff:ffff::'],
)

const local = [
  { name: 'an interface’s own IPv4 address', address: '10.1.2.3', want: true },
  { name: 'another address of its net', address: '10.1.2.4', want: false },
  { name: 'IPv6 in an interface’s /64', address: '2001:db8:1:2::99', want: true },
  { name: 'IPv6 of another /64', address: '2001:db8:1:3::5', want: false },
] as const

for (const c of local) {
  test(`isLocal: ${c.name}`, () => assert.equal(host.isLocal(ip(c.address)), c.want))
}

const completed = [
  { name: 'known ends stay', sip: '1.2.3.4', dip: '5.6.7.8', want: '1.2.3.4 5.6.7.8' },
  {
    name: 'an unset source is the interface of the peer’s net',
    sip: '0.0.0.0',
    dip: '10.1.2.9',
    want: '10.1.2.3 10.1.2.9',
  },
  { name: 'an unset destination, too', sip: '192.168.9.9', dip: '0.0.0.0', want: '192.168.9.9 192.168.0.5' },
  { name: 'for a far peer the first that is not loopback', sip: '0.0.0.0', dip: '8.8.8.8', want: '10.1.2.3 8.8.8.8' },
  { name: 'for one’s own address that address', sip: '0.0.0.0', dip: '10.1.2.3', want: '10.1.2.3 10.1.2.3' },
  { name: 'for loopback loopback', sip: '0.0.0.0', dip: '127.0.0.1', want: '127.0.0.1 127.0.0.1' },
  {
    name: 'unless both ends would be the same',
    sip: '0.0.0.0',
    dip: '127.0.0.1',
    ports: 53,
    want: '0.0.0.0 127.0.0.1',
  },
  { name: 'IPv6 by its /64', sip: '::', dip: '2001:db8:1:2::9', want: '2001:db8:1:2::5 2001:db8:1:2::9' },
  { name: 'IPv6 of a far peer', sip: '::', dip: '2600::1', want: '2001:db8:1:2::5 2600::1' },
  { name: 'IPv6 loopback', sip: '::', dip: '::1', want: '::1 ::1' },
] as const

for (const c of completed) {
  test(`completeTuple: ${c.name}`, () => {
    const fd = new Fd(3, typeof ip(c.sip) === 'number' ? FdType.ipv4 : FdType.ipv6)
    fd.sip = ip(c.sip)
    fd.dip = ip(c.dip)
    fd.sport = 'ports' in c ? c.ports : 1
    fd.dport = 'ports' in c ? c.ports : 2
    host.completeTuple(fd)
    assert.equal(`${renderIp(fd.sip)} ${renderIp(fd.dip)}`, c.want)
  })
}

test('without interfaces an unset end stays unset', () => {
  const fd = new Fd(3, FdType.ipv4)
  fd.sip = 0
  fd.dip = ip('8.8.8.8')
  fd.sport = 1
  new NetworkInterfaces().completeTuple(fd)
  assert.equal(fd.sip, 0)
  const unnamed = new Fd(3, FdType.unknown)
  new NetworkInterfaces().completeTuple(unnamed)
  assert.equal(unnamed.sip, undefined)
})

test('4,096 interfaces are kept, more are counted', () => {
  const network = new NetworkInterfaces()
  for (let i = 0; i < 5000; i++) network.add({ name: 'x', address: 0x0a000000 + i, netmask: 0xffffff00 })
  assert.equal(network.list.length, 4096)
  assert.equal(network.dropped, 904)
  assert.equal(network.isLocal(0x0a000000 + 4095), true)
  assert.equal(network.isLocal(0x0a000000 + 4096), false)
  network.clear()
  assert.equal(network.isLocal(0x0a000000), false)
})
