import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { attachBytes, createRecord, readRecord } from '../events/decode-record.ts'
import { paramToJson } from '../events/ndjson/param-json.ts'
import { makeOwnEvent, ownEventData, ownEventName } from '../events/own-event.ts'
import { RecordedFiles } from './recorded-files.ts'

const DEADLINE_MS = 120_000

test('recorded files: those of the host, and of each mount namespace that shows itself', async t => {
  const proc = mkdtempSync(join(tmpdir(), 'tiercel-recorded-'))
  t.after(() => rmSync(proc, { recursive: true }))
  for (const [pid, mntns] of [
    [1, 4026531841],
    [7, 4026532207],
  ] as const) {
    mkdirSync(join(proc, `${pid}/ns`), { recursive: true })
    symlinkSync(`mnt:[${mntns}]`, join(proc, `${pid}/ns/mnt`))
    mkdirSync(join(proc, `${pid}/root/etc`), { recursive: true })
    writeFileSync(join(proc, `${pid}/root/etc/resolv.conf`), 'nameserver 10.0.0.2\n')
    writeFileSync(join(proc, `${pid}/root/etc/hosts`), '192.0.2.1 shop.example\n')
    writeFileSync(join(proc, `${pid}/root/etc/passwd`), 'app:x:1001:1002::/home/app:/bin/sh\n')
    writeFileSync(join(proc, `${pid}/root/etc/group`), 'apps:x:1002:\n')
    writeFileSync(join(proc, `${pid}/cgroup`), pid === 1 ? '0::/init.scope\n' : `0::/docker/${'ab'.repeat(32)}\n`)
  }
  const files = new RecordedFiles({ procRoot: proc, intervalMs: 50 })
  t.after(() => files.close())
  // As sources do: one record for all events.
  const record = createRecord()
  const tell = (tid: number, mntns: number): void => {
    const { bytes } = makeOwnEvent({ name: 'tiercel_namespaces', data: `1 ${mntns}`, tid, tsNs: 1n })
    attachBytes(record, bytes)
    readRecord(record, 0, bytes.length)
    files.see(record)
  }
  tell(1, 4026531841)
  tell(9, 4026531841)
  tell(7, 4026532207)
  tell(1, 4026531841)
  const taken: string[] = []
  const endMs = Date.now() + DEADLINE_MS
  while (taken.length < 5) {
    assert.ok(Date.now() < endMs, taken.join())
    await new Promise(resolve => setTimeout(resolve, 10))
    for (const record of files.take(5n)) {
      const own = ownEventName(record)
      if (own !== undefined) taken.push(`${own} ${ownEventData(record)} ${record.tsNs}`)
      else taken.push([record.info.name, ...record.info.params.map((_, i) => paramToJson(record, i))].join(' '))
    }
  }
  assert.deepEqual(taken.sort(), [
    'groupadded 1002 apps abababababab',
    'tiercel_hosts 4026532207\n192.0.2.1 shop.example\n 5',
    'tiercel_resolv_conf 0\n10.0.0.2 5',
    'tiercel_resolv_conf 4026532207\n10.0.0.2 5',
    'useradded 1001 1002 app /home/app /bin/sh abababababab',
  ])
})
