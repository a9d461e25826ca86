import type { SecondaryLabel } from '../diagnostics/diagnostic.ts'
import type { Span } from '../diagnostics/source.ts'
import type { ConditionFinding } from './condition-findings.ts'
import type { PlaceInFile } from './condition-text.ts'
import type { TracedOrigin } from './expand-lists.ts'
import type { FindingText, ItemPlace, LoadFinding } from './load-finding.ts'
import { findingAt, placeIn } from './load-finding.ts'

/*
 * From a span of the text that was parsed, with its lists put in, to places in files: where the finding is, which list or macro brought
 * it there, and what Falco's result object says of it.
 */

/** A finding of a condition, at `place`, or with `expression` at the place inside its text that Falco would name. */
export function conditionFinding(
  finding: ConditionFinding,
  origin: TracedOrigin,
  expanded: string,
  place: ItemPlace,
): LoadFinding {
  const from = finding.origin === undefined ? origin : (finding.origin as TracedOrigin)
  return expressionFinding(place, from, finding.span, expanded, textOf(finding))
}

/** What a finding of a condition says, without its place. */
export function textOf({ code, message, label, help }: ConditionFinding): FindingText {
  return { code, message, ...(label !== undefined && { label }), ...(help !== undefined && { help }) }
}

/** A finding at `span` of a text that was parsed; what a list or macro brought in is shown where it is used, too. */
export function expressionFinding(
  place: ItemPlace,
  origin: TracedOrigin,
  span: Span,
  expanded: string,
  text: FindingText,
): LoadFinding {
  const at = origin.locate(span)
  const secondary: SecondaryLabel[] = [...(text.secondary ?? [])]
  const fromList = origin.listItem(span)
  let { help } = text
  if (fromList !== undefined) {
    const { source, scalar } = fromList.item
    const operator = listOperatorBefore(expanded, span.start)
    if (operator !== undefined) help = `put the list into parentheses: \`${operator} (${fromList.list})\``
    else if (isAmongOperands(expanded, span.start))
      help = `\`${fromList.list}\` is a list: write \`in (${fromList.list})\` after a field`
    secondary.push({ source, span: { start: scalar.start, end: scalar.end }, text: `from list \`${fromList.list}\`` })
  }
  const owner = place.parent !== undefined && place.parent.name !== '' ? place.parent : place
  const isInside = at.source === owner.source && at.span.start >= owner.span.start && at.span.start <= owner.span.end
  if (!isInside && help === undefined && origin.text === expanded && text.message.startsWith('unexpected')) {
    if (isWholeCondition(at)) help = 'what is appended begins with `and` or `or`'
  }
  if (!isInside) secondary.push({ source: owner.source, span: owner.span, text: `in ${owner.type} \`${owner.name}\`` })
  const finding = findingAt(
    placeIn(place, 'condition expression', '', at.span, at.source),
    { ...text, ...(secondary.length > 0 && { secondary }), ...(help !== undefined && { help }) },
    at,
  )
  const inside = origin.text
  return { ...finding, expression: { text: expanded, at: span.start, ...(inside !== expanded && { inside }) } }
}

/** The operator before `at` (or before one value before it), if it takes a list in parentheses. */
function listOperatorBefore(text: string, at: number): string | undefined {
  return /\b(in|intersects|pmatch)[ \t\n\r]+(?:[^()"'\s=,]+[ \t\n\r]*)?$/.exec(
    text.slice(Math.max(0, at - 200), at),
  )?.[1]
}

/** Whether a place is the beginning of what is written after `condition:`. */
function isWholeCondition({ source, span }: PlaceInFile): boolean {
  return /\bcondition:[ \t]*(?:["']|[>|][+-]?[ \t]*\r?\n[ \t]*)?$/.test(
    source.text.slice(Math.max(0, span.start - 80), span.start),
  )
}

/** Whether at `at` (or one value before it) an operand or a single value is expected, but no list of values. */
function isAmongOperands(text: string, at: number): boolean {
  return /(?:^|\b(?:and|or|not)|[=<>])[ \t\n\r(]*(?:[^()"'\s=,]+[ \t\n\r]*,?[ \t\n\r]*)?$/.test(
    text.slice(Math.max(0, at - 200), at),
  )
}

/** The same finding, said of `place` as a whole. */
export function saidOf(place: ItemPlace, finding: LoadFinding): LoadFinding {
  return { place, diagnostic: finding.diagnostic }
}
