import { closestName } from '../diagnostics/closest-name.ts'
import type { Span } from '../diagnostics/source.ts'
import type { AstArg, AstField, AstTransform } from './ast.ts'
import type { OperandError } from './compile-operand.ts'
import { compileOperand } from './compile-operand.ts'
import type { FieldLookup } from './field-lookup.ts'
import { TRANSFORMERS } from './operators.ts'
import { fieldNameEnd, parseOperand } from './parse-condition.ts'
import type { OutputFormat, OutputSegment, PlanOperand } from './plan.ts'
import { printOperand } from './print-ast.ts'

/**
 * Output text → what is printed as it is and what is looked up. After `%` and an optional width stands the longest text that is a field
 * or a transformer: in `%proc.nameand` it is `proc.name`. A `%` without one is an error; there is no escape for it.
 */
export interface ParseOutputOptions {
  readonly fields: FieldLookup
}

export type ParseOutputResult =
  | { readonly ok: true; readonly format: OutputFormat }
  /** Spans are in the output text; `kind` says whether `skip-if-unknown-filter` forgives an error. */
  | {
      readonly ok: false
      /** The first error, which is Falco's. */
      readonly error: OperandError
      /** What is wrong further on, up to a limit. */
      readonly more: readonly OperandError[]
    }

/** A width beyond this is cut to it, so that no rule makes lines of gigabytes. */
const MAX_WIDTH = 65_535
/** How deep transformers may nest; deeper ones are no output that anyone wrote. */
const MAX_DEPTH = 100
/** More errors than this are the same mistake again and again. */
const MAX_ERRORS = 50

/** A leading `*`, Falco's mark for «print even if values are missing», is dropped. Never throws. */
export function parseOutputFormat(text: string, options: ParseOutputOptions): ParseOutputResult {
  const segments: OutputSegment[] = []
  const errors: OperandError[] = []
  let textStart = text.startsWith('*') ? 1 : 0
  let at = text.indexOf('%', textStart)
  while (at >= 0) {
    if (at > textStart) segments.push({ kind: 'text', text: text.slice(textStart, at) })
    let start = at + 1
    while (isDigit(text, start)) start++
    const width = Math.min(Number(text.slice(at + 1, Math.min(start, at + 12)) || 0), MAX_WIDTH)
    if (start === text.length) {
      const { error } = failure(
        start === at + 1 ? 'the output ends in a lone `%`' : 'the output ends in a `%` with a width but no field',
        { start: at, end: start },
        { help: 'there is no way to print a per cent sign; write `percent`' },
      )
      errors.push(error)
      break
    }
    const found = findOperand(text, start, options.fields)
    if (!found.ok) {
      if (errors.push(found.error) === MAX_ERRORS) break
      textStart = Math.max(found.error.span.end, start)
      at = text.indexOf('%', textStart)
      continue
    }
    segments.push({
      kind: 'value',
      text: found.ast.kind === 'field' ? keyOf(text, found.ast) : printOperand(found.ast),
      operand: found.operand,
      ...(width > 0 && { width }),
      fields: found.inner,
    })
    textStart = found.end
    at = text.indexOf('%', textStart)
  }
  const [error, ...more] = errors
  if (error !== undefined) return { ok: false, error, more }
  if (textStart < text.length) segments.push({ kind: 'text', text: text.slice(textStart) })
  return { ok: true, format: { text, segments } }
}

type InnerFields = readonly { readonly text: string; readonly operand: PlanOperand }[]

type FoundOperand =
  | {
      readonly ok: true
      readonly ast: AstField | AstTransform
      readonly operand: PlanOperand
      readonly inner: InnerFields
      readonly end: number
    }
  | { readonly ok: false; readonly error: OperandError }

/** The longest operand that begins at `start`. */
function findOperand(text: string, start: number, fields: FieldLookup): FoundOperand {
  const nameEnd = fieldNameEnd(text, start)
  if (nameEnd > start) return findField(text, start, nameEnd, fields)
  if (TRANSFORMERS.some(name => text.startsWith(`${name}(`, start))) return findTransform(text, start, fields)
  const word = /^[^\s%]{0,40}/.exec(text.slice(start, start + 40))![0]
  return failure(
    word === '' ? 'no field follows the `%`' : `\`%${word}\` is no field`,
    { start: start - 1, end: start + word.length },
    { kind: 'unknown-field', help: 'there is no way to print a per cent sign; write `percent`' },
  )
}

