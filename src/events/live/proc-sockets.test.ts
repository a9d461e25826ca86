import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SocketTables } from './proc-sockets.ts'

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const row = (ino: number): string =>
  `   0: 0100007F:1F90 0200007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 ${ino} 1\n`

test('a socket that is newer than the table is said to be asked for later, and then found', t => {
  const base = mkdtempSync(join(tmpdir(), 'tiercel-sockets-'))
  t.after(() => rmSync(base, { recursive: true, force: true }))
  for (const folder of ['ns', 'net']) mkdirSync(join(base, folder))
  symlinkSync('net:[1]', join(base, 'ns/net'))
  const file = join(base, 'net/tcp')
  writeFileSync(file, HEAD + row(11))
  let nowMs = 1000
  const tables = new SocketTables(() => nowMs)
  assert.equal(typeof tables.lookup(base, 'net:[1]', 11), 'object')
  writeFileSync(file, HEAD + row(11) + row(12))
  assert.equal(tables.lookup(base, 'net:[1]', 12), 'later')
  nowMs += 4
  assert.equal(tables.lookup(base, 'net:[1]', 12), 'later')
  nowMs += 1
  assert.deepEqual(tables.lookup(base, 'net:[1]', 12), {
    ...{ type: 3, sip: 0x7f000001, sport: 8080, dip: 0x7f000002, dport: 50000, l4proto: 2 },
  })
  nowMs += 5
  assert.equal(tables.lookup(base, 'net:[1]', 13), undefined, 'one that is in no table')
})
