import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadRules } from '../../../src/agent/load-rules.ts'
import { Pipeline } from '../../../src/agent/pipeline.ts'
import { NameIndex } from '../../../src/domains/name-index.ts'
import { NdjsonParser } from '../../../src/events/ndjson/read-ndjson.ts'
import { noSettings } from './load-case.ts'
import { plainSetup } from '../../../src/agent/testdata/plain-setup.ts'

// What conditions say of events: each row is tried on the last of its events.

interface EvaluationCase {
  readonly name: string
  /** NDJSON, state first. */
  readonly events: readonly object[]
  readonly matches: readonly string[]
  readonly differs: readonly string[]
}

/** Of `conditions`, those that are true of the last event. */
function trueOf(events: readonly object[], conditions: readonly string[]): readonly string[] {
  const text = conditions
    .map(
      (condition, i) =>
        `- rule: r${i}\n  desc: d\n  condition: ${JSON.stringify(condition)}\n  output: o\n  priority: INFO\n`,
    )
    .join('')
  const { rules, fields } = loadRules([{ path: 'rules.yaml', text }], noSettings)
  const errors = rules.results
    .flatMap(result => result.findings)
    .filter(finding => finding.diagnostic.severity === 'error')
  assert.deepEqual(
    errors.map(error => error.diagnostic.message),
    [],
  )
  assert.ok(rules.plan !== undefined)
  let seen: string[] = []
  let last = 0
  const pipeline = new Pipeline({
    plan: rules.plan,
    fields,
    names: new NameIndex(),
    ...plainSetup,
    onAlert: alert => {
      if (alert.eventNum !== last) seen = []
      last = alert.eventNum
      seen.push(conditions[Number(alert.rule.name.slice(1))]!)
    },
  })
  const parser = new NdjsonParser(pipeline.sink)
  parser.push(Buffer.from(events.map(event => `${JSON.stringify(event)}\n`).join('')))
  parser.end()
  const summary = parser.summary()
  assert.equal(summary.badLines, 0, JSON.stringify(summary.problems))
  assert.equal(last === 0 || last === pipeline.events, true, `alerts of event ${last} of ${pipeline.events}`)
  return seen
}

const init = { kind: 'process', tid: 1, ptid: 0, comm: 'init', exe: '/sbin/init', exepath: '/sbin/init', cwd: '/' }
const opens = (name: string, fd = 3, flags: string | number = 0): object => ({
  type: 'open',
  tid: 1,
  args: { fd, name, flags },
})
const execs = (comm: string, exe: string): object => ({
  type: 'execve',
  tid: 1,
  args: { res: 0, exe, tid: 1, pid: 1, ptid: 0, comm, trusted_exepath: exe },
})
const reads = (data: string): object => ({ type: 'read', tid: 1, args: { res: data.length, data, fd: 0, size: 64 } })

const file = '/tmp/file_to_run'
const myexe = [init, execs('myexe', '/myexe')]

/** Rows of one field: operator and modifier, the values that match, those that do not. */
function modifiers(
  operator: string,
  matches: readonly (readonly [modifier: string, values: string])[],
  differs: readonly (readonly [modifier: string, values: string])[],
): EvaluationCase {
  const text = ([modifier, values]: readonly [string, string]): string =>
    `proc.name ${operator} ${modifier} (${values})`
  return { name: `${operator} with modifiers`, events: myexe, matches: matches.map(text), differs: differs.map(text) }
}

