import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Pipeline } from '../../src/agent/pipeline.ts'
import { NameIndex } from '../../src/domains/name-index.ts'
import { eventLookup } from '../../src/events/event-lookup.ts'
import { openSource } from '../../src/events/open-source.ts'
import { fieldLookup } from '../../src/fields/catalogue.ts'
import { compileRules } from '../../src/rules/compile-rules.ts'
import { plainSetup } from '../../src/agent/testdata/plain-setup.ts'

const captures = new URL('../../../shared/data/captures/', import.meta.url)
const skip = existsSync(captures) ? false : 'needs ../shared/data/captures beside the project'

/** Per rule: how many events Falco matched, the first 16 digits of the SHA-1 of their comma-joined numbers, the first three numbers. */
type Verdicts = Readonly<Record<string, readonly [count: number, hash: string, first: readonly number[]]>>

/** Rules that Tiercel decides otherwise on purpose, by capture and name, with the reason. */
const KNOWN: ReadonlyMap<string, string> = new Map(
  ['q222', 'q372', 'q380', 'q472'].map(name => [
    `net ${name}`,
    'an IPv6 socket that is connected to an IPv4 address keeps its protocol',
  ]),
)

for (const capture of ['net', 'sec', 'ctr']) {
  test(`495 random conditions on ${capture}: Falco's verdicts`, { skip }, async () => {
    const path = new URL('golden/random.rules.yaml', captures)
    const compiled = compileRules([{ path: path.pathname, text: readFileSync(path, 'utf8') }], {
      fields: fieldLookup,
      events: eventLookup,
    })
    assert.ok(compiled.plan !== undefined)
    const matches = new Map<string, number[]>(compiled.plan.rules.map(rule => [rule.name, []]))
    const pipeline = new Pipeline({
      plan: compiled.plan,
      fields: fieldLookup,
      names: new NameIndex(),
      ...plainSetup,
      onAlert: alert => matches.get(alert.rule.name)!.push(alert.eventNum),
    })
    const source = await openSource(new URL(`${capture}.scap`, captures).pathname)
    await source.read(pipeline.sink)
    const verdicts = JSON.parse(readFileSync(new URL(`golden/random.${capture}.json`, captures), 'utf8')) as Verdicts
    const wrong: string[] = []
    for (const [name, [count, hash, first]] of Object.entries(verdicts)) {
      const got = matches.get(name) ?? []
      const gotHash = createHash('sha1').update(got.join(',')).digest('hex').slice(0, 16)
      const isSame = got.length === count && gotHash === hash
      const isKnown = KNOWN.has(`${capture} ${name}`)
      if (isSame && isKnown) wrong.push(`${name}: is listed as different and is not; take it off the list`)
      if (!isSame && !isKnown) {
        wrong.push(`${name}: Falco ${count} (${first.join(', ')}), here ${got.length} (${got.slice(0, 3).join(', ')})`)
      }
    }
    assert.equal(Object.keys(verdicts).length, 495)
    assert.deepEqual(wrong, [])
  })
}
