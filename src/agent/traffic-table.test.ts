import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadBindingsFile } from '../domains/bindings-file.ts'
import { NameIndex } from '../domains/name-index.ts'
import { openSource } from '../events/open-source.ts'
import { HostState, stateSink } from '../state/host-state.ts'
import { renderIp } from '../values/ip.ts'
import { type TrafficRow, TrafficTable } from './traffic-table.ts'

const sample = (name: string): string => fileURLToPath(new URL(`../../samples/${name}`, import.meta.url))

async function trafficOf(name: string): Promise<readonly TrafficRow[]> {
  const names = new NameIndex()
  await loadBindingsFile(sample('names.ndjson'), names)
  const state = new HostState()
  state.current.names = names
  const table = new TrafficTable()
  const sink = stateSink(state, current => {
    table.add(current)
    return true
  })
  await (await openSource(sample(name))).read(sink)
  return table.rows
}

test('both ends of a connection on one host count the same bytes', async () => {
  const rows = await trafficOf('network.scap')
  const find = (direction: 'in' | 'out'): TrafficRow | undefined =>
    rows.find(row => row.direction === direction && row.port === 19001 && row.protocol === 'tcp')
  const [client, server] = [find('out'), find('in')]
  assert.ok(client && server)
  assert.equal(client.connections, 60)
  assert.equal(server.connections, 60)
  assert.equal(client.bytesOut, server.bytesIn)
  assert.equal(client.bytesIn, server.bytesOut)
})

test('an address is called by the name it had then', async () => {
  const rows = await trafficOf('network.scap')
  const named = rows.filter(row => renderIp(row.ip) === '198.51.100.99').map(row => [row.port, row.name])
  assert.deepEqual(named.sort(), [
    [443, 'xmr-eu1.nanopool.org'],
    [80, 'updates.example'],
  ])
})

test('UDP connects are no connections', async () => {
  const rows = await trafficOf('network.scap')
  assert.ok(rows.every(row => row.connections === 0 || row.protocol === 'tcp'))
})
