/** The event path with the default rules about hosts and networks, as benchmarks of names run it; alerts are dropped. */
import { readFileSync } from 'node:fs'
import { loadRules } from '../src/agent/load-rules.ts'
import { makeObserver } from '../src/agent/make-observer.ts'
import { Pipeline } from '../src/agent/pipeline.ts'
import { plainSetup } from '../src/agent/testdata/plain-setup.ts'
import type { NameIndex } from '../src/domains/name-index.ts'

const files = ['host.yaml', 'network.yaml'].map(name => ({
  path: name,
  text: readFileSync(new URL(`../rules/${name}`, import.meta.url), 'utf8'),
}))
const { rules, fields } = loadRules(files, {
  ruleSelection: [],
  minPriority: 7,
  staticFields: new Map(),
  domains: { strict: false },
})

/** `observes`: names are learned from DNS messages and first bytes of connections. */
export function defaultPipeline(names: NameIndex, observes: boolean): Pipeline {
  return new Pipeline({
    ...plainSetup,
    ruleMatching: 'first',
    plan: rules.plan!,
    fields,
    names,
    onAlert: () => {},
    ...(observes && { observer: makeObserver({ dnsPorts: [53], trustedResolvers: [] }, names) }),
  })
}