function findField(text: string, start: number, nameEnd: number, fields: FieldLookup): FoundOperand {
  let firstError: OperandError | undefined
  if (text[nameEnd] === '[') {
    const parsed = parseOperand(text, start)
    if (parsed.ok) {
      const compiled = compileOutputOperand(text, parsed.operand, fields)
      if (compiled.ok) return { ...compiled, end: parsed.end }
      firstError = compiled.error
    }
  }
  // Each round tries a shorter known name than the one before, so there are few.
  let name = text.slice(start, nameEnd)
  while (name !== '') {
    const resolution = fields.resolve(name)
    if (resolution.kind === 'unknown') break
    if (resolution.kind === 'field') {
      const end = start + resolution.length
      const ast: AstField = { kind: 'field', name: text.slice(start, end), span: { start, end } }
      const compiled = compileOutputOperand(text, ast, fields)
      if (compiled.ok) return { ...compiled, end }
      firstError ??= compiled.error
    } else {
      firstError ??= {
        code: 'E0120',
        kind: 'other',
        message: `field \`${resolution.spec.name}\`: ${resolution.message}`,
        span: { start, end: nameEnd },
      }
      // `%evt.type.is` is refused; `%evt.type.is.nothing` prints `evt.type` and text.
      if (!/^\.\w/.test(name.slice(resolution.spec.name.length))) break
    }
    const { spec } = resolution.kind === 'field' ? resolution.ref : resolution
    name = name.slice(0, Math.min(name.length, spec.name.length) - 1)
  }
  if (firstError !== undefined) return { ok: false, error: firstError }
  const unknown = text.slice(start, nameEnd)
  const near = closestName(unknown, fields.names())
  return failure(
    `unknown field \`${unknown}\``,
    { start, end: nameEnd },
    { kind: 'unknown-field', ...(near !== undefined && { help: `did you mean \`${near}\`?` }) },
  )
}

/** A bracket that does not belong to a transformer is text: `%toupper(proc.name)[x]`. */
function findTransform(text: string, start: number, fields: FieldLookup): FoundOperand {
  let firstError: OperandError | undefined
  for (const skipIndex of [false, true]) {
    const parsed = parseOperand(text, start, { maxDepth: MAX_DEPTH, skipIndex })
    if (!parsed.ok) {
      firstError ??= asOutputError(parsed.error)
      continue
    }
    const compiled = compileOutputOperand(text, parsed.operand, fields)
    if (compiled.ok) return { ...compiled, end: parsed.end }
    firstError ??= compiled.error
  }
  return { ok: false, error: firstError! }
}

type CompiledOutput =
  | {
      readonly ok: true
      readonly ast: AstField | AstTransform
      readonly operand: PlanOperand
      readonly inner: InnerFields
    }
  | { readonly ok: false; readonly error: OperandError }

function compileOutputOperand(text: string, ast: AstField | AstTransform, fields: FieldLookup): CompiledOutput {
  const compiled = compileOperand(ast, fields)
  if (!compiled.ok) return { ok: false, error: asOutputError(compiled.error) }
  const inner: { text: string; operand: PlanOperand }[] = []
  const hidden = collectFields(text, ast, compiled.operand, inner)
  if (hidden !== undefined) {
    return failure(`field \`${hidden.name}\` can be used in conditions only`, hidden.span)
  }
  return { ok: true, ast, operand: compiled.operand, inner }
}

/** The key of a field in `output_fields`: as it is written, but for quotes around its argument. */
function keyOf(output: string, ast: AstField): string {
  const written = output.slice(ast.span.start, ast.span.end)
  return /["']/.test(written) ? printOperand(ast) : written
}

/** Collects the fields of an operand, each once; returns the first one that cannot be printed. */
function collectFields(
  output: string,
  ast: AstArg,
  operand: PlanOperand,
  into: { text: string; operand: PlanOperand }[],
): AstField | undefined {
  switch (ast.kind) {
    case 'literal':
      return undefined
    case 'field': {
      if (operand.kind === 'field' && operand.ref.spec.filterOnly === true) return ast
      const text = keyOf(output, ast)
      if (!into.some(field => field.text === text)) into.push({ text, operand })
      return undefined
    }
    default: {
      const asts = ast.kind === 'list' ? ast.items : ast.args
      const operands = operand.kind === 'list' ? operand.items : operand.kind === 'transform' ? operand.args : []
      for (const [i, inner] of asts.entries()) {
        const hidden = collectFields(output, inner, operands[i]!, into)
        if (hidden !== undefined) return hidden
      }
      return undefined
    }
  }
}

function asOutputError(error: OperandError): OperandError {
  const { code: _, ...rest } = error
  return { ...rest, code: 'E0120' }
}

function failure(
  message: string,
  span: Span,
  more: { readonly kind?: OperandError['kind']; readonly help?: string } = {},
): { readonly ok: false; readonly error: OperandError } {
  return { ok: false, error: { code: 'E0120', kind: 'other', message, span, ...more } }
}

function isDigit(text: string, at: number): boolean {
  const c = text.charCodeAt(at)
  return c >= 0x30 && c <= 0x39
}
