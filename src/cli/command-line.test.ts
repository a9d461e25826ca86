import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  createWriteStream,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  existsSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

/* The program as users run it: real files and wrong input, what comes out where, and the exit code. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tiercel-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const env = {
  PATH: process.env['PATH'],
  TZ: 'UTC',
  HOME: folder,
  FALCO_HOSTNAME: 'host',
  NODE_COMPILE_CACHE: join(folder, 'compiled'),
}
const nodeFlags = ['--disable-warning=ExperimentalWarning', main]

interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A machine that cannot be watched. */
const noProbe = {
  TIERCEL_LIVE_SOURCE: new URL('../agent/testdata/fake-live.ts?refuse=no%20probe%20here', import.meta.url).href,
}

/** A machine with made-up events. */
const fakeLive = { TIERCEL_LIVE_SOURCE: new URL('../agent/testdata/fake-live.ts', import.meta.url).href }

function tiercel(args: readonly string[], more: { input?: Buffer; env?: NodeJS.ProcessEnv } = {}): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeFlags, ...args], {
    cwd: root,
    env: { ...env, ...more.env },
    input: more.input ?? '',
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  return { code: status, out: stdout, err: stderr }
}

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const container = 'samples/container.scap'
const sample = readFileSync(join(root, container))
const good = file(
  'good.yaml',
  '- rule: Opened\n  desc: d\n  condition: evt.type = openat and fd.name = /etc/shadow\n  output: opened %fd.name\n  priority: NOTICE\n',
)
const bad = file(
  'bad.yaml',
  '- rule: Opened\n  desc: d\n  condition: evt.type = openat and fd.nme = /etc/shadow\n  output: o\n  priority: NOTICE\n',
)
const warned = file('warned.yaml', '- macro: nobody\n  condition: evt.type = open\n')
const config = file('tiercel.yaml', 'stdout_output: {enabled: true}\njson_output: true\n')
const cut = file('cut.scap', sample.subarray(0, 100_000))

