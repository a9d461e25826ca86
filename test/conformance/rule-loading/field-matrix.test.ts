import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { loadRules } from '../../../src/agent/load-rules.ts'
import { noSettings } from './load-case.ts'

// Every field with every operator and a dozen values: what Falco's own library (0.23.2) takes and what it refuses, as asked of it.

interface Matrix {
  /** Conditions about a field F. */
  readonly forms: readonly string[]
  readonly operators: readonly string[]
  readonly values: readonly string[]
  readonly groups: readonly {
    readonly fields: readonly string[]
    /** Those of the forms that load. */
    readonly forms: readonly string[]
    /** Operator → the values it takes, `all` or separated by ` | `; an operator that is not here takes none. */
    readonly takes: Readonly<Record<string, string>>
  }[]
}

const matrix = JSON.parse(readFileSync(new URL('./field-matrix.json', import.meta.url), 'utf8')) as Matrix
const LIST_OPERATORS = ['in', 'intersects', 'pmatch']

function loads(condition: string): boolean {
  const text = `- {rule: r, desc: d, condition: '${condition}', output: o, priority: INFO}\n`
  return loadRules([{ path: 'rules.yaml', text }], noSettings).rules.results[0]!.ok
}

for (const group of matrix.groups) {
  test(`${group.fields.slice(0, 3).join(', ')}${group.fields.length > 3 ? ' …' : ''}`, () => {
    const wrong: string[] = []
    const expectLoads = (condition: string, wanted: boolean): void => {
      if (loads(condition) !== wanted) wrong.push(`${condition} must ${wanted ? 'load' : 'be refused'}`)
    }
    for (const field of group.fields) {
      for (const form of matrix.forms) expectLoads(form.replaceAll('F', field), group.forms.includes(form))
      for (const operator of matrix.operators) {
        const taken = group.takes[operator] ?? ''
        for (const value of matrix.values) {
          const isBare = LIST_OPERATORS.includes(operator) && !value.includes('(')
          const wanted = taken === 'all' || taken.split(' | ').includes(value)
          expectLoads(`${field} ${operator} ${isBare ? `(${value})` : value}`, wanted)
        }
      }
    }
    assert.deepEqual(wrong, [])
  })
}