const cases: readonly EvaluationCase[] = [
  {
    name: 'paths by prefix',
    events: [init, opens('/opt/dir/subdir/file.txt')],
    matches: [
      'fd.name pmatch (/opt/dir)',
      'fd.name pmatch (/opt/dir/subdir)',
      'fd.name pmatch (/opt/dir, /opt/dir2)',
      'fd.name pmatch (/opt/*)',
      'fd.name pmatch (/opt/*/subdir)',
      'fd.name pmatch (/opt/di?/subdir)',
      'fd.name pmatch (/opt/di[r]/subdir)',
      'fd.name pmatch (/opt/*/*)',
    ],
    differs: [
      'fd.name pmatch (/opt/dir2)',
      'fd.name pmatch (/opt/dir3, /opt/dir2)',
      'fd.name pmatch (/opt/dii?/subdir)',
      'fd.name pmatch (/opt/di[!r]/subdir)',
      'fd.name pmatch (/opt/di/subdir)',
      'fd.name pmatch (/opt/di[t]/subdir)',
      'fd.name pmatch (/opt/*/subdir2)',
      'fd.name pmatch (/opt/*/*/subsubdir)',
    ],
  },
  {
    name: 'text within text, and names of flags',
    events: [init, opens('/opt/dir/SUBDIR/file.txt', 1, 'O_RDWR|O_CREAT')],
    matches: [
      'evt.arg.flags contains O_CREAT',
      'evt.arg.flags icontains o_creat',
      'fd.name contains /dir',
      'fd.name icontains /subdir',
    ],
    differs: ['evt.arg.flags contains O_TMPFILE', 'fd.name icontains notthis', 'fd.name contains /subdir'],
  },
  {
    name: 'bytes within a buffer',
    events: [init, reads('hello')],
    matches: [
      'evt.buffer bcontains 68656c6c6f',
      'evt.buffer bcontains 656c6C',
      'evt.buffer bstartswith 68',
      'evt.buffer bstartswith 68656c6c6f',
      'evt.buffer = hello',
      'evt.buffer startswith he',
      'evt.buffer endswith lo',
    ],
    differs: [
      'evt.buffer bcontains 20',
      'evt.buffer bcontains 656c6cAA',
      'evt.buffer bstartswith 65',
      'evt.buffer bstartswith 656c6C',
      'evt.buffer bstartswith 20',
      'evt.buffer bstartswith 656c6cAA',
    ],
  },
  {
    name: 'numbers with a sign',
    events: [init, { type: 'epoll_create', tid: 1, args: { res: -22, size: 0 } }],
    matches: [
      'evt.rawarg.res < 0',
      'evt.rawarg.res < -1',
      'evt.rawarg.res > -65535',
      'evt.rawres = -22',
      'evt.cpu < 300',
      'evt.cpu > -500',
      'evt.cpu <= 1025',
    ],
    differs: ['evt.rawarg.res > 0', 'evt.rawarg.res > 4294967295', 'evt.cpu > 300', 'evt.cpu >= 1025'],
  },
  {
    name: 'the number of a file that did not open',
    events: [init, opens('/tmp/the_file', -1)],
    matches: ['fd.num < 0', 'fd.num > -65535', 'fd.num = -1'],
    differs: ['fd.num >= 0', 'fd.num > 0', 'fd.num > 4294967295', 'fd.num < -1'],
  },
  {
    name: 'addresses of IPv4',
    events: [
      init,
      { type: 'socket', tid: 1, args: { fd: 4, domain: 'AF_INET', type: 1, proto: 0 } },
      {
        type: 'connect',
        tid: 1,
        args: { res: 0, tuple: '172.40.111.222:54321->142.251.111.147:443', fd: 4, addr: '142.251.111.147:443' },
      },
    ],
    matches: [
      'fd.ip == 142.251.111.147',
      'fd.sip == 142.251.111.147',
      'fd.lip == 142.251.111.147',
      'fd.rip == 172.40.111.222',
      'fd.cip == 172.40.111.222',
      'fd.sip != 0:0:0:0:0:0:0:1',
      'fd.net == 142.0.0.0/4',
      'fd.net == 142.251.0.0/8',
      'fd.net == 142.251.111.0/16',
      'fd.net != 10.0.0.0/8',
      'fd.net != 2001:db8:abcd:0012::0/64',
    ],
    differs: [
      'fd.ip != 142.251.111.147',
      "fd.sip == '0:0:0:0:0:0:0:1'",
      'fd.net == 10.0.0.0/8',
      'fd.net == 2001:db8:abcd:0012::0/64',
    ],
  },
  {
    name: 'addresses of IPv6',
    events: [
      init,
      { type: 'socket', tid: 1, args: { fd: 4, domain: 'AF_INET6', type: 1, proto: 0 } },
      {
        type: 'connect',
        tid: 1,
        args: { res: 0, tuple: '[::1]:54321->[2001:4860:4860::8888]:443', fd: 4, addr: '[2001:4860:4860::8888]:443' },
      },
    ],
    matches: [
      'fd.ip == 2001:4860:4860::8888',
      'fd.sip == 2001:4860:4860::8888',
      'fd.lip == 2001:4860:4860::8888',
      'fd.rip == ::1',
      'fd.cip == ::1',
      'fd.sip != 127.0.0.1',
      'fd.net == 2001::0/16',
      'fd.net == 2001:4860::0/32',
      'fd.net == 2001:4860:4860::8888/48',
      'fd.net != 10::0/16',
      'fd.net != 10.0.0.0/8',
    ],
    differs: [
      'fd.ip != 2001:4860:4860::8888',
      "fd.sip == '127.0.0.1'",
      'fd.net == 10.0.0.0/8',
      'fd.net == 2001:db8:abcd:0012::0/64',
    ],
  },
  {
    name: 'a system call that failed',
    events: [init, { type: 'getcwd', tid: 1, args: { res: -22, path: '/test/dir' } }],
    matches: [
      '(evt.type = getcwd)',
      '(evt.arg.res = val(evt.arg.res))',
      '(evt.args = val(evt.args))',
      'evt.source regex "^[s]{1}ysca[l]{2}$"',
      "evt.source regex 'syscal.*'",
      "toupper(evt.source) regex '^[A-Z]+$'",
      'evt.arg[1] startswith /etc or evt.arg[1] = /test/dir',
      'toupper(evt.source) = SYS or toupper(evt.source) = SYSCALL',
      'evt.source = val(evt.plugininfo) or evt.source = val(evt.source)',
    ],
    differs: [
      '(evt.args = evt.args)',
      "evt.source regex 'yscal.*'",
      "evt.source regex '.*yscal'",
      "evt.source regex '^unknown$'",
      'fd.ip = 127.0.0.1 or fd.ip = 10.0.0.1',
      'fd.net = 127.0.0.1/32 or fd.net = 10.0.0.1/32',
    ],
  },
  {
    name: 'boolean expressions',
    events: [init, opens(file)],
    // T is true and F is false of the event.
    matches: [
      'T',
      'not not T',
      'not (not T)',
      'not not not not T',
      'not not(not not T)',
      'T and T',
      'T or T',
      'T or F',
      'F or T',
      'F or not F',
      'not F or F',
      'T or T and F',
      'not (not (T or T) and F)',
      'not (F or F and not T)',
    ].map(truthValues),
    differs: [
      'F',
      'not T',
      'not(T)',
      'not not not T',
      'not not not(T)',
      'not (not (not T))',
      'not(not(not T))',
      'T and F',
      'F and T',
      'F and F',
      'T and not T',
      'not T and T',
      'F or F',
      '(T or T) and F',
      'not (F or F or T)',
      'not (F or not F and T)',
      'not ((F or not (F and not T)) and T)',
    ].map(truthValues),
  },
  {
    name: 'quotes and escapes in values',
    events: [init, opens('/tmp/hello "quoted"')],
    matches: [`fd.filename = 'hello "quoted"'`, 'fd.filename = "hello \\"quoted\\""'],
    differs: [`fd.filename = 'hello ""quoted""'`, `fd.filename = "hello 'quoted'"`],
  },
  {
    name: 'transformers of one value',
    events: [init, opens(file)],
    matches: [
      'basename(fd.name) = file_to_run',
      'len(fd.name) = 16',
      'toupper(fd.name) = /TMP/FILE_TO_RUN',
      'tolower(toupper(fd.name)) = /tmp/file_to_run',
      'toupper(fd.name) = toupper(fd.name)',
    ],
    differs: ['basename(fd.name) = /tmp/file_to_run', 'len(fd.name) = 15', 'toupper(fd.name) = /tmp/file_to_run'],
  },
  {
    name: 'join',
    events: [init, opens(file)],
    matches: [
      'join(fd.name, (fd.name,fd.directory)) = /tmp/file_to_run/tmp/file_to_run/tmp',
      'join("-", (fd.name,fd.directory)) = /tmp/file_to_run-/tmp',
      'join("-", ("aaa","bbb")) = aaa-bbb',
      'join("->", ("aaa","bbb")) = aaa->bbb',
      'join("->", ("aaa")) = aaa',
      'join("->", (fd.name, "aaa")) = /tmp/file_to_run->aaa',
      'join("->", (fd.name, "aaa", fd.directory)) = /tmp/file_to_run->aaa->/tmp',
      'join("->", (toupper(fd.name), "aaa")) = /TMP/FILE_TO_RUN->aaa',
      'join("->", ( "aaa", toupper(fd.name))) = aaa->/TMP/FILE_TO_RUN',
      'join("-", (fd.directory, join("->", ( "aaa", toupper(fd.name))))) = /tmp-aaa->/TMP/FILE_TO_RUN',
      'join(",", ("aaa","bbb")) = "aaa,bbb"',
      'join(",", (evt.num, evt.num)) = "1,1"',
      'join(",", ()) = ""',
      'toupper(join("-", (fd.name, fd.directory))) = /TMP/FILE_TO_RUN-/TMP',
      'tolower(join("-", ("AAA", "BBB"))) = aaa-bbb',
      'len(join("-", (fd.name, fd.directory))) = 21',
      'len(join("-", ("aaa", "bbb"))) = 7',
      'b64(join("W", ("YWFhL", "JiYg"))) = "aaa-bbb"',
      'toupper(tolower(join("-", (fd.name, fd.directory)))) = /TMP/FILE_TO_RUN-/TMP',
      'toupper(join("-", (fd.name, fd.directory))) contains /TMP',
      'toupper(join("-", (fd.name, fd.directory))) startswith /TMP',
      'len(join("-", (fd.name, fd.directory))) > 20',
      'len(join("-", (fd.name, fd.directory))) < 22',
    ],
    differs: ['join(",", ("aaa","bbb")) = "aaa-bbb"', 'join(",", ()) = ","'],
  },
  {
    name: 'concat',
    events: [init, opens(file)],
    matches: [
      'concat(fd.name, fd.directory) = /tmp/file_to_run/tmp',
      'concat("aaa", "bbb") = aaabbb',
      'concat("aaa", "bbb", "ccc") = aaabbbccc',
      'concat(fd.name, "aaa", fd.directory) = /tmp/file_to_runaaa/tmp',
      'concat(toupper(fd.name), "aaa") = /TMP/FILE_TO_RUNaaa',
      'concat("aaa", toupper(fd.name)) = aaa/TMP/FILE_TO_RUN',
      'concat(fd.directory, concat("aaa", toupper(fd.name))) = /tmpaaa/TMP/FILE_TO_RUN',
      'toupper(concat("aaa", "bbb")) = AAABBB',
      'len(concat(fd.name, fd.directory)) = 20',
      'len(concat("aaa", "bbb")) = 6',
      'b64(concat("YWFh", "YmJi")) = "aaabbb"',
      'toupper(tolower(concat(fd.name, fd.directory))) = /TMP/FILE_TO_RUN/TMP',
      'toupper(concat(fd.name, fd.directory)) contains /TMP',
      'len(concat(fd.name, fd.directory)) >= 20',
    ],
    differs: ['concat("aaa", "bbb") = "aaa-bbb"', 'len(concat(fd.name, fd.directory)) > 20'],
  },
  {
    name: 'getopt',
    events: [init, opens(file)],
    matches: [
      'getopt(("-n",""), "n") intersects ("n")',
      ...['t', 'hello'].map(found => `getopt(("-t", "hello"), "t:") intersects ("${found}")`),
      ...['n', 't', 'hello'].map(found => `getopt(("-nt", "hello"), "nt:") intersects ("${found}")`),
      ...['t', 'hello'].map(found => `getopt(("-thello"), "t:") intersects ("${found}")`),
      'getopt(("-n", "-t", "hello"), "nt:") in ("n", "t", "hello")',
      'getopt(("-n", "--", "-t"), "nt:") intersects ("n")',
      'getopt(("-l", "-p", "8080", "-e", "/bin/sh"), "lp:e:") in ("l", "p", "e", "8080", "/bin/sh")',
      'getopt(("-lpe", "/bin/sh"), "lpe:") intersects ("/bin/sh")',
      'getopt(("-abcvalue"), "abc:") in ("a", "b", "c", "value")',
      'getopt(("-t", "val1", "-t", "val2"), "t:") in ("t", "val1", "val2")',
      'getopt(("-t", "-123"), "t:") intersects ("-123")',
      'getopt(("-t", ""), "t:") intersects ("")',
      'getopt(("-xzf", "file.tar.gz"), "xzf:") in ("x", "z", "f", "file.tar.gz")',
      'getopt(("-1", "-2", "-3"), "123") in ("1", "2", "3")',
    ],
    differs: [
      'getopt(("-n"), "n") intersects ("t")',
      'getopt(("-n", "--", "-t"), "nt:") intersects ("t")',
      'getopt(("-x", "-n"), "n") intersects ("x")',
      'getopt(("-n", "-t"), "") intersects ("n", "t")',
      'getopt((""), "n") intersects ("n")',
      'getopt(("-"), "n") intersects ("n")',
      'getopt(("--", "-n"), "n") intersects ("n")',
    ],
  },
  modifiers(
    '==',
    [
      ['oneof', 'myexe, bash'],
      ['oneof', 'myexe'],
      ['anyof', 'myexe, bash'],
      ['anyof', 'myexe, myexe'],
      ['allof', 'myexe'],
      ['allof', 'myexe, myexe'],
    ],
    [
      ['oneof', 'bash, sh'],
      ['oneof', 'myexe, myexe'],
      ['anyof', 'bash, sh'],
      ['allof', 'myexe, bash'],
      ['allof', 'bash, sh'],
      ['oneof', ''],
      ['anyof', ''],
      ['allof', ''],
    ],
  ),
  modifiers(
    '!=',
    [
      ['oneof', 'myexe, myexe, bash'],
      ['oneof', 'myexe, bash'],
      ['anyof', 'bash, sh'],
      ['anyof', 'myexe, bash'],
      ['allof', 'bash, sh'],
    ],
    [
      ['oneof', 'myexe, myexe'],
      ['oneof', 'bash, sh'],
      ['allof', 'myexe, bash'],
      ['oneof', ''],
      ['anyof', ''],
      ['allof', ''],
    ],
  ),
  ...(
    [
      ['contains', 'my', 'exe', 'bash', 'sh'],
      ['icontains', 'MY', 'EXE', 'BASH', 'SH'],
      ['startswith', 'my', 'mye', 'bash', 'sh'],
      ['endswith', 'exe', 'yexe', 'bash', 'sh'],
      ['glob', 'my*', '*exe', 'bash', 'sh*'],
      ['iglob', 'MY*', '*EXE', 'BASH', 'SH*'],
      ['regex', 'my.*', '.*exe', 'b.*', 'sh.*'],
    ] as const
  ).map(([operator, yes, also, no, neither]) =>
    modifiers(
      operator,
      [
        ['oneof', `${yes}, ${no}`],
        ['oneof', yes],
        ['anyof', `${yes}, ${no}`],
        ['anyof', `${yes}, ${also}`],
        ['allof', `${yes}, ${also}`],
      ],
      [
        ['oneof', `${no}, ${neither}`],
        ['oneof', `${yes}, ${also}`],
        ['anyof', `${no}, ${neither}`],
        ['allof', `${yes}, ${no}`],
        ['allof', `${no}, ${neither}`],
      ],
    ),
  ),
  {
    name: 'modifiers behind transformers, and in expressions',
    events: myexe,
    matches: [
      'toupper(proc.name) == oneof (MYEXE, BASH)',
      'toupper(proc.name) != oneof (MYEXE, BASH)',
      'toupper(proc.name) != allof (BASH, SH)',
      'proc.name == oneof (myexe) and proc.name != allof (bash, sh)',
      'proc.name == anyof (myexe, bash) or proc.name != oneof (myexe)',
    ],
    differs: [
      'toupper(proc.name) == oneof (BASH, SH)',
      'toupper(proc.name) != oneof (BASH, SH)',
      'toupper(proc.name) != allof (MYEXE, BASH)',
      'proc.name == oneof (myexe) and proc.name != allof (myexe, bash)',
    ],
  },
]

