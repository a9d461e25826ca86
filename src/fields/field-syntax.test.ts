import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fieldByName, fieldLookup, fields } from './catalogue.ts'

interface Found {
  readonly text: string
  readonly field: string
  readonly arg?: string
  readonly used: string
}

const found: readonly (Found & { readonly name: string })[] = [
  { name: 'the longest name wins', text: 'fd.sip.name = x', field: 'fd.sip.name', used: 'fd.sip.name' },
  { name: 'a name ends where the field ends', text: 'proc.pname, then', field: 'proc.pname', used: 'proc.pname' },
  { name: 'an index in brackets', text: 'proc.aname[2] x', field: 'proc.aname', arg: '2', used: 'proc.aname[2]' },
  { name: 'an optional argument may be left out', text: 'proc.aname', field: 'proc.aname', used: 'proc.aname' },
  {
    name: 'quotes around an argument',
    text: 'proc.env["A B"]',
    field: 'proc.env',
    arg: 'A B',
    used: 'proc.env["A B"]',
  },
  { name: 'a parameter by name', text: 'evt.arg.path', field: 'evt.arg', arg: 'path', used: 'evt.arg.path' },
  {
    name: 'the longest parameter name',
    text: 'evt.arg.pathname',
    field: 'evt.arg',
    arg: 'pathname',
    used: 'evt.arg.pathname',
  },
  {
    name: 'text after a parameter name stays',
    text: 'evt.arg.flagsfoo',
    field: 'evt.arg',
    arg: 'flags',
    used: 'evt.arg.flags',
  },
  { name: 'a parameter by position', text: 'evt.arg[3])', field: 'evt.arg', arg: '3', used: 'evt.arg[3]' },
  { name: 'all arguments are another field', text: 'evt.args', field: 'evt.args', used: 'evt.args' },
  { name: 'a typed parameter', text: 'evt.rawarg.res', field: 'evt.rawarg', arg: 'res', used: 'evt.rawarg.res' },
  {
    name: 'an event name',
    text: 'evt.type.is.openat)',
    field: 'evt.type.is',
    arg: 'openat',
    used: 'evt.type.is.openat',
  },
  { name: 'one of two paths', text: 'evt.abspath.dst', field: 'evt.abspath', arg: 'dst', used: 'evt.abspath.dst' },
  { name: 'a path without a side', text: 'evt.abspath foo', field: 'evt.abspath', used: 'evt.abspath' },
  {
    name: 'a control group',
    text: 'thread.cgroup.cpu_set/x',
    field: 'thread.cgroup',
    arg: 'cpu_set',
    used: 'thread.cgroup.cpu_set',
  },
  {
    name: 'all control groups are another field',
    text: 'thread.cgroups',
    field: 'thread.cgroups',
    used: 'thread.cgroups',
  },
  {
    name: 'a label after a dot',
    text: 'container.label.a.b/c=1',
    field: 'container.label',
    arg: 'a.b/c',
    used: 'container.label.a.b/c',
  },
  {
    name: 'a label in brackets',
    text: 'k8s.pod.label[app]',
    field: 'k8s.pod.label',
    arg: 'app',
    used: 'k8s.pod.label[app]',
  },
  {
    name: 'all labels are another field',
    text: 'container.labels',
    field: 'container.labels',
    used: 'container.labels',
  },
  { name: 'brackets after a field without argument stay', text: 'proc.name[1]', field: 'proc.name', used: 'proc.name' },
]

for (const c of found) {
  test(`resolve: ${c.name}`, () => {
    const got = fieldLookup.resolve(c.text)
    assert.equal(got.kind, 'field')
    if (got.kind !== 'field') return
    assert.equal(got.ref.spec.name, c.field)
    assert.equal(got.ref.arg, c.arg)
    assert.equal(c.text.slice(0, got.length), c.used)
  })
}

const refused: readonly { readonly name: string; readonly text: string; readonly message: RegExp }[] = [
  { name: 'an argument that is required', text: 'container.mount', message: /an argument is required/ },
  { name: 'an index that is no number', text: 'proc.aname[x]', message: /`x` is not a number/ },
  { name: 'an index that is too great', text: 'proc.aname[9999999999]', message: /is not a number/ },
  { name: 'an open bracket', text: 'proc.env[PATH', message: /no closing bracket/ },
  { name: 'a parameter that no event has', text: 'evt.arg.zzz', message: /no event has an argument named `zzz`/ },
  { name: 'a parameter name that is missing', text: 'evt.arg', message: /name of an argument is required/ },
  { name: 'a typed parameter by position', text: 'evt.rawarg[1]', message: /must be given by name/ },
  { name: 'an event that does not exist', text: 'evt.type.is.zzz', message: /no event is named `zzz`/ },
  { name: 'a control group that is missing', text: 'thread.cgroup', message: /name of a subsystem is required/ },
]

for (const c of refused) {
  test(`resolve refuses ${c.name}`, () => {
    const got = fieldLookup.resolve(c.text)
    assert.equal(got.kind, 'bad-argument')
    if (got.kind === 'bad-argument') assert.match(got.message, c.message)
  })
}

test('resolve: a name that is none is unknown', () => {
  assert.deepEqual(fieldLookup.resolve('fd.'), { kind: 'unknown' })
  assert.deepEqual(fieldLookup.resolve(''), { kind: 'unknown' })
})

test('a typed parameter has the type of the parameter', () => {
  const type = (text: string) => {
    const got = fieldLookup.resolve(text)
    return got.kind === 'field' ? got.ref.type : got.kind
  }
  assert.equal(type('evt.rawarg.flags'), 'FLAGS32')
  assert.equal(type('evt.rawarg.path'), 'FSPATH')
  assert.equal(type('evt.rawarg.euid'), 'UID')
})

test('one ancestor compares as any other field, all of them by «any»', () => {
  const compare = (text: string) => {
    const got = fieldLookup.resolve(text)
    return got.kind === 'field' ? got.ref.spec.compare : got.kind
  }
  assert.equal(compare('proc.aname'), 'any')
  assert.equal(compare('proc.aname[2]'), undefined)
  assert.equal(compare('proc.aname[-1]'), 'any')
  assert.equal(compare('proc.aenv[HOME]'), undefined)
  assert.equal(compare('fd.ip'), 'either')
  assert.equal(compare('fd.sip.name'), 'domain')
})

test('resolve: what is used of a text is never longer than it, and names resolve to themselves', () => {
  const names = fields.map(f => f.name)
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.string({ maxLength: 12 }), (name, rest) => {
      const got = fieldLookup.resolve(name + rest)
      if (got.kind === 'unknown') return false
      if (got.kind === 'bad-argument') return fieldByName(got.spec.name) !== undefined
      return got.length >= got.ref.spec.name.length && got.length <= name.length + rest.length
    }),
    { numRuns: 2000 },
  )
})
