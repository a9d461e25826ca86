import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { eventLookup, eventNames, nativeSyscalls, syscallCode, syscallName } from './event-lookup.ts'
import { eventTable } from './event-table.ts'

const codeCases = [
  { name: 'an event has all its versions', event: 'execve', want: [12, 13, 231, 293], atLeast: true },
  { name: 'an event with one code', event: 'procexit', want: [16, 186], atLeast: true },
  { name: 'accept and accept4 are different events', event: 'accept4', want: [388, 389], atLeast: false },
  { name: 'a system call without an event is the generic event', event: 'getpid', want: [0, 1], atLeast: false },
  {
    name: 'a system call newer than Falco’s codes is known by name',
    event: 'setxattrat',
    want: [0, 1],
    atLeast: false,
  },
  { name: 'the generic event has a name too', event: 'syscall', want: [0, 1], atLeast: false },
  { name: 'an unknown name', event: 'opennat', want: undefined, atLeast: false },
  { name: 'the filler of unknown codes is no name', event: 'unknown', want: undefined, atLeast: false },
  { name: 'a name of Object.prototype', event: 'constructor', want: undefined, atLeast: false },
] as const

for (const c of codeCases) {
  test(`codesOf: ${c.name}`, () => {
    const codes = eventLookup.codesOf(c.event)
    if (!c.atLeast || codes === undefined) assert.deepEqual(codes, c.want)
    else for (const code of c.want ?? []) assert.ok(codes.includes(code), `${code} in ${codes}`)
  })
}

const obsoleteCases = [
  { name: 'a current exit event', code: 307, want: false },
  { name: 'an old exit event', code: 13, want: true },
  { name: 'an old enter event', code: 4, want: true },
  { name: 'an enter event that is still made', code: 306, want: true },
  { name: 'a tracepoint with one code', code: 186, want: false },
  { name: 'an event made by libraries', code: 324, want: false },
  { name: 'an unused filler', code: 449, want: true },
  { name: 'a code past the table', code: 454, want: true },
] as const

for (const c of obsoleteCases) test(`isObsolete: ${c.name}`, () => assert.equal(eventLookup.isObsolete(c.code), c.want))

const syscallCases = [
  { name: 'by its code', args: [154, 202], want: 'futex' },
  { name: 'by number where the code is newer than the table', args: [999, 467], want: 'open_tree_attr' },
  { name: 'unknown both ways', args: [999, 9999], want: undefined },
  { name: 'in a gap of the codes', args: [382, undefined], want: undefined },
] as const

for (const c of syscallCases) {
  test(`syscallName: ${c.name}`, () => assert.equal(syscallName(c.args[0], c.args[1]), c.want))
}

test('syscallCode is the inverse of syscallName', () => {
  for (const name of ['read', 'execve', 'mseal']) assert.equal(syscallName(syscallCode(name) ?? -1), name)
  assert.equal(syscallCode('nothing'), undefined)
})

// The kernel's headers for machines without numbers of their own have arm64's (linux-libc-dev brings them everywhere).
const headers = '/usr/include/asm-generic/unistd.h'
const noHeaders = existsSync(headers) ? false : `${headers} is not there`

test('numbers of arm64 are those of the kernel’s headers', { skip: noHeaders }, () => {
  const ours = nativeSyscalls('arm64')
  const theirs = [...readFileSync(headers, 'utf8').matchAll(/^#define __NR(?:3264)?_(\w+) (\d+)$/gm)]
  let compared = 0
  for (const [, name = '', number] of theirs) {
    if (['syscalls', 'arch_specific_syscall'].includes(name) || (ours[Number(number)] ?? null) === null) continue
    // newfstatat and its like have one name in the header and another in the table.
    if (ours[Number(number)] !== name)
      assert.match(
        name,
        /^(fstatat|fadvise64|sync_file_range2?|truncate|ftruncate|lseek|statfs|fstatfs|fcntl|sendfile|mmap|fstat)$/,
      )
    compared++
  }
  assert.ok(compared > 290, `${compared} compared`)
})

test('machines count alike from 424 on; an unknown machine has no numbers', () => {
  for (const [number, name] of nativeSyscalls('arm64').entries())
    if (number >= 424 && name !== null) assert.equal(name, nativeSyscalls('x64')[number])
  assert.deepEqual(nativeSyscalls('s390x'), [])
})

test('every event and system call name has codes', () => {
  const names = eventNames()
  assert.equal(new Set(names).size, names.length)
  for (const name of names) assert.ok((eventLookup.codesOf(name)?.length ?? 0) > 0, name)
})

test('the table is the one the readers were written for', () => {
  assert.equal(eventTable.length, 454)
  assert.equal(
    eventTable.reduce((sum, info) => sum + info.params.length, 0),
    1345,
  )
  const rows = [23, 293, 307].map(code => eventTable[code]?.name)
  assert.deepEqual(rows, ['connect', 'execve', 'openat'])
})
