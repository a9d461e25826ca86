import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { renderBinding } from '../domains/bindings-file.ts'
import { parseIp } from '../values/ip.ts'
import type { SavedNamesPart } from '../wire/agent-messages.ts'
import { NameStore } from './name-store.ts'

const T0_MS = 1_777_888_800_000

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-names-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

function storeAt(path: string): { readonly store: NameStore; readonly troubles: string[] } {
  const troubles: string[] = []
  const store = new NameStore({
    path,
    now: () => T0_MS,
    onTrouble: message => troubles.push(message),
    bootId: 'this',
    startOf: pid => pid * 10,
  })
  return { store, troubles }
}

function part(names: readonly string[], more: Partial<SavedNamesPart> = {}): SavedNamesPart {
  const text = names.map(
    name =>
      `${renderBinding({ name, ip: parseIp('192.0.2.1')!, evidence: 'observed', fromMs: T0_MS, ttlSec: 30, untilMs: T0_MS + 1e6, owner: { pid: 7 } })}\n`,
  )
  return { kind: 'saved-names', isFirst: true, isLast: true, text: text.join(''), pids: [7], ...more }
}

const namesIn = (path: string): readonly string[] =>
  storeAt(path)
    .store.restore()
    .map(fact => fact.name)

test('name store: what was saved in parts is restored, for its owner only', async t => {
  const path = join(folderOf(t), 'deep', 'names.jsonl')
  const { store, troubles } = storeAt(path)
  await store.take(part(['a.example'], { isLast: false }))
  assert.equal(existsSync(path), false)
  await store.take(part(['b.example'], { isFirst: false }))
  assert.deepEqual(troubles, [])
  assert.deepEqual(namesIn(path), ['a.example', 'b.example'])
  assert.deepEqual(storeAt(path).store.restore()[0]?.owner, { pid: 7 })
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('name store: until the last part is written the former file stays, and stays when it never comes', async t => {
  const path = join(folderOf(t), 'names.jsonl')
  const { store } = storeAt(path)
  await store.take(part(['old.example']))
  await store.take(part(['new.example'], { isLast: false }))
  assert.deepEqual(namesIn(path), ['old.example'])
  await store.take(part(['newer.example']))
  assert.deepEqual(namesIn(path), ['newer.example'])
  await store.take(part(['never.example'], { isLast: false }))
  await store.close()
  assert.deepEqual(namesIn(path), ['newer.example'])
  assert.equal(existsSync(`${path}.new`), false)
})

test('name store: a damaged file is a warning and nothing else', async t => {
  const path = join(folderOf(t), 'names.jsonl')
  await storeAt(path).store.take(part(['a.example']))
  writeFileSync(path, readFileSync(path, 'utf8').replace('192.0.2.1', '192.0.2.2'))
  const { store, troubles } = storeAt(path)
  assert.deepEqual(store.restore(), [])
  assert.deepEqual(troubles, [`the saved names \`${path}\` are not used: its end is missing or damaged`])
})

test('name store: no file is nothing to speak of', t => {
  const { store, troubles } = storeAt(join(folderOf(t), 'names.jsonl'))
  assert.deepEqual(store.restore(), [])
  assert.deepEqual(troubles, [])
})

test('name store: a place that cannot be written is told once, and again after it went well', async t => {
  const folder = folderOf(t)
  const path = join(folder, 'file', 'names.jsonl')
  writeFileSync(join(folder, 'file'), '')
  const { store, troubles } = storeAt(path)
  await store.take(part(['a.example']))
  await store.take(part(['a.example']))
  assert.equal(troubles.length, 1)
  assert.match(troubles[0]!, /^names cannot be saved: /)
  rmSync(join(folder, 'file'))
  await store.take(part(['a.example']))
  assert.deepEqual(namesIn(path), ['a.example'])
  rmSync(join(folder, 'file'), { recursive: true })
  writeFileSync(join(folder, 'file'), '')
  chmodSync(folder, 0o700)
  await store.take(part(['a.example']))
  assert.equal(troubles.length, 2)
})
