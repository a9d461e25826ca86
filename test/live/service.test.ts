import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { liveSkipReason } from '../../src/events/live/testing.ts'

const NOT_HERE = 2

test('the systemd service starts, watches, reloads, comes back after a kill, and stops', {
  skip: liveSkipReason(),
}, t => {
  const script = fileURLToPath(new URL('../../scripts/try-service.sh', import.meta.url))
  const { status, stdout, stderr } = spawnSync('sh', [script], { encoding: 'utf8', timeout: 200_000 })
  if (status === NOT_HERE) t.skip(stderr.trim())
  else assert.equal(status, 0, stdout + stderr)
})
