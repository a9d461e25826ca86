import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config } from './config.ts'
import { loadConfig } from './load-config.ts'
import { keysThatNeedRestart } from './worker-orders.ts'

function configOf(overrides: readonly string[]): Config {
  const { config, findings } = loadConfig({ env: {}, overrides })
  assert.deepEqual(findings, [])
  return config
}

const cases: readonly { readonly change: string; readonly needs: readonly string[] }[] = [
  { change: 'json_output=true', needs: [] },
  { change: 'metrics.enabled=true', needs: [] },
  { change: 'domains.save_interval_s=5', needs: [] },
  { change: 'domains.list_limit=5', needs: [] },
  { change: 'engine.modern_ebpf.buf_size_preset=7', needs: ['engine'] },
  { change: 'falco_libs.snaplen=200', needs: ['falco_libs'] },
  { change: 'falco_libs.thread_table_size=1000', needs: ['falco_libs'] },
  { change: 'domains.max_lookups=5', needs: ['domains.resolver'] },
  { change: 'domains.state_file=/tmp/names.jsonl', needs: ['domains.state_file'] },
  { change: 'domains.trusted_resolvers[]=10.0.0.2', needs: ['domains.observe'] },
  { change: 'domains.observe=false', needs: ['domains.observe'] },
  { change: 'domains.list_cache=/tmp/lists', needs: ['domains.list_cache'] },
]

for (const { change, needs } of cases)
  test(`what needs a restart: ${change}`, () => {
    assert.deepEqual(keysThatNeedRestart(configOf([]), configOf([change])), needs)
  })
