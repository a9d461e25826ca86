/**
 * Falco's 93 rules, each raised live by a small program, on the host or in a container (`rule-triggers.ts`): the alerts that come are those
 * that must, with every field that the rule prints, and none from what nearly raises one.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../../src/events/live/testing.ts'
import { COPIES, type Facts, NEVER, NOT_AS_ROOT, START, type Trigger, triggers, USERS } from './rule-triggers.ts'
import { type Alert, main, Running, scratch, until } from './running.ts'

const rulesFolder = fileURLToPath(new URL('../../../shared/data/falco/rules', import.meta.url))
const RULES = ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml'].map(name =>
  join(rulesFolder, name),
)
const PROGRAMS = ['/usr/bin/gcc', '/usr/sbin/runc', '/usr/bin/unshare', '/usr/sbin/pivot_root', '/usr/sbin/ip']
const lacking = [...PROGRAMS, rulesFolder].find(path => !existsSync(path))
const skip =
  liveSkipReason() || (process.getuid?.() !== 0 && 'needs root') || (lacking !== undefined && `needs ${lacking}`)

/** Every rule, those too that are off unless asked for. */
const SETTINGS: readonly string[] = [
  ...['json_output=true', 'rule_matching=all', 'priority=debug', 'rules[0].enable.rule=*'],
  'append_output[0].extra_fields[0]=proc.env[CASE]',
  'append_output[0].extra_fields[1]=container.id',
]

interface Case extends Trigger {
  readonly id: string
  readonly where: 'host' | 'container'
}
const cases: readonly Case[] = triggers.map((trigger, i) => ({ where: 'host', ...trigger, id: String(i) }))

/** What a program says of itself before it becomes what the case runs. */
interface Seen {
  readonly id: string
  readonly code: number
  readonly tty: number
  readonly exepath: string
}

/** Of the tests and all that they start. */
const loginuid = skip === false ? Number(readFileSync('/proc/self/loginuid', 'latin1')) : 0xffffffff

interface Program {
  readonly name: string
  readonly exe: string
  readonly exepath: string
  readonly args: string
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const fileOf = (program: string): string =>
  realpathSync(
    program.includes('/') ? program : ['/usr/sbin', '/usr/bin'].map(at => join(at, program)).find(existsSync)!,
  )
const programOf = (argv: readonly string[], exepath: string): Program => ({
  name: basename(argv[0]!).slice(0, 15),
  exe: argv[0]!,
  exepath,
  args: argv.slice(1).join(' '),
})
const cmdlineOf = ({ name, args }: Program): string => (args === '' ? name : `${name} ${args}`)

function commOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'latin1').trimEnd()
}
const parentOf = (pid: number): number =>
  Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1])
/** Names of the process and of those that it comes from. */
function namesFrom(pid: number): readonly string[] {
  return pid === 0 ? [] : [commOf(pid), ...namesFrom(parentOf(pid))]
}

/** All that may be printed of a case without being spelled out: of the program and where it comes from. */
function usualFields(one: Case, seen: Seen, by: Facts['by'], ancestors: readonly string[]): Record<string, unknown> {
  const isStart = one.id === 'start'
  const started = programOf(one.argv, seen.exepath)
  const runner = programOf(
    one.where === 'host'
      ? ['python3', '-S', '/opt/lab/trigger.py', '/opt/lab/host.json']
      : ['/usr/bin/python3', '-S', '/opt/lab/trigger.py', '/opt/lab/container.json'],
    realpathSync('/usr/bin/python3'),
  )
  const between = (by ?? []).map(argv => programOf(argv, argv[0]!.startsWith('/opt/lab') ? argv[0]! : fileOf(argv[0]!)))
  const runc = programOf(['runc'], realpathSync('/usr/sbin/runc'))
  const lineage = [
    ...between.toReversed(),
    started,
    ...(isStart ? [] : [runner]),
    ...(one.where === 'container' ? [runc] : []),
  ]
  const names = [...lineage.map(each => each.name), ...ancestors]
  const [self, parent] = lineage as [Program, Program]
  const uid = USERS[one.user ?? 'root']
  return {
    'evt.type': 'execve',
    'evt.res': 'SUCCESS',
    'evt.arg.flags': 'EXE_WRITABLE|EXE_LOWER_LAYER',
    'proc.name': self.name,
    'proc.exe': self.exe,
    'proc.exepath': self.exepath,
    'proc.args': self.args,
    'proc.cmdline': cmdlineOf(self),
    'proc.pname': parent.name,
    'proc.pexe': parent.exe,
    'proc.pexepath': parent.exepath,
    'proc.pcmdline': cmdlineOf(parent),
    ...Object.fromEntries([2, 3, 4, 5, 6, 7].map(i => [`proc.aname[${i}]`, names[i] ?? null])),
    'proc.aexepath[2]': lineage[2]?.exepath,
    'proc.cwd': `${one.cwd ?? ''}/`,
    // Inside a pid namespace the leader is looked for among ancestors, so that it has none itself.
    'proc.sname': one.where === 'container' && between.length === 0 ? '' : started.name,
    'proc.tty': seen.tty,
    'user.name': one.user ?? 'root',
    'user.uid': uid,
    'user.loginuid': loginuid === 0xffffffff ? -1 : loginuid,
    'user.loginname': loginuid === 0xffffffff ? '<NA>' : loginuid === 0 ? 'root' : /./,
    'group.gid': uid,
    'group.name': one.user ?? 'root',
  }
}