/** What is run, the exit code, and what standard output and standard error must say; absent: must be empty. */
const cases: readonly {
  readonly name: string
  readonly args: readonly string[]
  readonly code: number
  readonly out?: RegExp
  readonly err?: RegExp
  readonly env?: NodeJS.ProcessEnv
}[] = [
  // Help
  { name: 'no words: help', args: [], code: 0, out: /^tiercel: domain-aware[\s\S]*Commands\n {2}demo/ },
  {
    name: 'help of a command by word',
    args: ['help', 'replay'],
    code: 0,
    out: /^tiercel replay: [\s\S]*Examples[\s\S]*Exit code\n/,
  },
  { name: 'help of a command by option', args: ['check', '--help'], code: 0, out: /^tiercel check: / },
  {
    name: 'help of a command wins over what else is wrong',
    args: ['check', '--nope', '-h'],
    code: 0,
    out: /^tiercel check: /,
  },
  {
    name: 'help of a command that is not there',
    args: ['help', 'repaly'],
    code: 1,
    err: /unknown command `repaly`\n {2}help: did you mean `tiercel help replay`\?/,
  },
  { name: 'Falco’s flags', args: ['--help'], code: 0, out: /^tiercel with Falco’s flags/ },
  // Words that are wrong
  {
    name: 'a mistyped command',
    args: ['chekc', 'x'],
    code: 1,
    err: /^tiercel: unknown command `chekc`\n {2}help: did you mean `tiercel check`\?\n$/,
  },
  {
    name: 'a file instead of a command',
    args: [container],
    code: 1,
    err: /is a file, not a command\n {2}help: did you mean `tiercel replay samples\/container\.scap`\?/,
  },
  {
    name: 'a mistyped option',
    args: ['replay', container, '--jsno'],
    code: 1,
    err: /unknown option `--jsno`\n {2}help: did you mean `--json`\?/,
  },
  { name: 'nothing to replay', args: ['replay'], code: 1, err: /needs a capture\n {2}help: `tiercel demo`/ },
  // Version
  { name: 'version', args: ['version'], code: 0, out: /^Tiercel version: \d+\.\d+\.\d+\nFalco engine: / },
  {
    name: 'version as JSON by -o',
    args: ['--version', '-o', 'json_output=true'],
    code: 0,
    out: /^\{.*"engine_version_semver":"0\.63\.0","falco_version":"0\.44\.0".*\}\n$/,
  },
  // Check
  { name: 'check: a good file', args: ['check', good], code: 0, out: /good\.yaml: Ok\n$/ },
  {
    name: 'check: warnings are shown and are no failure',
    args: ['check', warned],
    code: 0,
    out: /: Ok, with warnings\n\n.*:1:3: W0209: macro `nobody` is never used/,
  },
  {
    name: 'check: the place inside the condition, and the cure',
    args: ['check', bad],
    code: 1,
    out: /bad\.yaml:3:36: E0104: unknown field `fd\.nme`\n[\s\S]*\^\^\^\^\^\^[\s\S]*did you mean `fd\.name`\?/,
  },
  {
    name: 'check: all files are looked at',
    args: ['check', bad, warned],
    code: 1,
    out: /bad\.yaml: Invalid[\s\S]*warned\.yaml: /,
  },
  {
    name: 'check: JSON alone',
    args: ['check', '--json', bad],
    code: 1,
    out: /^\{"falco_load_results":\[\{"errors":\[\{"code":"LOAD_ERR_COMPILE_CONDITION".*"successful":false.*\]\}\n$/,
  },
  {
    name: 'check: JSON of a good file',
    args: ['check', '--json', good],
    code: 0,
    out: /^\{"falco_load_results":\[\{"errors":\[\],.*"successful":true,"warnings":\[\]\}\]\}\n$/,
  },
  {
    name: 'check: a folder',
    args: ['check', 'rules'],
    code: 0,
    out: /^rules\/host\.yaml: Ok\nrules\/names\.yaml: Ok\nrules\/network\.yaml: Ok\n$/,
  },
  {
    name: 'check: a file that is not there',
    args: ['check', 'rules/hots.yaml'],
    code: 1,
    err: /no such rule file: `rules\/hots\.yaml`\n {2}help: did you mean `rules\/host\.yaml`\?/,
  },
  {
    name: 'check: a file without an end',
    args: ['check', '/dev/zero'],
    code: 1,
    err: /the rule file `\/dev\/zero` is larger than 128 MiB\n {2}help: /,
  },
  {
    name: 'check: a folder without rules',
    args: ['check', 'samples/../bin'],
    code: 1,
    err: /no rule files in `samples\/\.\.\/bin`/,
  },
  {
    name: '-V with -L describes, too',
    args: ['-V', good, '-L', '-o', 'json_output=true'],
    code: 0,
    out: /^\{"falco_describe_results":\{.*"rules":\[\{.*\},"falco_load_results":\[/,
  },
  {
    name: '-V with -l of no rule',
    args: ['-V', good, '-l', 'nothing'],
    code: 1,
    err: /no such rule: `nothing`/,
  },
  { name: '-V checks', args: ['-V', good, '-V', warned], code: 0, out: /good\.yaml: Ok\n[\s\S]*Ok, with warnings/ },
  {
    name: '-V with json_output',
    args: ['-V', good, '-o', 'json_output=true'],
    code: 0,
    out: /^\{"falco_load_results":/,
  },
  // Describe
  { name: 'describe', args: ['describe', good], code: 0, out: /^Rule +Description\n-+ +-+\nOpened +d\n$/ },
  {
    name: 'describe: Falco’s JSON',
    args: ['describe', '--json', '-r', good],
    code: 0,
    out: /^\{"lists":\[\],"macros":\[\],.*"condition_compiled":"\(evt\.type = openat and fd\.name = \/etc\/shadow\)"/,
  },
  {
    name: 'describe: one rule that is not there',
    args: ['describe', '-r', good, '--rule', 'Opend'],
    code: 1,
    err: /no such rule: `Opend`\n {2}help: did you mean `Opened`\?/,
  },
  { name: '-l describes one', args: ['-r', good, '-l', 'Opened'], code: 0, out: /\nOpened / },
  // Lists
  { name: 'fields: one a line', args: ['fields', 'proc.aname', '-N'], code: 0, out: /^proc\.aname\n$/ },
  { name: 'fields: by documentation', args: ['fields', 'environment'], code: 0, out: /proc\.env/ },
  {
    name: 'fields: nothing fits',
    args: ['fields', 'proc.nmae'],
    code: 1,
    err: /no field has to do with `proc\.nmae`\n {2}help: did you mean `proc\.name`\?/,
  },
  {
    name: 'fields: an unknown source',
    args: ['--list=k8s_audit'],
    code: 1,
    err: /no fields for the source `k8s_audit`/,
  },
  {
    name: 'fields: an unknown format',
    args: ['fields', '--format', 'xml'],
    code: 1,
    err: /unknown format `xml`\n {2}help: it is text, markdown or json/,
  },
  { name: '--list -N', args: ['--list', '-N'], code: 0, out: /^evt\.num\nevt\.time\n/ },
  { name: 'events', args: ['events', 'openat2'], code: 0, out: /^openat2\(fd: FD, dirfd: FD, name: FSRELPATH, / },
  {
    name: 'events: nothing fits',
    args: ['events', 'opneat'],
    code: 1,
    err: /no event is called `opneat`\n {2}help: did you mean `openat`\?/,
  },
  // Replay
  {
    name: 'replay: alerts alone on standard output',
    args: ['replay', container, '-r', good],
    code: 0,
    out: /^(\d\d:\d\d:\d\d\.\d{9}: Notice opened \/etc\/shadow\n){3}$/,
    err: /^Events detected: 3\nRule counts by severity:\n {3}NOTICE: 3\nTriggered rules by rule name:\n {3}Opened: 3\n$/,
  },
  {
    name: 'replay: quiet',
    args: ['replay', container, '-q', '-r', good, '-n', '1'],
    code: 0,
    out: /^19:05:44\.471383558: Notice opened \/etc\/shadow\n$/,
  },
  {
    name: 'replay: JSON',
    args: ['replay', container, '-q', '-r', good, '-n', '1', '--json'],
    code: 0,
    out: /^\{"hostname":"host","output":"19:05:44\.471383558: Notice opened \/etc\/shadow","output_fields":\{"evt\.time":\d{19},"fd\.name":"\/etc\/shadow"\},"priority":"Notice","rule":"Opened","source":"syscall","tags":\[\],"time":"2026-11-21T19:05:44\.471383558Z"\}\n$/,
  },
  {
    name: 'replay: a configuration',
    args: ['replay', container, '-q', '-c', config, '-r', good, '-n', '1'],
    code: 0,
    out: /^\{"hostname"/,
  },
  {
    name: 'replay: rule files after one -r, in order',
    args: ['replay', container, '-q', '-r', good, warned, '-n', '1'],
    code: 0,
    out: /Notice opened/,
  },
  {
    name: 'replay: the default rules',
    args: ['replay', container, '-q', '-n', '1'],
    code: 0,
    out: /Warning A credential file was read/,
  },
  {
    name: 'replay: a time limit',
    args: ['replay', container, '-r', good, '-M', '0.1'],
    code: 0,
    err: /^Events detected: 0\n/,
  },
  {
    name: 'replay: two captures',
    args: ['replay', container, container, '-q', '-r', good],
    code: 0,
    out: /^(.*\n){6}$/,
  },
  {
    name: 'replay: figures',
    args: ['replay', container, '-r', good, '--stats', '-n', '1'],
    code: 0,
    out: /opened/,
    err: /^\{"events":\d+,.*"by_rule":\{"Opened":1\}\}\n$/,
  },
  {
    name: 'replay: warnings about rules',
    args: ['replay', container, '-r', warned],
    code: 0,
    err: /W0209: macro `nobody`/,
  },
  {
    name: 'replay: rules of which none is enabled',
    args: ['replay', container, '-r', good, '-o', 'priority=critical'],
    code: 0,
    err: /^tiercel: no rule is enabled, so nothing alerts\nEvents detected: 0\n/,
  },
  {
    name: 'replay: rules that do not load',
    args: ['replay', container, '-r', bad],
    code: 1,
    err: /E0104[\s\S]*tiercel: the rules have an error/,
  },
  {
    name: 'replay: an unknown key',
    args: ['replay', container, '-r', good, '-n', '1', '-o', 'json_outptu=true'],
    code: 0,
    out: /opened/,
    err: /unknown key `json_outptu`[\s\S]*did you mean `json_output`\?/,
  },
  {
    name: 'replay: a wrong value',
    args: ['replay', container, '-o', 'json_output=maybe'],
    code: 1,
    err: /json_output[\s\S]*the configuration has an error/,
  },
  {
    name: 'replay: a capture that is not there',
    args: ['replay', 'samples/contaner.scap'],
    code: 1,
    err: /no such capture: `samples\/contaner\.scap`\n {2}help: did you mean `samples\/container\.scap`\?/,
  },
  { name: 'replay: a folder', args: ['replay', 'samples'], code: 1, err: /the capture `samples` is a directory/ },
  {
    name: 'replay: not a capture',
    args: ['replay', 'README.md'],
    code: 1,
    err: /^tiercel: README\.md: not a capture: .*\n {2}help: captures are .*\n$/,
  },
  {
    name: 'replay: cut short: what came before counts',
    args: ['replay', cut, '-r', good],
    code: 1,
    err: /cut\.scap: cut short at byte \d+: .*\n {2}help: the \d+ events before it were read\nEvents detected: 0/,
  },
  {
    name: 'replay: a wrong number',
    args: ['replay', container, '-n', '0'],
    code: 1,
    err: /`--max-alerts` needs a number above 0/,
  },
  {
    name: 'replay: dry run',
    args: ['replay', '--dry-run', '-r', good],
    code: 0,
    err: /^1 rule in 1 file loaded, 1 enabled\n$/,
  },
  {
    name: 'replay: the default rules, and an empty folder beside them',
    args: ['replay', '--dry-run', '-r', 'default', '-r', good, '-r', 'samples/../bin'],
    code: 0,
    err: /^\d{2} rules in 4 files loaded, \d{2} enabled\n$/,
  },
  {
    name: 'replay: colours when forced',
    args: ['replay', container, '-q', '-r', good, '-n', '1'],
    env: { FORCE_COLOR: '1' },
    code: 0,
    out: /^\u001b\[2m19:05:44\.471383558\u001b\[22m .*Notice/,
  },
  {
    name: 'replay: no colours in a pipe',
    args: ['replay', container, '-q', '-r', good, '-n', '1'],
    code: 0,
    out: /^[^\u001b]*$/,
  },
  // Falco's way to replay
  {
    name: 'engine.kind=replay',
    args: ['-r', good, '-o', 'engine.kind=replay', '-o', `engine.replay.capture_file=${container}`],
    code: 0,
    out: /opened/,
    err: /^Events detected: 3\n/,
  },
  {
    name: 'without a command: what is wrong with the configuration is said once',
    args: ['-o', 'foo=bar', '-o', 'engine.kind=nodriver'],
    code: 1,
    err: /^(?![\s\S]*W0301[\s\S]*W0301)[\s\S]*W0301[\s\S]*nodriver/,
  },
  {
    name: '-p adds to every output',
    args: [
      '-r',
      good,
      '-o',
      'engine.kind=replay',
      '-o',
      `engine.replay.capture_file=${container}`,
      '-p',
      'type=%evt.type',
    ],
    code: 0,
    out: /Notice opened \/etc\/shadow type=openat\n/,
    err: /^Events/,
  },
  {
    name: 'a flag that Falco has dropped',
    args: ['-e', container],
    code: 1,
    err: /`-e` is not there\n {2}help: use `tiercel replay FILE`/,
  },
  {
    name: 'without a capture this machine is watched',
    args: ['-r', good],
    env: noProbe,
    code: 1,
    err: /^tiercel: no probe here\n {2}help: do something about it/m,
  },
  {
    name: 'start shows the samples where nobody could stop it',
    args: ['start'],
    code: 0,
    out: /container/,
    err: /^tiercel: not on a terminal[^\n]*\n[\s\S]*What next/,
  },
  { name: 'as run does', args: ['run', '-r', good], env: noProbe, code: 1, err: /^tiercel: no probe here$/m },
  { name: 'dry run', args: ['-r', good, '--dry-run'], code: 0, err: /1 rule in 1 file loaded/ },
  // Convert
  {
    name: 'convert: to standard output',
    args: ['convert', container, '-'],
    code: 0,
    out: /^\{"kind":"machine",[\s\S]*"type":"openat"/,
  },
  {
    name: 'convert: the format must be clear',
    args: ['convert', container, join(folder, 'x.bin')],
    code: 1,
    err: /cannot tell the format/,
  },
  { name: 'convert: not onto itself', args: ['convert', cut, cut], code: 1, err: /the same file/ },
  {
    name: 'convert: a folder that is not there',
    args: ['convert', container, join(folder, 'no', 'x.scap')],
    code: 1,
    err: /^tiercel: cannot write `.*x\.scap`: no such directory\n$/,
  },
  {
    name: 'convert: a name that no file can have',
    args: ['convert', container, `${'x'.repeat(300)}.scap`],
    code: 1,
    err: /^tiercel: cannot write `x+\.scap`: the name is too long\n$/,
  },
  // Events
  {
    name: 'trace: a condition and a format on a capture',
    args: ['trace', 'evt.type = newfstatat and proc.name = sh', container, '-p', '%proc.name: %evt.type', '-n', '2'],
    code: 0,
    out: /^(sh: newfstatat\n){2}$/,
  },
  {
    name: 'trace: JSON',
    args: ['trace', container, '--json', '-n', '1', '-p', '%evt.type %evt.num'],
    code: 0,
    out: /^\{"evt\.type":"\w+","evt\.num":\d+\}\n$/,
  },
  {
    name: 'trace: an event that lacks a field of the format is left out',
    args: ['trace', container, '-n', '1', '-p', '%evt.num %fd.name'],
    code: 0,
    out: /^\d\d+ \/\S+\n$/,
  },
  {
    name: 'trace: unless the format begins with a star',
    args: ['trace', container, '--limit', '2', '-p', '*%evt.num %fd.name'],
    code: 0,
    out: /^1 <NA>\n2 <NA>\n$/,
  },
  {
    name: 'trace: as sysdig is called',
    args: ['trace', '-r', container, '-n', '2', '-pc', 'fd.name', '=', '/etc/passwd', 'and', 'evt.type=openat'],
    code: 0,
    out: /^(\d+ [\d:.]+ \d \S+ \(\S+\) \S+ \(\d+:\d+\) openat .*name=\/etc\/passwd .*\n){2}$/,
  },
  {
    name: 'trace: so many of all captures together',
    args: ['trace', container, container, '-n', '3', '-p', '%evt.num'],
    code: 0,
    out: /^1\n2\n3\n$/,
  },
  {
    name: 'trace: what sysdig has elsewhere',
    args: ['trace', '-w', 'x.scap'],
    code: 1,
    err: /`-w` is not there\n {2}help: `tiercel record FILE`/,
  },
  { name: 'trace: an empty format', args: ['trace', container, '-p', ' '], code: 1, err: /the format is empty/ },
  {
    name: 'trace: a wrong condition is shown with its place',
    args: ['trace', 'evt.tpye = open', container],
    code: 1,
    err: /^condition:1:1: E0104[\s\S]*did you mean `evt\.type`[\s\S]*the condition is wrong/,
  },
  ...['trace', 'top', 'learn'].map(command => ({
    name: `${command}: a word alone is a capture`,
    args: [command, 'nofile'],
    code: 1,
    err: /^tiercel: no such capture: `nofile`\n/,
  })),
  {
    name: 'trace: a field alone is a condition that is not complete',
    args: ['trace', 'evt.type'],
    code: 1,
    err: /^condition:1:9: E0101: expected an operator after `evt\.type`\n/,
  },
  {
    name: 'trace: a capture that is cut short',
    args: ['trace', cut, '-n', '1000000'],
    code: 1,
    out: /./,
    err: /cut short/,
  },
  { name: 'trace: live where it cannot be', args: ['trace'], env: noProbe, code: 1, err: /^tiercel: no probe here$/m },
  {
    name: 'record: a part of a capture',
    args: ['record', join(folder, 'part.scap'), 'evt.type = connect', '--from', container],
    code: 0,
    err: /^\d+ events, .*B in .*part\.scap\n$/,
  },
  {
    name: 'record: where nobody can write',
    args: ['record', join(folder, 'no', 'x.scap'), '--from', container],
    code: 1,
    err: /^tiercel: cannot write /,
  },
  {
    name: 'record: keeping files needs rotation',
    args: ['record', join(folder, 'x.scap'), '--keep', '3', '--from', container],
    code: 1,
    err: /`--keep` needs `--rotate-size`/,
  },
  {
    name: 'record: into the capture that it reads',
    args: ['record', cut, '--from', cut],
    code: 1,
    err: /is the capture that is read/,
  },
  ...[
    { name: 'record: a wrong condition is shown as it was typed', more: [] },
    { name: 'record: so it is with what options add', more: ['--container', 'web', '--process', '1'] },
  ].map(({ name, more }) => ({
    name,
    args: ['record', join(folder, 'x.scap'), 'evt.tpye', '=', 'open', '--from', container, ...more],
    code: 1,
    err: /^condition:1:1: E0104: [\s\S]*\n1 \| evt\.tpye = open\n {2}\| \^/,
  })),
  {
    name: 'learn: a wrong condition is shown as it was typed',
    args: ['learn', 'evt.tpye = open', container, '--container', 'web'],
    code: 1,
    err: /^condition:1:1: E0104: [\s\S]*\n1 \| evt\.tpye = open\n {2}\| \^/,
  },
  {
    name: 'record: a capture where the condition belongs',
    args: ['record', join(folder, 'x.scap'), container],
    code: 1,
    err: /`samples\/container\.scap` is no condition\n {2}help: `--from CAPTURE` reads a capture/,
  },
  ...[
    ['record', join(folder, 'x.scap')],
    ['learn', '--for', '1s'],
  ].map(args => ({
    name: `${args[0]}: a process that is not there`,
    args: [...args, '--process', '99999999'],
    env: fakeLive,
    code: 1,
    err: /^tiercel: there is no process 99999999\n$/m,
  })),
  {
    name: 'record: a process that is there no more, of a capture',
    args: ['record', join(folder, 'gone.scap'), '--from', container, '--process', '99999999'],
    code: 0,
    err: /^\d+ events, .*B in .*gone\.scap\n$/,
  },
  {
    name: 'record: live where it cannot be',
    args: ['record', join(folder, 'y.scap')],
    env: noProbe,
    code: 1,
    err: /no probe/,
  },
  {
    name: 'top: of a capture',
    args: ['top', container, '--sort', 'connections', '-n', '3'],
    code: 0,
    out: /^ *PID +PROCESS +(CONTAINER +)?REMOTE +PROTO +CONNS +SENT +RECEIVED\n(.*\n){1,3}$/,
  },
  { name: 'top: an unknown order', args: ['top', container, '--sort', 'size'], code: 1, err: /cannot sort by `size`/ },
]

for (const c of cases) {
  test(c.name, () => {
    const { code, out, err } = tiercel(c.args, c.env === undefined ? {} : { env: c.env })
    assert.match(err, c.err ?? /^$/)
    assert.match(out, c.out ?? /^$/)
    assert.equal(code, c.code)
  })
}

for (const output of ['scap', 'ndjson']) {
  test(`convert: what was there stays when the input is no capture (${output})`, () => {
    const there = file(`kept.${output}`, 'something')
    const fresh = join(folder, `fresh.${output}`)
    for (const path of [there, fresh]) {
      const { code, err } = tiercel(['convert', 'README.md', path])
      assert.match(err, /^tiercel: README\.md: not a capture: .*\n {2}help: .*\n$/)
      assert.equal(code, 1)
    }
    assert.equal(readFileSync(there, 'utf8'), 'something')
    assert.ok(!existsSync(fresh))
  })
}

for (const words of [['top'], ['learn'], ['domains', 'list'], ['domains', 'explain', '192.0.2.1']]) {
  test(`${words.join(' ')}: of what is no capture that alone is said`, () => {
    const { code, out, err } = tiercel([...words, 'README.md'])
    assert.match(err, /^tiercel: README\.md: not a capture: .*\n {2}help: .*\n$/)
    assert.equal(out, '')
    assert.equal(code, 1)
  })
}

test('record: what was there stays when the capture is none', () => {
  const there = file('recorded.scap', 'something')
  const fresh = join(folder, 'unrecorded.scap')
  for (const path of [there, fresh]) {
    const { code, err } = tiercel(['record', path, '--from', 'README.md'])
    assert.match(err, /^tiercel: README\.md: not a capture: .*\n {2}help: .*\n$/)
    assert.equal(code, 1)
  }
  assert.equal(readFileSync(there, 'utf8'), 'something')
  assert.ok(!existsSync(fresh))
})

test('record: what was there stays when no events can be had, and nothing new is left', () => {
  const there = file('there.scap', Buffer.from('a capture'))
  assert.equal(tiercel(['record', there], { env: noProbe }).code, 1)
  assert.equal(readFileSync(there, 'utf8'), 'a capture')
  const fresh = join(folder, 'fresh.scap')
  assert.equal(tiercel(['record', fresh], { env: noProbe }).code, 1)
  assert.ok(!existsSync(fresh))
})

/** Node hands a child a socket for standard input, so a shell makes the pipe. */
function piped(command: string, ...args: readonly string[]): Outcome {
  const line = `${command} | "$0" "$@"`
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line, process.execPath, ...nodeFlags, ...args], {
    cwd: root,
    env,
    encoding: 'utf8',
  })
  return { code: status, out: stdout, err: stderr }
}

test('a capture on standard input', () => {
  const { code, out } = piped(`cat ${container}`, 'replay', '-', '-q', '-r', good)
  assert.equal(code, 0)
  assert.equal(out.split('\n').length - 1, 3)
})

test('rules on standard input', () => {
  assert.match(piped(`cat ${bad}`, 'check', '-').out, /^-: Invalid\n\n-:3:36: E0104/)
})

test('a socket as standard input is told', () => {
  assert.match(
    tiercel(['replay', '-'], { input: sample }).err,
    /standard input is a socket\n {2}help: name a file, or use a pipe/,
  )
})

test('a capture survives the way to NDJSON and back', () => {
  const lines = join(folder, 'events.ndjson')
  const again = join(folder, 'again.scap')
  assert.equal(tiercel(['convert', container, lines]).code, 0)
  assert.match(tiercel(['convert', lines, again]).err, /events written to .*again\.scap/)
  const want = tiercel(['replay', container, '-q', '--json'])
  assert.equal(tiercel(['replay', again, '-q', '--json']).out, want.out)
  assert.equal(tiercel(['replay', lines, '-q', '--json']).out, want.out)
})

/** Runs it until `stop` ends it, and gives the exit code or the signal. */
function running(args: readonly string[], stop: (child: ChildProcess, text: string) => void): Promise<Outcome> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [...nodeFlags, ...args], { cwd: root, env, stdio: ['pipe', 'pipe', 'pipe'] })
    let out = ''
    let err = ''
    child.stdout.on('data', (data: Buffer) => {
      out += data.toString()
      stop(child, out)
    })
    child.stderr.on('data', (data: Buffer) => (err += data.toString()))
    child.on('close', (code, signal) => resolve({ code, out, err: err + (signal ?? '') }))
  })
}

test('a reader that has enough ends it, quietly', async () => {
  const lines = Array.from({ length: 40 }, () => container)
  const { code, err } = await running(['replay', ...lines, '--json'], child => child.stdout?.destroy())
  assert.equal(err, '')
  assert.equal(code, 0)
})

test('Ctrl-C ends it with the summary', { timeout: 60_000 }, async t => {
  const fifo = join(folder, 'fifo')
  if (spawnSync('mkfifo', [fifo]).status !== 0) return t.skip('`mkfifo` is not on this machine')
  const writer = createWriteStream(fifo)
  writer.on('error', () => {}) // the reader may stop before it has all
  writer.write(sample.subarray(0, 150_000))
  let isSent = false
  const { code, err } = await running(['replay', fifo, '-r', good], child => {
    if (isSent) return
    isSent = true
    child.kill('SIGINT')
    // What comes next ends the read that is under way.
    setTimeout(() => writer.end(sample.subarray(150_000)), 50)
  })
  assert.match(err, /^tiercel: stopped after \d+ events\nEvents detected: [1-3]\n/)
  assert.equal(code, 0)
})

test('a terminal gets colours and a progress line, and nothing of it is left', t => {
  const typescript = join(folder, 'typescript')
  const line = `${process.execPath} ${nodeFlags.join(' ')} replay ${container} -r ${good}`
  const { error, status } = spawnSync('script', ['-qec', line, typescript], {
    cwd: root,
    env: { ...env, TERM: 'xterm' },
    stdio: 'ignore',
  })
  if (error !== undefined) return t.skip('`script` is not on this machine')
  const text = readFileSync(typescript, 'utf8')
  assert.match(text, /\u001b\[36mNotice/)
  const drawn = text.lastIndexOf('█')
  assert.notEqual(drawn, -1, 'there is no progress line')
  assert.notEqual(text.indexOf('\r\u001b[2K', drawn), -1, 'the progress line is not cleared')
  assert.match(text, /Events detected: \d+/)
  assert.equal(status, 0)
})

test('standard output that is full is a failure', t => {
  let full: number
  try {
    full = openSync('/dev/full', 'w')
  } catch {
    return t.skip('/dev/full is not on this machine')
  }
  // Some have written it all when they end, some have not.
  for (const args of [
    ['fields', '-N'],
    ['check', 'rules'],
    ['trace', container],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [...nodeFlags, ...args], {
      cwd: root,
      env,
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    })
    assert.match(stderr, /cannot write to standard output: .*ENOSPC/)
    assert.equal(status, 1, args[0])
  }
  closeSync(full)
})

test('a file without permission', t => {
  const path = file('secret.yaml', '[]')
  chmodSync(path, 0)
  // Root may read everything.
  chmodSync(folder, 0o711)
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  const run = (...args: readonly string[]): { readonly status: number | null; readonly stderr: string } =>
    spawnSync(process.execPath, [...nodeFlags, ...args], { ...user, cwd: folder, env, encoding: 'utf8' })
  if (run('version').status !== 0) return t.skip('a plain user cannot read this checkout')
  assert.match(run('check', path).stderr, /^tiercel: no permission to read the rule file `.*secret\.yaml`\n/)
  // A folder that may not be looked into, and one that may be listed and no more.
  for (const mode of [0, 0o444]) {
    const closed = mkdtempSync(join(folder, 'closed-'))
    writeFileSync(join(closed, 'a.yaml'), '[]')
    chmodSync(closed, mode)
    assert.match(run('check', closed).stderr, /^tiercel: no permission to read the rule directory `.*closed-\w+`\n/)
    const inside = run('check', join(closed, 'a.yaml')).stderr
    assert.match(inside, /^tiercel: no permission to read the rule file `.*a\.yaml`\n/)
    chmodSync(closed, 0o700)
  }
})

test('a link in a rule folder is followed', () => {
  const rules = mkdtempSync(join(folder, 'rules-'))
  symlinkSync(good, join(rules, 'link.yml'))
  assert.match(tiercel(['check', rules]).out, /link\.yml: Ok/)
})

test('start on a terminal shows the samples where nothing can be watched, and says why', t => {
  if (spawnSync('script', ['--version']).error !== undefined) return t.skip('script(1) is not installed')
  const command = [process.execPath, ...nodeFlags, 'start'].map(word => `'${word}'`).join(' ')
  const { stdout, status } = spawnSync('script', ['-qec', command, '/dev/null'], {
    cwd: root,
    env: { ...env, ...noProbe },
    input: '',
    encoding: 'utf8',
  })
  assert.equal(status, 0)
  assert.match(
    stdout,
    /cannot watch this machine: no probe here; replaying the samples instead[\s\S]*container[\s\S]*What next/,
  )
})
