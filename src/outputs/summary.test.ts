import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlertTally, renderSummary, renderSummaryJson } from './summary.ts'
import { makeAlert } from './testdata/make-alert.ts'

const rule = (name: string, index: number, priorityName: string) => ({
  ...makeAlert({ name, priorityName }).rule,
  index,
})
const first = rule('first rule', 0, 'Informational')
const second = rule('a "second" rule', 1, 'Warning')
const third = rule('third rule', 2, 'Informational')

const cases = [
  {
    name: 'nothing happened',
    rules: [],
    text: 'Events detected: 0\nRule counts by severity:\nTriggered rules by rule name:\n',
    json: '{"alerts":0,"by_severity":{},"by_rule":{}}',
  },
  {
    name: 'the most urgent first, rules in rule order, Info in short',
    rules: [third, second, first, third],
    text:
      'Events detected: 4\nRule counts by severity:\n   WARNING: 1\n   INFO: 3\n' +
      'Triggered rules by rule name:\n   first rule: 1\n   a "second" rule: 1\n   third rule: 2\n',
    json: '{"alerts":4,"by_severity":{"warning":1,"info":3},"by_rule":{"first rule":1,"a \\"second\\" rule":1,"third rule":2}}',
  },
] as const

for (const c of cases) {
  test(`summary: ${c.name}`, () => {
    const tally = new AlertTally()
    for (const one of c.rules) tally.add(one)
    assert.equal(renderSummary(tally.summary), c.text)
    assert.equal(renderSummaryJson(tally.summary), c.json)
  })
}