const isExpected = (value: unknown, want: unknown): boolean =>
  want instanceof RegExp ? want.test(String(value)) : value === want

/** What is wrong with the alerts of a case, in words. */
function faultsOf(
  one: Case,
  seen: Seen,
  got: readonly Alert[],
  { above, containerId }: Pick<Run, 'above' | 'containerId'>,
): readonly string[] {
  const faults: string[] = []
  const left = new Map<string, Alert[]>()
  for (const alert of got) left.set(alert.rule, [...(left.get(alert.rule) ?? []), alert])
  for (const [rule, facts] of Object.entries(one.raises)) {
    if (loginuid === 0 && NOT_AS_ROOT.has(rule)) continue
    for (const { by, ...fields } of [facts].flat() as readonly Facts[]) {
      const alert = left.get(rule)?.shift()
      if (alert === undefined) {
        faults.push(`${rule}: not raised`)
        continue
      }
      const usual = usualFields(one, seen, by, above)
      const want: Record<string, unknown> = { ...usual, ...fields }
      want['proc.env[CASE]'] = one.id
      want['container.id'] = one.where === 'host' ? 'host' : containerId.slice(0, 12)
      for (const [field, value] of Object.entries(alert.output_fields)) {
        if (field === 'evt.time') continue
        if (!(field in want)) faults.push(`${rule}: ${field} is ${JSON.stringify(value)}, and nothing is said of it`)
        else if (!isExpected(value, want[field]))
          faults.push(
            `${rule}: ${field} is ${JSON.stringify(value)}, must be ${want[field] instanceof RegExp ? String(want[field]) : JSON.stringify(want[field])}`,
          )
      }
    }
  }
  for (const [rule, alerts] of left)
    for (const { output_fields } of alerts)
      faults.push(`${rule}: raised by what must not, ${JSON.stringify(output_fields)}`)
  return faults
}

function fillLab(folder: string): void {
  mkdirSync(join(folder, 'as'))
  for (const [name, from] of Object.entries(COPIES))
    copyFileSync(from === 'act' ? join(folder, 'act') : fileOf(from), join(folder, 'as', name))
  for (const where of ['host', 'container']) {
    const list = cases
      .filter(one => one.where === where)
      .map(({ raises: _, user, ...one }) => ({ ...one, user: USERS[user ?? 'root'] }))
    // It shows when the users of the container are known, which events do not wait for.
    const first = { id: 'again', argv: ['/opt/lab/act', 'unshare'], user: USERS.nobody }
    writeFileSync(join(folder, `${where}.json`), JSON.stringify(where === 'host' ? list : [first, ...list]))
  }
  copyFileSync(here('testdata/trigger.py'), join(folder, 'trigger.py'))
  chmodSync(folder, 0o755)
}

