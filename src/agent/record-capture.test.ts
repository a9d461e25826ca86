import assert from 'node:assert/strict'
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NameIndex } from '../domains/name-index.ts'
import { makeGroupAdded, makeUserAdded } from '../events/accounts.ts'
import { NdjsonParser } from '../events/ndjson/read-ndjson.ts'
import { openSource } from '../events/open-source.ts'
import { eventSink } from '../events/testing.ts'
import { fieldLookup } from '../fields/catalogue.ts'
import { CONNECTS, rule, Scene } from '../../test/conformance/observed-names/scene.ts'
import { compileFilter } from './event-filter.ts'
import { loadConfig } from './load-config.ts'
import { loadRules } from './load-rules.ts'
import { makeObserver } from './make-observer.ts'
import { Pipeline } from './pipeline.ts'
import { CaptureRecorder, type RecordOptions } from './record-capture.ts'
import { plainSetup } from './testdata/plain-setup.ts'

const root = new URL('../../', import.meta.url)
const { config } = loadConfig({ env: {} })
const folder = new URL('rules/', root)
const rules = loadRules(
  readdirSync(folder)
    .filter(name => name.endsWith('.yaml'))
    .map(name => ({ path: name, text: readFileSync(new URL(name, folder), 'utf8') })),
  config,
)
const plan = rules.rules.plan
assert.ok(plan)

/** Alerts of the captures, one after the other, without what counts events. */
async function alertsOf(paths: readonly string[]): Promise<readonly string[]> {
  const alerts: string[] = []
  for (const path of paths) {
    const pipeline = new Pipeline({
      plan: plan!,
      fields: rules.fields,
      names: new NameIndex(),
      ...plainSetup,
      onAlert: alert => alerts.push(`${alert.tsNs} ${alert.rule.name} ${alert.text}`),
    })
    const summary = await (await openSource(path)).read(pipeline.sink)
    assert.equal(summary.error, undefined)
  }
  return alerts
}

const open: RecordOptions['open'] = path => {
  const fd = openSync(path, 'w')
  return { write: bytes => void writeSync(fd, bytes), close: () => closeSync(fd) }
}

async function record(t: TestContext, sample: string, options: Partial<RecordOptions> = {}): Promise<CaptureRecorder> {
  const scratch = mkdtempSync(join(tmpdir(), 'tiercel-record-'))
  t.after(() => rmSync(scratch, { recursive: true }))
  const recorder = new CaptureRecorder({ path: join(scratch, 'out.scap'), gzip: true, open, ...options })
  await (await openSource(sampleOf(sample))).read(recorder.sink)
  recorder.end()
  return recorder
}

const sampleOf = (name: string): string => fileURLToPath(new URL(`samples/${name}.scap`, root))

for (const name of ['container', 'network']) {
  test(`a recording of ${name}.scap has the alerts of the original`, async t => {
    const recorder = await record(t, name)
    assert.deepEqual(await alertsOf(recorder.files), await alertsOf([sampleOf(name)]))
  })

  test(`so have the files that rotation makes of ${name}.scap, each replayed alone`, async t => {
    const recorder = await record(t, name, { maxBytes: 200_000, gzip: false })
    assert.ok(recorder.files.length >= 2, `${recorder.files.length} files`)
    assert.match(recorder.files[1]!, /out-0002\.scap$/)
    assert.deepEqual(await alertsOf(recorder.files), await alertsOf([sampleOf(name)]))
  })
}

test('rotation by time: a file holds no more than that', async t => {
  const recorder = await record(t, 'container', { maxDurationNs: 1_000_000_000n })
  assert.ok(recorder.files.length >= 2)
  for (const path of recorder.files) {
    const times: bigint[] = []
    const sink = eventSink(record => times.push(record.tsNs))
    await (await openSource(path)).read(sink)
    assert.ok(times.at(-1)! - times[0]! < 1_100_000_000n)
  }
})

test('only so many files are kept, the newest', async t => {
  const recorder = await record(t, 'container', { maxBytes: 200_000, gzip: false, maxFiles: 2 })
  assert.equal(recorder.files.length, 2)
  assert.ok(recorder.files.every(path => existsSync(path)))
  assert.equal(readdirSync(join(recorder.files[0]!, '..')).length, 2)
})

