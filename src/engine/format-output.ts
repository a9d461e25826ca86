import type { Field, Reader } from '../fields/field.ts'
import type { OutputFormat, OutputSegment, PlanOperand, PlannedRule } from '../rules/plan.ts'
import { renderText, toByteText } from '../values/text.ts'
import type { Value, ValueType } from '../values/value.ts'
import type { Alert, AlertValue } from './alert.ts'
import { bindOperand, type FieldBinder, fieldOf } from './bind-operand.ts'
import type { EventContext } from './name-watcher.ts'

/** How values become text and JSON: `fields/render-value.ts`. */
export interface ValueRenderer {
  renderValue(value: Value, type: ValueType, print?: Field['print']): string
  jsonValue(value: Value, type: ValueType, print?: Field['print']): Exclude<AlertValue, null>
}

export interface OutputDeps {
  /** `fieldByName` of `fields/catalogue.ts`. */
  readonly fields: FieldBinder
  readonly renderer: ValueRenderer
}

/** A member of `output_fields` that the output text does not show (`append_output`'s extra fields). */
export interface ExtraOutput {
  readonly key: string
  readonly format: OutputFormat
  /** The value of the format's one field with its own JSON type; else the whole format as text. */
  readonly isRaw: boolean
}

/** What an event says in an output format. */
export interface FormattedOutput {
  readonly text: string
  readonly fields: Alert['fields']
}

export type OutputFormatter = (ctx: EventContext) => FormattedOutput

/** Prints where there is no value; its JSON is null. */
const NOT_AVAILABLE = '<NA>'

/**
 * Binds an output format to fields. The formatter reads each field once, gives the text, and the fields in the order in which they are
 * written, each key once; an extra field replaces one of its key. A transformed value has no key of its own: the fields in it have.
 */
export function compileOutput(
  format: OutputFormat,
  deps: OutputDeps,
  extra: readonly ExtraOutput[] = [],
): OutputFormatter {
  const table = new FieldTable(deps)
  const pieces = format.segments.map(segment => table.piece(segment))
  const members = new Map(table.keys)
  for (const { key, format: extraFormat, isRaw } of extra) {
    const [first] = extraFormat.segments
    if (isRaw && first?.kind === 'value') members.set(key, { kind: 'json', slot: table.slotOf(first.operand) })
    else members.set(key, { kind: 'text', pieces: extraFormat.segments.map(segment => table.piece(segment)) })
  }
  const slots = table.slots
  const keys = [...members.keys()]
  const sources = [...members.values()]
  return ctx => {
    const texts = new Array<string>(slots.length)
    const jsons = new Array<AlertValue>(slots.length)
    for (let i = 0; i < slots.length; i++) readSlot(slots[i] as Slot, i, ctx, deps.renderer, texts, jsons)
    const fields = new Array<readonly [string, AlertValue]>(keys.length)
    for (let i = 0; i < keys.length; i++) {
      const source = sources[i] as MemberSource
      fields[i] = [
        keys[i] as string,
        source.kind === 'json' ? (jsons[source.slot] as AlertValue) : join(source.pieces, texts),
      ]
    }
    return { text: join(pieces, texts), fields }
  }
}

/** The alert of a rule for the event at hand. */
export function makeAlert(rule: PlannedRule, format: OutputFormatter, ctx: EventContext): Alert {
  const { text, fields } = format(ctx)
  return { rule, source: rule.source, eventNum: ctx.rec.num, tsNs: ctx.rec.tsNs, text, fields }
}

/** One value that the format reads. */
interface Slot {
  readonly print: Reader
  /** The reader for JSON where it is another. */
  readonly json: Reader | undefined
  readonly type: ValueType
  readonly printFormat: Field['print']
  /** Plain text, whose JSON is the same text. */
  readonly isText: boolean
}

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'slot'; readonly slot: number; readonly width: number | undefined }

type MemberSource =
  | { readonly kind: 'json'; readonly slot: number }
  | { readonly kind: 'text'; readonly pieces: readonly Piece[] }

class FieldTable {
  readonly slots: Slot[] = []
  readonly keys: (readonly [string, MemberSource])[] = []
  readonly #deps: OutputDeps
  readonly #slotByText = new Map<string, number>()

  constructor(deps: OutputDeps) {
    this.#deps = deps
  }

  /** Adds what a segment reads, and its keys. */
  piece(segment: OutputSegment): Piece {
    if (segment.kind === 'text') return { kind: 'text', text: segment.text }
    const slot = this.#slotFor(segment.text, segment.operand)
    for (const inner of innerFields(segment)) {
      const innerSlot = inner.operand === segment.operand ? slot : this.#slotFor(inner.text, inner.operand)
      this.keys.push([inner.text, { kind: 'json', slot: innerSlot }])
    }
    return { kind: 'slot', slot, width: segment.width }
  }

  slotOf(operand: PlanOperand): number {
    this.slots.push(bindSlot(operand, this.#deps))
    return this.slots.length - 1
  }

  #slotFor(text: string, operand: PlanOperand): number {
    let slot = this.#slotByText.get(text)
    if (slot === undefined) {
      slot = this.slotOf(operand)
      this.#slotByText.set(text, slot)
    }
    return slot
  }
}

function innerFields(
  segment: OutputSegment & { kind: 'value' },
): readonly { readonly text: string; readonly operand: PlanOperand }[] {
  if (segment.fields !== undefined) return segment.fields
  return segment.operand.kind === 'field' ? [{ text: segment.text, operand: segment.operand }] : []
}

function bindSlot(operand: PlanOperand, deps: OutputDeps): Slot {
  const field = operand.kind === 'field' ? fieldOf(deps.fields, operand.ref.spec.name) : undefined
  const arg = operand.kind === 'field' ? operand.ref.arg : undefined
  const isText = operand.type === 'CHARBUF' || operand.type === 'FSPATH' || operand.type === 'FSRELPATH'
  return {
    print: bindOperand(operand, deps.fields, 'print'),
    json: field?.bindJson === undefined ? undefined : bindOperand(operand, deps.fields, 'json'),
    type: operand.type,
    printFormat: field?.printOf?.(arg) ?? field?.print,
    isText,
  }
}

function readSlot(
  slot: Slot,
  i: number,
  ctx: EventContext,
  renderer: ValueRenderer,
  texts: string[],
  jsons: AlertValue[],
): void {
  const value = slot.print(ctx)
  if (value === undefined) texts[i] = NOT_AVAILABLE
  else
    texts[i] =
      slot.isText && typeof value === 'string'
        ? renderText(value)
        : renderer.renderValue(value, slot.type, slot.printFormat)
  const jsonValue = slot.json === undefined ? value : slot.json(ctx)
  if (jsonValue === undefined) jsons[i] = null
  else if (slot.isText && typeof jsonValue === 'string')
    jsons[i] = jsonValue === value ? (texts[i] as string) : renderText(jsonValue)
  else jsons[i] = renderer.jsonValue(jsonValue, slot.type, slot.printFormat)
}

function join(pieces: readonly Piece[], texts: readonly string[]): string {
  let text = ''
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i] as Piece
    if (piece.kind === 'text') text += piece.text
    else if (piece.width === undefined) text += texts[piece.slot] as string
    else text += fitWidth(texts[piece.slot] as string, piece.width)
  }
  return text
}

/** Exactly so many bytes: cut, or blanks behind. A letter that is cut through becomes U+FFFD. */
function fitWidth(text: string, width: number): string {
  return renderText(toByteText(text).slice(0, width).padEnd(width, ' '))
}
