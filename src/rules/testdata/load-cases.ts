import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventLookup } from '../../events/event-lookup.ts'
import { fieldLookup } from '../../fields/catalogue.ts'
import type { LoadedPlugin } from '../collect-rules.ts'
import type { CompiledRules, FileResult } from '../compile-rules.ts'
import { compileRules } from '../compile-rules.ts'
import { falcoCodeOf } from '../load-finding.ts'
import { printAst } from '../print-ast.ts'
import type { RuleSelection } from '../select-rules.ts'

/*
 * Rule files and what must come of them, for tables in tests. Codes are Falco's without `LOAD_`; those of errors begin with `ERR_`.
 */

export interface LoadCase {
  readonly name: string
  /** Texts of files, loaded in order into one set. */
  readonly files: string | readonly string[]
  /** Codes of the last file's result, sorted; none unless given. */
  readonly codes?: readonly string[]
  /** Codes of the results of the files before the last; none unless given. */
  readonly codesBefore?: readonly (readonly string[])[]
  /** Rule → its condition with everything put in, as Falco prints it. */
  readonly conditions?: Readonly<Record<string, string>>
  /** Rule → what the plan says of it. */
  readonly rules?: Readonly<Record<string, Partial<ExpectedRule>>>
  readonly sources?: readonly string[]
  readonly plugins?: readonly LoadedPlugin[]
  readonly selection?: readonly RuleSelection[]
  readonly minPriority?: number
}

interface ExpectedRule {
  readonly index: number
  readonly desc: string
  readonly priority: number
  readonly source: string
  readonly tags: readonly string[]
  readonly enabled: boolean
  readonly capture: boolean
  readonly captureDurationMs: number
  readonly output: string
  readonly exceptionFields: readonly string[]
}

/** Loads texts with the real fields and events. */
export function loadTexts(
  files: string | readonly string[],
  options: Pick<LoadCase, 'sources' | 'plugins' | 'selection' | 'minPriority'> = {},
): CompiledRules {
  const texts = typeof files === 'string' ? [files] : files
  return compileRules(
    texts.map((text, i) => ({ path: texts.length === 1 ? 'rules.yaml' : `rules${i + 1}.yaml`, text })),
    { fields: fieldLookup, events: eventLookup, ...options },
  )
}

/** Codes of one file's result, sorted, without `LOAD_`. */
export function codesOf(result: FileResult): readonly string[] {
  return result.findings.map(finding => falcoCodeOf(finding.diagnostic).replace('LOAD_', '')).sort()
}

/** A test for each case. */
export function testLoadCases(cases: readonly LoadCase[]): void {
  for (const { name, files, codes = [], codesBefore, conditions, rules, ...options } of cases) {
    test(name, () => {
      const loaded = loadTexts(files, options)
      const before = codesBefore ?? loaded.results.slice(1).map(() => [])
      const wanted = [...before, codes]
      const got = loaded.results.map(codesOf)
      assert.deepEqual(got, wanted, messagesOf(loaded))
      const isError = (code: string): boolean => code.startsWith('ERR_')
      assert.deepEqual(
        loaded.results.map(result => result.ok),
        wanted.map(each => !each.some(isError)),
      )
      assert.equal(loaded.plan === undefined, wanted.flat().some(isError))
      for (const [rule, want] of Object.entries(conditions ?? {})) {
        const found = loaded.compiled.rules.find(({ info }) => info.name === rule)
        assert.ok(found !== undefined, `no rule ${rule}`)
        assert.equal(printAst(found.ast), want)
      }
      for (const [rule, want] of Object.entries(rules ?? {})) {
        const found = loaded.plan?.rules.find(planned => planned.name === rule)
        assert.ok(found !== undefined, `no rule ${rule}`)
        const values = Object.fromEntries(Object.keys(want).map(key => [key, found[key as keyof typeof found]]))
        assert.deepEqual(values, want)
      }
    })
  }
}

function messagesOf(loaded: CompiledRules): string {
  return loaded.results.flatMap(result => result.findings.map(finding => finding.diagnostic.message)).join('\n')
}
