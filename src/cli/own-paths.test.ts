import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ownCommand, ownPath } from './own-paths.ts'

test('the program is named as it is found on PATH, else by its path', t => {
  const folder = mkdtempSync(join(tmpdir(), 'tiercel-path-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  assert.equal(ownCommand(`${folder}:/nowhere`), './bin/tiercel')
  symlinkSync(`${process.cwd()}/bin/tiercel`, join(folder, 'tiercel'))
  assert.equal(ownCommand(`/nowhere:${folder}`), 'tiercel')
})

test('files that come with the program: relative where that is shorter', t => {
  const before = process.cwd()
  t.after(() => process.chdir(before))
  assert.equal(ownPath('rules'), 'rules')
  process.chdir('/usr')
  assert.equal(ownPath('rules'), join(before, 'rules'))
})