test('every rule of Falco has something that must raise it, or a reason why nothing can', { skip }, () => {
  const names = RULES.flatMap(path =>
    [...readFileSync(path, 'utf8').matchAll(/^- rule: (.*)$/gm)].map(([, name]) => name!.trim()),
  )
  assert.equal(names.length, 93)
  const raised = new Set([START, ...triggers.map(({ raises }) => raises)].flatMap(each => Object.keys(each)))
  assert.deepEqual([...raised, ...Object.keys(NEVER)].toSorted(), names.toSorted())
})

/** One after the other on a machine that is busy with something else: what is lost then is not ours. */
const ATTEMPTS = 3

interface Run {
  readonly lost: number
  readonly alerts: readonly Alert[]
  readonly seen: ReadonlyMap<string, Seen>
  /** Names of the processes that the lab comes from, its own first. */
  readonly above: readonly string[]
  readonly containerId: string
}

const alertsIn = (out: string): readonly Alert[] =>
  out
    .split('\n')
    .filter(line => line.includes('"proc.env[CASE]":"') && line.endsWith('}'))
    .map(line => JSON.parse(line) as Alert)
const caseOf = ({ output_fields }: Alert): unknown => output_fields['proc.env[CASE]']

async function raiseAll(t: TestContext): Promise<Run> {
  const folder = scratch(t)
  const compiler = new Running(t, 'gcc', ['-O1', '-o', join(folder, 'act'), here('testdata/act.c')])
  await compiler.ended
  assert.equal(compiler.child.exitCode, 0, compiler.err)
  fillLab(folder)
  const containerId = randomBytes(32).toString('hex')
  const options = [...RULES.flatMap(path => ['-r', path]), ...SETTINGS.flatMap(each => ['-o', each])]
  const agent = new Running(t, process.execPath, [
    ...['--disable-warning=ExperimentalWarning', main, 'run', '--stats'],
    ...options,
  ])
  await agent.says('watching')
  const place = new Running(t, 'unshare', ['--mount', '--net', 'bash', here('rule-lab.sh'), folder, containerId])
  await place.says('ready')
  const above = namesFrom(place.child.pid!)
  place.child.stdin!.write('go\n')
  const told = (where: string): string => {
    if (place.child.exitCode !== null) assert.fail(`the lab ended: ${place.err}`)
    const path = join(folder, `${where}.out`)
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }
  await until('the container’s users to be known', () =>
    alertsIn(agent.out).some(one => caseOf(one) === 'again' && one.output_fields['user.name'] === 'nobody'),
  )
  place.child.stdin!.write('known\n')
  for (const where of ['host', 'container'])
    await until(`the cases of the ${where} to end`, () => told(where).endsWith('done\n'))
  const seen = new Map<string, Seen>()
  for (const line of `${told('host')}${told('container')}`.split('\n').filter(each => each.startsWith('{'))) {
    const one = JSON.parse(line) as Seen
    seen.set(one.id, one)
  }
  seen.set('start', { id: 'start', code: 0, tty: 0, exepath: realpathSync('/usr/bin/python3') })
  place.child.stdin!.end('end\n')
  await place.ended
  agent.child.kill('SIGTERM')
  await agent.ended
  const { lost_events: lost } = JSON.parse(agent.err.trimEnd().split('\n').at(-1)!) as { readonly lost_events: number }
  return { lost, alerts: alertsIn(agent.out), seen, above, containerId }
}

test('every rule of Falco is raised by what must raise it, and by nothing else', {
  skip,
  timeout: 240_000,
}, async t => {
  let run = await raiseAll(t)
  for (let attempt = 1; run.lost > 0; attempt++) {
    assert.ok(attempt < ATTEMPTS, `${run.lost} events were lost`)
    run = await raiseAll(t)
  }
  const start: Case = {
    id: 'start',
    does: 'is started',
    where: 'container',
    argv: ['/usr/bin/python3', '-S', '/opt/lab/trigger.py', '/opt/lab/container.json'],
    raises: START,
  }
  for (const one of [start, ...cases]) {
    await t.test(`${one.where}: ${one.does}`, () => {
      const facts = run.seen.get(one.id)
      assert.ok(facts !== undefined, 'it was not run')
      const faults = faultsOf(
        one,
        facts,
        run.alerts.filter(alert => caseOf(alert) === one.id),
        run,
      )
      assert.equal(faults.length, 0, `code ${facts.code}\n${faults.join('\n')}`)
    })
  }
})
