import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeBool, decodeUint32 } from './decode-scalar.ts'

const bools: readonly (readonly [string, boolean | undefined])[] = [
  ['true', true],
  ['True', true],
  ['TRUE', true],
  ['yes', true],
  ['on', true],
  ['y', true],
  ['false', false],
  ['No', false],
  ['OFF', false],
  ['n', false],
  ['tRUE', undefined],
  ['1', undefined],
  ['0', undefined],
  ['', undefined],
  ['true ', undefined],
]

for (const [text, want] of bools) test(`bool: \`${text}\` is ${want}`, () => assert.equal(decodeBool(text), want))

const numbers: readonly (readonly [string, number | undefined])[] = [
  ['0', 0],
  ['26', 26],
  ['+5', 5],
  ['4294967295', 4294967295],
  ['4294967296', undefined],
  ['0x1F', 31],
  ['017', 15],
  ['08', undefined],
  ['12 ', 12],
  [' 12', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['0.26.0', undefined],
  ['seven', undefined],
  ['', undefined],
]

for (const [text, want] of numbers) test(`uint32: \`${text}\` is ${want}`, () => assert.equal(decodeUint32(text), want))