function truthValues(expression: string): string {
  return expression.replace(/\bT\b/g, `fd.name=${file}`).replace(/\bF\b/g, 'fd.name=1')
}

for (const { name, events, matches, differs } of cases) {
  test(name, () => {
    const found = new Set(trueOf(events, [...matches, ...differs]))
    assert.deepEqual(
      matches.filter(condition => !found.has(condition)),
      [],
      'these should match',
    )
    assert.deepEqual(
      differs.filter(condition => found.has(condition)),
      [],
      'these should not match',
    )
  })
}

test('transformers of several values that are not well formed', () => {
  const wrong = [
    'join() = foo',
    'join("-") = foo',
    'join("-", "a", "b") = foo',
    'join(fd.types, ("a", "b")) = foo',
    'join(("a", "b"), ("a", "b")) = foo',
    'join(("a", "b"), "a") = foo',
    'join("a", "b") = foo',
    'concat() = foo',
    'concat("aaa") = foo',
    'concat(fd.types, "a") = foo',
    'concat(("a", "b"), "a") = foo',
    'concat("a", ("a", "b")) = foo',
    'concat(("a", "b"), ("a", "b")) = foo',
    'getopt() intersects ("n")',
    'getopt(("a")) intersects ("n")',
    'getopt(("a"), "n", "extra") intersects ("n")',
    'getopt("not_a_list", "n") intersects ("n")',
    'getopt(("-n"), ("n")) intersects ("n")',
    'evt.buffer bcontains',
    'evt.buffer bcontains 2',
    'evt.buffer bcontains 2g',
    'evt.buffer bstartswith',
    'evt.buffer bstartswith 2',
    'evt.buffer bstartswith 2g',
  ]
  for (const condition of wrong) {
    const text = `- rule: r\n  desc: d\n  condition: ${JSON.stringify(condition)}\n  output: o\n  priority: INFO\n`
    assert.equal(loadRules([{ path: 'rules.yaml', text }], noSettings).rules.results[0]?.ok, false, condition)
  }
})
