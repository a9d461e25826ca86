import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WorkloadFiles } from './workload-files.ts'

function files(): { readonly files: WorkloadFiles; readonly asked: string[] } {
  const asked: string[] = []
  const want = (mntns: number, pid: number): void => void asked.push(`${mntns} through ${pid}`)
  return { files: new WorkloadFiles({ learn: () => true, retract: () => {}, want }), asked }
}

test('files of a namespace are asked for once, through the first process', () => {
  const { files: f, asked } = files()
  for (const pid of [10, 10, 11]) f.need(7, pid, false)
  f.endProcess(11)
  f.need(7, 12, false)
  assert.deepEqual(asked, ['7 through 10'])
})

test('a namespace with the number of one whose process has ended is asked for anew', () => {
  const { files: f, asked } = files()
  f.need(7, 10, false)
  f.need(8, 10, false)
  f.endProcess(10)
  f.need(7, 20, false)
  f.need(8, 21, false)
  f.endProcess(10)
  f.need(7, 22, false)
  assert.deepEqual(asked, ['7 through 10', '8 through 10', '7 through 20', '8 through 21'])
})

test('so is one of which it is said that nobody lives there', () => {
  const { files: f, asked } = files()
  f.need(7, 10, false)
  f.orphan(7)
  f.need(7, 11, false)
  assert.deepEqual(asked, ['7 through 10', '7 through 11'])
})

test('of many processes that were not seen to end, those that read are remembered', () => {
  const { files: f, asked } = files()
  for (let pid = 1; pid <= 10_000; pid++) {
    f.need(7, pid, false)
    f.orphan(7)
  }
  f.need(7, 10_001, false)
  f.endProcess(10_001)
  f.need(7, 10_002, false)
  assert.equal(asked.length, 10_002)
})