test('a condition takes its events and the lives of processes, exactly only its events', async t => {
  const filter = compileFilter('evt.type = openat and fd.name startswith /etc', {
    fields: fieldLookup,
    names: new NameIndex(),
  })
  assert.ok(filter.ok)
  const some = await record(t, 'container', { filter: filter.filter })
  const exact = await record(t, 'container', { filter: filter.filter, exactly: true })
  const all = await record(t, 'container')
  assert.ok(exact.events > 10 && exact.events < some.events && some.events < all.events)
  const original = (await alertsOf([sampleOf('container')])).filter(a => a.includes('Credential file read'))
  assert.ok(original.length > 0)
  const kept = (await alertsOf(some.files)).filter(a => a.includes('Credential file read'))
  assert.deepEqual(kept, original)
})

/** A process looks a name up and connects, and connects again after a while; the recording knows another name from elsewhere. */
function lookUps(): readonly object[] {
  const scene = new Scene().process(11)
  for (const name of ['one.example', 'two.example', 'three.example']) {
    const address = `192.0.2.${name.length}`
    scene.dns(11, name, [address]).connect(11, address).wait(10)
  }
  return scene.connect(11, '192.0.2.99').connect(11, '192.0.2.11').lines
}

/** Tells the lines to the recorder, after what it knows of names from the start. */
function recordLines(t: TestContext, lines: readonly object[], options: Partial<RecordOptions>): CaptureRecorder {
  const scratch = mkdtempSync(join(tmpdir(), 'tiercel-record-'))
  t.after(() => rmSync(scratch, { recursive: true }))
  const recorder = new CaptureRecorder({ path: join(scratch, 'out.scap'), gzip: false, open, ...options })
  let hasBegun = false
  const parser = new NdjsonParser({
    ...recorder.sink,
    event: rec => {
      if (!hasBegun) recorder.tellNames([{ name: 'known.example', ip: 0xc0000263, evidence: 'hosts' }], rec.tsNs)
      hasBegun = true
      return recorder.sink.event(rec)
    },
  })
  for (const line of lines) parser.push(Buffer.from(`${JSON.stringify(line)}\n`))
  parser.end()
  recorder.end()
  return recorder
}

/** Names of the connections of the captures, each replayed alone. */
async function namesIn(paths: readonly string[]): Promise<readonly string[]> {
  const text = rule('Connect', CONNECTS, '%fd.sip.name %fd.sip.name.source')
  const { rules, fields } = loadRules([{ path: 'r.yaml', text }], config)
  const alerts: string[] = []
  for (const path of paths) {
    const names = new NameIndex()
    const pipeline = new Pipeline({
      plan: rules.plan!,
      fields,
      names,
      observeRecordings: () => makeObserver({ dnsPorts: [53], trustedResolvers: [] }, names),
      ...plainSetup,
      onAlert: alert => alerts.push(alert.text),
    })
    const summary = await (await openSource(path)).read(pipeline.sink)
    assert.equal(summary.error, undefined)
    assert.equal(pipeline.badNameLines, 0)
  }
  return alerts
}

const NAMES = [
  'one.example observed',
  'two.example observed',
  'three.example observed',
  'known.example hosts',
  'two.example observed',
]

test('a recording knows the names', async t => {
  const recorder = recordLines(t, lookUps(), {})
  assert.deepEqual(await namesIn(recorder.files), NAMES)
})

test('so does one that leaves the DNS answers out, and one made of it', async t => {
  const names = new NameIndex()
  const filter = compileFilter('evt.type in (socket, connect)', { fields: fieldLookup, names })
  assert.ok(filter.ok)
  const recorder = recordLines(t, lookUps(), { filter: filter.filter, exactly: true, names })
  assert.equal(recorder.events, 16)
  assert.deepEqual(await namesIn(recorder.files), NAMES)
  const again = new NameIndex()
  const narrow = compileFilter('evt.type = socket or fd.sip.name in (two.example, known.example)', {
    fields: fieldLookup,
    names: again,
  })
  assert.ok(narrow.ok)
  const second = new CaptureRecorder({
    path: `${recorder.files[0]}.second`,
    gzip: false,
    open,
    filter: narrow.filter,
    exactly: true,
    names: again,
  })
  await (await openSource(recorder.files[0]!)).read(second.sink)
  second.end()
  assert.deepEqual(await namesIn(second.files), [NAMES[1], NAMES[3], NAMES[4]])
})

