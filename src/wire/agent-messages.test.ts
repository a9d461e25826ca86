import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_BATCH, parseToMain, parseToWorker } from './agent-messages.ts'

const rules = {
  generation: 1,
  plan: { rules: [], domains: [] },
  ruleMatching: 'first',
  minPriority: 7,
  format: {},
  appendOutput: [],
  staticFields: new Map(),
  syscalls: new Set(['execve']),
  tracepoints: new Set(),
  observesNames: false,
  opens: { reads: new Set(['adow']), writes: undefined, programs: new Set(), namedCalls: new Set() },
  listLimit: 10,
  waitForNameMs: 0,
  explainsNames: false,
}
const worker = {
  ringBytes: 1 << 23,
  snaplen: 80,
  maxThreads: 10,
  purgeIntervalSec: 300,
  threadTimeoutSec: 300,
  namesWaitMs: 2000,
  savesNames: false,
}
const source = {
  seen: 1,
  events: 1,
  lost: 0,
  lostByCause: new Map(),
  perCpu: [],
  pendingBytes: 0,
  ringBytes: 1,
  others: new Map(),
}
const stats = {
  source,
  events: 1,
  alerts: 0,
  droppedAlerts: 0,
  badEvents: 0,
  state: new Map(),
  names: new Map(),
  generation: 0,
  ruleCount: 0,
  cpuUs: 0,
  heapBytes: 0,
}

const toWorker: readonly { readonly name: string; readonly value: unknown; readonly ok: boolean }[] = [
  { name: 'attach', value: { kind: 'attach', worker }, ok: true },
  { name: 'attach to a ring of no size', value: { kind: 'attach', worker: { ...worker, ringBytes: 'x' } }, ok: false },
  { name: 'start', value: { kind: 'start', rules }, ok: true },
  { name: 'start without rules', value: { kind: 'start', worker }, ok: false },
  { name: 'rules', value: { kind: 'rules', rules }, ok: true },
  { name: 'rules whose sets are arrays', value: { kind: 'rules', rules: { ...rules, syscalls: [] } }, ok: false },
  { name: 'rules of a negative generation', value: { kind: 'rules', rules: { ...rules, generation: -1 } }, ok: false },
  { name: 'rules whose opens are no sets', value: { kind: 'rules', rules: { ...rules, opens: {} } }, ok: false },
  { name: 'names', value: { kind: 'names', updates: [{ kind: 'nodata', name: 'a.example', atMs: 1 }] }, ok: true },
  { name: 'names that are none', value: { kind: 'names', updates: [{ name: 'a.example' }] }, ok: false },
  { name: 'names that were saved', value: { kind: 'restore-names', facts: [{ name: 'a.example' }] }, ok: true },
  { name: 'saved names that are texts', value: { kind: 'restore-names', facts: ['a.example'] }, ok: false },
  { name: 'the wish to save names', value: { kind: 'save-names', isFirst: true }, ok: true },
  { name: 'such a wish without a beginning', value: { kind: 'save-names' }, ok: false },
  { name: 'taken', value: { kind: 'taken', bytes: 12 }, ok: true },
  { name: 'taken of a fraction', value: { kind: 'taken', bytes: 1.5 }, ok: false },
  {
    name: 'a library',
    value: { kind: 'library', mntns: 0, path: '/lib/libc.so.6', call: 'getaddrinfo', offset: 16 },
    ok: true,
  },
  {
    name: 'another function',
    value: { kind: 'library', mntns: 0, path: '/lib/libc.so.6', call: 7, offset: 16 },
    ok: false,
  },
  {
    name: 'a library without a place',
    value: { kind: 'library', mntns: 0, path: '/lib/libc.so.6', call: 'getaddrinfo' },
    ok: false,
  },
  {
    name: 'a file of a workload',
    value: { kind: 'workload-file', file: 'hosts', mntns: 7, pid: 1, text: '' },
    ok: true,
  },
  {
    name: 'a file of a workload that is none',
    value: { kind: 'workload-file', file: 'shadow', mntns: 7, pid: 1, text: '' },
    ok: false,
  },
  { name: 'stop', value: { kind: 'stop' }, ok: true },
  { name: 'a kind nobody knows', value: { kind: 'dance' }, ok: false },
  { name: 'no object', value: 'stop', ok: false },
  { name: 'null', value: null, ok: false },
]

for (const { name, value, ok } of toWorker) {
  test(`parseToWorker: ${name} is ${ok ? 'taken' : 'refused'}`, () => {
    assert.equal(parseToWorker(structuredClone(value)) !== undefined, ok)
  })
}

const alerts = (count: number): object => ({
  kind: 'alerts',
  generation: 1,
  rules: new Array(count).fill(0),
  lines: new Array(count).fill('line'),
  sizes: new Array(count).fill(4),
})

const toMain: readonly { readonly name: string; readonly value: unknown; readonly ok: boolean }[] = [
  { name: 'loaded', value: { kind: 'loaded' }, ok: true },
  { name: 'attached', value: { kind: 'attached', tookMs: 3.5, processes: 2 }, ok: true },
  { name: 'alerts', value: alerts(3), ok: true },
  { name: 'a full batch', value: alerts(MAX_BATCH), ok: true },
  { name: 'more alerts than a batch holds', value: alerts(MAX_BATCH + 1), ok: false },
  { name: 'alerts whose arrays differ in length', value: { ...alerts(3), sizes: [1] }, ok: false },
  { name: 'stats', value: { kind: 'stats', stats }, ok: true },
  { name: 'stats without the source', value: { kind: 'stats', stats: { ...stats, source: 1 } }, ok: false },
  { name: 'ended', value: { kind: 'ended', stats }, ok: true },
  { name: 'refused', value: { kind: 'refused', message: 'no BTF', help: '' }, ok: true },
  {
    name: 'wanted files',
    value: { kind: 'wanted-files', mntns: 0, pid: 7, isOwn: true, hasAccounts: false },
    ok: true,
  },
  { name: 'wanted files of nobody', value: { kind: 'wanted-files', mntns: 0 }, ok: false },
  { name: 'wanted names', value: { kind: 'wanted-names', names: ['a.example'], skipped: [20] }, ok: true },
  { name: 'wanted names that are numbers', value: { kind: 'wanted-names', names: [1], skipped: [] }, ok: false },
  { name: 'an array', value: [], ok: false },
]

for (const { name, value, ok } of toMain) {
  test(`parseToMain: ${name} is ${ok ? 'taken' : 'refused'}`, () => {
    assert.equal(parseToMain(structuredClone(value)) !== undefined, ok)
  })
}
