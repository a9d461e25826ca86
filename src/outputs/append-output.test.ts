import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AppendOutputEntry, type AppendTarget, applyAppendOutput, type ExtraField } from './append-output.ts'

const none: AppendOutputEntry = {
  source: '',
  rule: '',
  tags: [],
  extraOutput: '',
  extraFields: [],
  suggestedOutput: false,
}
const rule: AppendTarget = { name: 'A rule', source: 'syscall', tags: ['tag1'], output: 'out 1' }
const raw = (key: string): ExtraField => ({ kind: 'raw', key })
const formatted = (key: string, format: string): ExtraField => ({ kind: 'formatted', key, format })

const suggested =
  'container_id=%container.id container_name=%container.name container_image_repository=%container.image.repository ' +
  'container_image_tag=%container.image.tag k8s_pod_name=%k8s.pod.name k8s_ns_name=%k8s.ns.name'

const cases: readonly {
  readonly name: string
  readonly entries: readonly Partial<AppendOutputEntry>[]
  readonly rule?: Partial<AppendTarget>
  readonly static?: Record<string, string>
  readonly output: string
  readonly extraFields?: readonly ExtraField[]
}[] = [
  { name: 'no entries leave the output alone', entries: [], output: 'out 1' },
  {
    name: 'an entry without conditions matches every rule',
    entries: [{ extraOutput: 'evt.type=%evt.type' }],
    output: 'out 1 evt.type=%evt.type',
  },
  { name: 'entries apply in order', entries: [{ extraOutput: 'b' }, { extraOutput: 'a' }], output: 'out 1 b a' },
  {
    name: 'a rule is matched by its whole name',
    entries: [
      { rule: 'A rule', extraOutput: 'x' },
      { rule: 'A', extraOutput: 'y' },
    ],
    output: 'out 1 x',
  },
  { name: 'the source must be the same', entries: [{ source: 'k8s_audit', extraOutput: 'x' }], output: 'out 1' },
  {
    name: 'all tags of the entry must be there',
    entries: [
      { tags: ['tag1'], extraOutput: 'x' },
      { tags: ['tag1', 'tag2'], extraOutput: 'y' },
    ],
    output: 'out 1 x',
  },
  {
    name: 'a rule may have more tags',
    rule: { tags: ['tag2', 'tag1', 'tag3'] },
    entries: [{ tags: ['tag1', 'tag2'], extraOutput: 'y' }],
    output: 'out 1 y',
  },
  {
    name: 'suggested output prints the container and the pod, after the text of the entry',
    entries: [{ suggestedOutput: true, extraOutput: 'x' }],
    output: `out 1 x ${suggested}`,
  },
  {
    name: 'suggested output of another source has no containers',
    rule: { source: 'okta' },
    entries: [{ suggestedOutput: true }],
    output: 'out 1',
  },
  {
    name: 'static fields are suggested for every source, sorted, before the others',
    static: { zone: 'a', env: 'prod' },
    entries: [{ suggestedOutput: true }],
    output: `out 1 static_env=%static.env static_zone=%static.zone ${suggested}`,
  },
  {
    name: 'static fields without suggested output are not printed',
    static: { env: 'prod' },
    entries: [{ extraOutput: 'x' }],
    output: 'out 1 x',
  },
  {
    name: 'extra fields do not change the text, the last of a key counts',
    entries: [
      { extraFields: [raw('evt.num'), formatted('k', 'a %evt.num')] },
      { extraFields: [formatted('k', 'b')] },
      { rule: 'other', extraFields: [raw('proc.pid')] },
    ],
    output: 'out 1',
    extraFields: [raw('evt.num'), formatted('k', 'b')],
  },
]

for (const c of cases) {
  test(`applyAppendOutput: ${c.name}`, () => {
    const entries = c.entries.map(entry => ({ ...none, ...entry }))
    const got = applyAppendOutput({ ...rule, ...c.rule }, entries, new Map(Object.entries(c.static ?? {})))
    assert.deepEqual(got, { output: c.output, extraFields: c.extraFields ?? [] })
  })
}