test('each file of a rotation knows what was known when it began', async t => {
  const recorder = recordLines(t, lookUps(), { maxDurationNs: 5_000_000_000n, names: new NameIndex() })
  assert.ok(recorder.files.length >= 3, `${recorder.files.length} files`)
  assert.deepEqual(await namesIn(recorder.files), NAMES)
})

test('each file of a rotation has the users and groups of containers, the latest of each', t => {
  const scratch = mkdtempSync(join(tmpdir(), 'tiercel-record-'))
  t.after(() => rmSync(scratch, { recursive: true }))
  const recorder = new CaptureRecorder({ path: join(scratch, 'out.scap'), gzip: false, open, maxDurationNs: 10n })
  const tellUser = (uid: number, name: string, ts: bigint): void => {
    recorder.sink.event(makeUserAdded({ uid, gid: 6, name, home: '/h', shell: '/s' }, 'c0ffee', ts))
  }
  tellUser(5, 'early', 1n)
  recorder.sink.event(makeGroupAdded({ gid: 6, name: 'team' }, 'c0ffee', 1n))
  tellUser(5, 'late', 5n)
  tellUser(8, 'new', 20n)
  recorder.end()
  const pattern = /(early|late|new|team)\0(?:\/h\0\/s\0)?c0ffee/g
  const told = recorder.files.map(path => [...readFileSync(path, 'latin1').matchAll(pattern)].map(([, name]) => name))
  assert.deepEqual(told, [
    ['early', 'team', 'late'],
    ['late', 'team', 'new'],
  ])
})

test('each file of a rotation has the resolv.conf and hosts files of the mount namespaces that are still there', t => {
  const scratch = mkdtempSync(join(tmpdir(), 'tiercel-record-'))
  t.after(() => rmSync(scratch, { recursive: true }))
  const recorder = new CaptureRecorder({ path: join(scratch, 'out.scap'), gzip: false, open, maxDurationNs: 10n })
  const thread = (tid: number): object => ({
    kind: 'process',
    tid,
    ptid: 1,
    comm: 'x',
    exe: 'x',
    exepath: '/x',
    cwd: '/',
  })
  const parser = new NdjsonParser(recorder.sink)
  const tell = (line: object): void => void parser.push(Buffer.from(`${JSON.stringify(line)}\n`))
  for (const tid of [1, 7, 8]) tell(thread(tid))
  const own = (name: string, tid: number, data: string, ts: number): void =>
    tell({ type: 'asyncevent', ts, tid, args: { plugin_id: 0, name: `tiercel_${name}`, data: `${data}\0` } })
  own('namespaces', 1, '10 20', 1)
  own('namespaces', 7, '10 21', 1)
  own('namespaces', 8, '10 22', 1)
  own('resolv_conf', 1, '0\n192.0.2.1', 2)
  own('resolv_conf', 7, '21\n192.0.2.2', 2)
  own('resolv_conf', 7, '21\n192.0.2.3', 3)
  own('hosts', 8, '22\n192.0.2.4 shop.example\n', 3)
  for (const ts of [20, 40]) {
    if (ts === 40) tell({ type: 'procexit', ts: 30, tid: 8, args: { status: 0 } })
    tell({ type: 'getpid', ts, tid: 7 })
  }
  parser.end()
  recorder.end()
  const told = recorder.files.map(path =>
    [...readFileSync(path, 'latin1').matchAll(/tiercel_(?:resolv_conf|hosts)\0[^\0]*/g)].map(([text]) => text),
  )
  const servers = ['tiercel_resolv_conf\x000\n192.0.2.1', 'tiercel_resolv_conf\x0021\n192.0.2.3']
  const hosts = 'tiercel_hosts\x0022\n192.0.2.4 shop.example\n'
  assert.deepEqual(told.slice(1), [[...servers, hosts], [...servers, hosts], servers].slice(0, told.length - 1))
  assert.equal(told.length, 4)
})
