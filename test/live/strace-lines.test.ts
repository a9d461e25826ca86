import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTracedCall, splitItems, tracedFd, tracedText } from './strace-lines.ts'

const cases = [
  {
    name: 'a call with descriptors and a text',
    line: String.raw`openat(AT_FDCWD<\x2f>, "\x61", O_RDONLY) = 3<\x2f\x61>`,
    want: {
      args: [String.raw`AT_FDCWD<\x2f>`, String.raw`"\x61"`, 'O_RDONLY'],
      result: 3n,
      resultFile: String.raw`\x2f\x61`,
    },
  },
  {
    name: 'an error',
    line: 'close(-1)                               = -1 EBADF (Bad file descriptor)',
    want: { args: ['-1'], result: -1n, error: 'EBADF' },
  },
  {
    name: 'a device, whose numbers are in brackets of their own',
    line: String.raw`dup2(3<\x2f\x64<char 1:3>>, 1<\x2f\x64<char 1:3>>) = 1<\x2f\x64<char 1:3>>`,
    want: { args: [String.raw`3<\x2f\x64<char 1:3>>`, String.raw`1<\x2f\x64<char 1:3>>`], result: 1n },
  },
  {
    name: 'a connection, whose arrow is no bracket',
    line: 'shutdown(4<TCP:[127.0.0.1:1->127.0.0.1:2]>, SHUT_WR) = 0',
    want: { args: ['4<TCP:[127.0.0.1:1->127.0.0.1:2]>', 'SHUT_WR'] },
  },
  {
    name: 'a file that is gone',
    line: String.raw`memfd_create("\x61", 0) = 9<\x2f\x61>(deleted)`,
    want: { result: 9n },
  },
  { name: 'a call that does not return', line: 'exit_group(0) = ?', want: { args: ['0'], result: undefined } },
] as const

for (const { name, line, want } of cases) {
  test(`parseTracedCall: ${name}`, () => {
    const call = parseTracedCall(line)
    assert.ok(call !== undefined)
    assert.deepEqual({ ...call, ...want }, call)
  })
}

test('parseTracedCall: signals and ends are no calls', () => {
  assert.equal(parseTracedCall('--- SIGCHLD {si_signo=SIGCHLD} ---'), undefined)
  assert.equal(parseTracedCall('+++ exited with 0 +++'), undefined)
})

test('splitItems: commas inside brackets, quotes and comments separate nothing', () => {
  assert.deepEqual(splitItems('{a=1, b=[2, 3]}, "x,y", 0x1 /* 2, 3 */'), ['{a=1, b=[2, 3]}', '"x,y"', '0x1 /* 2, 3 */'])
})

test('tracedText: bytes, and whether they were cut', () => {
  assert.deepEqual(tracedText(String.raw`"\x61\xff"...`), { bytes: Buffer.of(0x61, 0xff), isCut: true })
  assert.equal(tracedText('0x7ffc1234'), undefined)
})

test('tracedFd: the number, and the file', () => {
  assert.deepEqual(tracedFd(String.raw`AT_FDCWD<\x2f\x61>`), { num: -100, file: '/a' })
  assert.deepEqual(tracedFd('-1'), { num: -1, file: undefined })
})
