/** The stage that checks outputs. */
import type { Compilation } from './compilation.ts'
import { locateInText } from './condition-text.ts'
import { findingAt } from './load-finding.ts'
import { textOf } from './place-findings.ts'

export const CONTAINER_INFO = '%container.info'

/** Fields that still load but have nothing to print. */
const DEPRECATED_OUTPUT_FIELDS: readonly string[] = [
  'evt.dir',
  'evt.latency',
  'evt.latency.s',
  'evt.latency.ns',
  'evt.latency.human',
  'evt.wait_latency',
]

export function checkOutputs(c: Compilation): void {
  for (const rule of c.rules) {
    const { info } = rule
    const written = info.output
    const infoAt = written.text.indexOf(CONTAINER_INFO)
    if (infoAt !== -1) {
      const at = locateInText(written, { start: infoAt, end: infoAt + CONTAINER_INFO.length })
      c.findings.push(
        findingAt(
          info.place,
          {
            code: 'W0205',
            message: '`%container.info` is deprecated and prints nothing',
            help: 'drop it: `append_output` adds the container fields',
          },
          at,
        ),
      )
    }
    rule.output = infoAt === -1 ? written.text : written.text.replaceAll(CONTAINER_INFO, '')
    const [error, ...more] = c.cache.checkOutput(rule.output)
    if (error !== undefined) {
      rule.isOut = true
      // Offsets count in what is left without `%container.info`.
      const origin = infoAt === -1 ? locateInText(written, error.span) : undefined
      if (error.kind === 'unknown-field' && info.skipIfUnknownFilter) {
        rule.isSettled = true
        c.findings.push(
          findingAt(
            info.outputPlace,
            { code: 'W0208', message: `rule \`${info.name}\` is skipped: ${error.message}` },
            origin,
          ),
        )
      } else {
        c.findings.push(findingAt(info.outputPlace, textOf(error), origin))
        for (const each of more) {
          if (each.kind === 'unknown-field' && info.skipIfUnknownFilter) continue
          const place = infoAt === -1 ? locateInText(written, each.span) : undefined
          c.findings.push(findingAt(info.outputPlace, textOf(each), place))
        }
      }
      continue
    }
    for (const field of DEPRECATED_OUTPUT_FIELDS) {
      const at = written.text.indexOf(field)
      if (at === -1) continue
      c.findings.push(
        findingAt(
          info.outputPlace,
          { code: 'W0206', message: `the output uses the deprecated field \`${field}\`` },
          locateInText(written, { start: at, end: at + field.length }),
        ),
      )
    }
  }
}
