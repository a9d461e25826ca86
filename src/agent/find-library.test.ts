import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { LIBRARY_CALLS } from '../events/library-call.ts'
import { findLibraries, functionOffsets } from './find-library.ts'

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tiercel-library-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

/** A library of one function: header, a segment, three sections, symbols, texts. */
function library(name: string, address: bigint, section = 1): Buffer {
  const texts = Buffer.from(`\0other\0${name}\0`)
  const bytes = Buffer.alloc(64 + 56 + 3 * 64 + 2 * 24 + texts.length)
  const [segmentAt, sectionsAt, symbolsAt, textsAt] = [64, 120, 312, 360]
  bytes.write('\x7fELF\x02\x01', 'latin1')
  bytes.writeBigUInt64LE(BigInt(segmentAt), 32)
  bytes.writeBigUInt64LE(BigInt(sectionsAt), 40)
  bytes.writeUInt16LE(1, 56)
  bytes.writeUInt16LE(3, 60)
  bytes.writeUInt32LE(1, segmentAt)
  bytes.writeBigUInt64LE(0x100n, segmentAt + 8)
  bytes.writeBigUInt64LE(0x4000n, segmentAt + 16)
  bytes.writeBigUInt64LE(0x1000n, segmentAt + 32)
  const table = (i: number, type: number, at: number, size: number, link: number): void => {
    bytes.writeUInt32LE(type, sectionsAt + i * 64 + 4)
    bytes.writeBigUInt64LE(BigInt(at), sectionsAt + i * 64 + 24)
    bytes.writeBigUInt64LE(BigInt(size), sectionsAt + i * 64 + 32)
    bytes.writeUInt32LE(link, sectionsAt + i * 64 + 40)
  }
  table(1, 11, symbolsAt, 48, 2)
  table(2, 3, textsAt, texts.length, 0)
  bytes.writeUInt32LE(7, symbolsAt + 24)
  bytes.writeUInt16LE(section, symbolsAt + 24 + 6)
  bytes.writeBigUInt64LE(address, symbolsAt + 24 + 8)
  texts.copy(bytes, textsAt)
  return bytes
}

const cases: readonly { readonly name: string; readonly bytes: Buffer; readonly want?: number }[] = [
  { name: 'a function', bytes: library('getaddrinfo', 0x4010n), want: 0x110 },
  { name: 'another function', bytes: library('getaddrinfo_a', 0x4010n) },
  { name: 'one of another file', bytes: library('getaddrinfo', 0x4010n, 0) },
  { name: 'one outside of what is loaded', bytes: library('getaddrinfo', 0x5000n) },
  { name: 'no file of the kind', bytes: Buffer.from('#!/bin/sh\n') },
  { name: 'an empty file', bytes: Buffer.alloc(0) },
]

for (const { name, bytes, want } of cases) {
  test(`find library: ${name}`, async t => {
    const path = join(scratch(t), 'lib.so')
    writeFileSync(path, bytes)
    assert.equal((await functionOffsets(path, ['getaddrinfo'])).get('getaddrinfo'), want)
  })
}

test('find library: bytes of any kind give a place or nothing', async t => {
  const path = join(scratch(t), 'lib.so')
  const whole = library('getaddrinfo', 0x4010n)
  for (let i = 0; i < whole.length; i++) {
    const bytes = Buffer.from(whole)
    bytes[i] = 0xff
    writeFileSync(path, i % 3 === 0 ? bytes.subarray(0, i) : bytes)
    const offset = (await functionOffsets(path, ['getaddrinfo'])).get('getaddrinfo')
    assert.ok(offset === undefined || Number.isSafeInteger(offset) || offset > 0)
  }
})

test('find library: each file once, by whatever path', async t => {
  const root = scratch(t)
  mkdirSync(join(root, 'usr/lib'), { recursive: true })
  mkdirSync(join(root, 'lib'))
  symlinkSync('/usr/lib', join(root, 'lib64'))
  writeFileSync(join(root, 'usr/lib/libc.so.6'), library('getaddrinfo', 0x4010n))
  writeFileSync(join(root, 'lib/ld-musl-x86_64.so.1'), library('getaddrinfo', 0x4020n))
  const found = await findLibraries(root, new Set())
  assert.deepEqual(
    found.map(one => [one.path.slice(root.length), one.offsets.get('getaddrinfo')]),
    [
      ['/usr/lib/libc.so.6', 0x110],
      ['/lib/ld-musl-x86_64.so.1', 0x120],
    ],
  )
  assert.deepEqual(await findLibraries(root, new Set(found.map(one => one.key))), [])
})

test('find library: the one of this process', async t => {
  const own = /\S*\/libc\.so\.6$/m.exec(readFileSync('/proc/self/maps', 'latin1'))?.[0]
  if (own === undefined) return t.skip('this Node does not use glibc')
  const path = join(scratch(t), 'libc.so.6')
  copyFileSync(own, path)
  const offsets = await functionOffsets(path, LIBRARY_CALLS)
  const size = readFileSync(path).length
  assert.deepEqual([...offsets.keys()], LIBRARY_CALLS)
  assert.equal(new Set(offsets.values()).size, LIBRARY_CALLS.length)
  for (const offset of offsets.values()) assert.ok(offset > 0x1000 && offset < size)
})
