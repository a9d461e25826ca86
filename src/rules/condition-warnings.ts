import type { Span } from '../diagnostics/source.ts'
import { compileRegex } from '../values/regex.ts'
import type { Ast, AstArg, AstCheck, AstValue } from './ast.ts'
import type { ConditionWarning } from './condition-findings.ts'
import { valueBytes } from './escapes.ts'
import type { FieldLookup } from './field-lookup.ts'
import { TRANSFORMERS } from './operators.ts'
import { shorten } from './parse-constant.ts'

/** Fields that Falco calls deprecated, in its order. They load, but have had no useful value since enter events are gone. */
export const deprecatedFields: readonly string[] = [
  'evt.dir',
  'evt.latency',
  'evt.latency.s',
  'evt.latency.ns',
  'evt.latency.human',
  'evt.wait_latency',
]

/**
 * What Falco warns of before it compiles a condition: fields of the Kubernetes audit log compared with `<NA>` (once), and deprecated
 * fields on the left (once each).
 */
export function warnOfFields(ast: Ast): readonly ConditionWarning[] {
  const warnings: ConditionWarning[] = []
  const seen = new Set<string>()
  const stack: Ast[] = [ast]
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    switch (node.kind) {
      case 'and':
      case 'or':
        for (let i = node.operands.length - 1; i >= 0; i--) stack.push(node.operands[i]!)
        break
      case 'not':
        stack.push(node.operand)
        break
      case 'check':
        warnOfCheck(node, seen, warnings)
        break
      case 'macro':
        break
      default:
        node satisfies never
    }
  }
  return warnings
}

function warnOfCheck(check: AstCheck, seen: Set<string>, warnings: ConditionWarning[]): void {
  const where = check.origin === undefined ? {} : { origin: check.origin }
  const names = fieldNames(check.lhs)
  for (const { name, span } of names) {
    if (!deprecatedFields.includes(name) || seen.has(name)) continue
    seen.add(name)
    warnings.push({
      code: 'W0106',
      falcoCode: 'LOAD_DEPRECATED_ITEM',
      message: `field \`${name}\` is deprecated`,
      span,
      ...where,
      help: name === 'evt.dir' ? 'remove the check: only completed calls are seen' : 'it has no value any more',
    })
  }
  const last = names[names.length - 1]
  if (last === undefined || !/^(?:ka|jevt)\./.test(last.name) || seen.has('<NA>')) return
  if (!['=', '==', '!=', 'in', 'intersects', 'pmatch'].includes(check.op)) return
  const values = check.rhs.kind === 'value' ? [check.rhs] : check.rhs.kind === 'values' ? check.rhs.items : []
  const unsafe = values.find(value => value.text === '<NA>')
  if (unsafe === undefined) return
  seen.add('<NA>')
  warnings.push({
    code: 'W0104',
    falcoCode: 'LOAD_UNSAFE_NA_CHECK',
    message: `\`${last.name}\` is compared with \`<NA>\``,
    span: unsafe.span,
    ...where,
    help: `write \`not ${last.name} exists\``,
  })
}

function fieldNames(arg: AstArg): readonly { readonly name: string; readonly span: Span }[] {
  switch (arg.kind) {
    case 'field':
      return [arg]
    case 'transform':
      return arg.args.flatMap(fieldNames)
    // As in Falco, lists are not looked into.
    case 'list':
    case 'literal':
      return []
    default:
      return arg satisfies never
  }
}

const firstParts = new WeakMap<FieldLookup, ReadonlySet<string>>()

/** What stands before the first dot of any field: most values begin with nothing of the kind, and need no look-up. */
function firstPartsOf(fields: FieldLookup): ReadonlySet<string> {
  const known = firstParts.get(fields)
  if (known !== undefined) return known
  const parts = new Set<string>()
  for (const name of fields.names()) parts.add(name.slice(0, name.indexOf('.')))
  firstParts.set(fields, parts)
  return parts
}

/** What Falco warns of in a constant: a needless regular expression, and a field or transformer that is only text here. */
export function warnOfValue(check: AstCheck, value: AstValue, fields: FieldLookup): readonly ConditionWarning[] {
  const warnings: ConditionWarning[] = []
  const where = check.origin === undefined ? {} : { origin: check.origin }
  const warn = (code: ConditionWarning['code'], message: string, help: string): void => {
    warnings.push({ code, falcoCode: 'LOAD_COMPILE_CONDITION', message, span: value.span, ...where, help })
  }
  if (check.op === 'regex') {
    const regex = compileRegex(valueBytes(value.text))
    if (regex.kind === 'bad') {
      warn(
        'W0107',
        `the regular expression does not compile: ${regex.message}`,
        'the check is never true; the syntax is RE2 POSIX: `[0-9]` for `\\d`, `[[:space:]]` for `\\s`',
      )
    }
    if (isTrivialRegex(valueBytes(value.text))) {
      warn(
        'W0103',
        `the regular expression \`${shorten(value.text)}\` needs no regular expression`,
        'use `=`, `contains`, `startswith` or `endswith`',
      )
    }
  }
  // Anything longer is no name.
  if (value.text.length > 512) return warnings
  const text = value.text.replace(/[ \t\n\v\f\r]+/g, '')
  const dot = text.indexOf('.')
  if (dot > 0 && firstPartsOf(fields).has(text.slice(0, dot))) {
    const resolution = fields.resolve(text)
    if (resolution.kind === 'field' && resolution.length === text.length) {
      warn(
        'W0101',
        `\`${value.text}\` is the name of a field, but only text here`,
        `write \`val(${text})\` to compare two fields`,
      )
    }
  }
  if (text.endsWith(')')) {
    const name = ['val', ...TRANSFORMERS].find(t => text.startsWith(`${t}(`))
    if (name !== undefined && text.length >= name.length + 2) {
      warn(
        'W0102',
        `\`${shorten(value.text)}\` looks like a transformer, but is only text here`,
        value.quoted ? 'remove the quotes to have it applied' : 'quote it to make plain that it is text',
      )
    }
  }
  return warnings
}

/** Whether a pattern has nothing special but anchors and a leading or trailing `.*`, `.+` or `.?`. */
function isTrivialRegex(pattern: string): boolean {
  const last = pattern.length - 1
  for (let i = 0; i <= last; i++) {
    const c = pattern[i]!
    if ((i === 0 && c === '^') || (i === last && c === '$')) continue
    if (((i === 0 && last > 0) || i === last - 1) && c === '.' && '+*?'.includes(pattern[i + 1]!)) {
      i++
      continue
    }
    if ('.+*?^$()[]{}|\\'.includes(c)) return false
  }
  return true
}
