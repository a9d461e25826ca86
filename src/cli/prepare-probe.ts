import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * In a checkout, builds the probe where it is missing or older than its sources, and says so on standard error. Only for root, who alone can
 * use it; a package has it. Where it cannot be built, opening it says what is missing.
 */
export function prepareProbe(): void {
  const [lock, script] = ['package-lock.json', 'scripts/setup-native.sh'].map(name =>
    fileURLToPath(new URL(`../../${name}`, import.meta.url)),
  )
  if (process.getuid?.() !== 0 || !existsSync(lock!)) return
  spawnSync('sh', [script!], { stdio: ['ignore', 'ignore', 'inherit'] })
}
