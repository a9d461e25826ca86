import { closestName } from '../diagnostics/closest-name.ts'
import type { Span } from '../diagnostics/source.ts'
import type { AstArg, AstField, AstTransform } from './ast.ts'
import type { ConditionError } from './condition-findings.ts'
import { valueBytes } from './escapes.ts'
import type { FieldLookup } from './field-lookup.ts'
import type { OperandType } from './operand-types.ts'
import { describeType, transformType } from './operand-types.ts'
import type { PlanOperand, TransformerName } from './plan.ts'

/** An error without the origin of its text, which the caller knows. */
export type OperandError = Omit<ConditionError, 'origin'>

export type OperandResult =
  | { readonly ok: true; readonly operand: PlanOperand }
  | { readonly ok: false; readonly error: OperandError }

/** Resolves the names in a field or transformer and checks arguments and types. `val(x)` becomes `x`. */
export function compileOperand(ast: AstField | AstTransform, fields: FieldLookup): OperandResult {
  return ast.kind === 'field' ? compileField(ast, fields) : compileTransform(ast, fields)
}

function compileField(ast: AstField, fields: FieldLookup): OperandResult {
  const text = ast.arg === undefined ? ast.name : `${ast.name}[${ast.arg}]`
  const resolution = fields.resolve(text)
  if (resolution.kind === 'field' && resolution.length === text.length) {
    const { ref } = resolution
    return {
      ok: true,
      operand: { kind: 'field', ref, type: ref.type, isList: ref.spec.isList === true },
    }
  }
  if (resolution.kind === 'bad-argument') {
    return fail('E0105', 'other', `field \`${resolution.spec.name}\`: ${resolution.message}`, ast.span)
  }
  if (resolution.kind === 'field' && ast.arg !== undefined && resolution.length === ast.name.length) {
    return fail('E0105', 'unknown-field', `field \`${ast.name}\` takes no argument`, ast.span)
  }
  const near = closestName(ast.name, fields.names())
  return fail('E0104', 'unknown-field', `unknown field \`${text}\``, ast.span, {
    label: 'no field has this name',
    ...(near !== undefined && { help: `did you mean \`${near}\`?` }),
  })
}

function compileTransform(ast: AstTransform, fields: FieldLookup): OperandResult {
  switch (ast.name) {
    case 'val': {
      const [field] = ast.args
      return field?.kind === 'field' ? compileField(field, fields) : misuse('`val` takes one field', ast.span)
    }
    case 'tolower':
    case 'toupper':
    case 'b64':
    case 'basename':
    case 'len':
      return compileSimpleTransform(ast, ast.name, fields)
    case 'join':
    case 'concat':
    case 'getopt':
      return compileManyTransform(ast, ast.name, fields)
    default:
      return misuse(`unknown transformer \`${ast.name}\``, ast.span)
  }
}

/** The transformers of one value, which keep or change its type. */
function compileSimpleTransform(ast: AstTransform, name: TransformerName, fields: FieldLookup): OperandResult {
  const [only] = ast.args
  if (ast.args.length !== 1 || (only?.kind !== 'field' && only?.kind !== 'transform')) {
    return misuse(`\`${name}\` takes one field or transformer`, ast.span)
  }
  if (ast.index !== undefined) return misuse(`\`${name}(…)\` takes no argument in brackets`, ast.span)
  const inner = compileOperand(only, fields)
  if (!inner.ok) return inner
  const field = innermostField(inner.operand)
  if (field?.ref.spec.noTransformer === true) {
    return misuse(`field \`${field.ref.spec.name}\` cannot be used in transformers`, only.span)
  }
  const result = transformType(name, inner.operand)
  if (result === undefined) {
    const what = only.kind === 'field' ? `field \`${only.name}\`` : `\`${only.name}(…)\``
    return misuse(
      `\`${name}\` does not take ${what}, which is ${describeType(inner.operand.type, inner.operand.isList)}`,
      only.span,
    )
  }
  return {
    ok: true,
    operand: { kind: 'transform', name, args: [inner.operand], type: result.type, isList: result.isList },
  }
}

/** The transformers of several arguments, which give text. */
function compileManyTransform(
  ast: AstTransform,
  name: 'join' | 'concat' | 'getopt',
  fields: FieldLookup,
): OperandResult {
  const args: PlanOperand[] = []
  for (const arg of ast.args) {
    const compiled = compileArg(arg, fields)
    if (!compiled.ok) return compiled
    args.push(compiled.operand)
  }
  const problem = checkArgs(name, args)
  if (problem !== undefined) return misuse(problem.message, ast.args[problem.at ?? -1]?.span ?? ast.span)
  if (ast.index !== undefined) {
    if (name !== 'getopt') return misuse(`\`${name}(…)\` takes no argument in brackets`, ast.span)
    if (valueBytes(ast.index).length !== 1) {
      return misuse('the argument in brackets of `getopt` is one option character', ast.span)
    }
  }
  return {
    ok: true,
    operand: {
      kind: 'transform',
      name,
      args,
      ...(ast.index !== undefined && { index: ast.index }),
      type: 'CHARBUF',
      isList: name === 'getopt' && ast.index === undefined,
    },
  }
}

function compileArg(arg: AstArg, fields: FieldLookup): OperandResult {
  switch (arg.kind) {
    case 'field':
    case 'transform':
      return compileOperand(arg, fields)
    case 'literal':
      if (arg.text.includes('\0')) return misuse('a text cannot hold a NUL character', arg.span)
      return { ok: true, operand: { kind: 'literal', value: valueBytes(arg.text), type: 'CHARBUF', isList: false } }
    case 'list': {
      const items: PlanOperand[] = []
      for (const item of arg.items) {
        const compiled = compileArg(item, fields)
        if (!compiled.ok) return compiled
        items.push(compiled.operand)
      }
      return { ok: true, operand: { kind: 'list', items, type: 'CHARBUF', isList: true } }
    }
    default:
      return arg satisfies never
  }
}

/** What is wrong with the arguments, and with which. */
function checkArgs(
  name: 'join' | 'concat' | 'getopt',
  args: readonly PlanOperand[],
): { readonly message: string; readonly at?: number } | undefined {
  const types = args.map(declaredType)
  const isText = (i: number): boolean => types[i]!.type === 'CHARBUF' && args[i]!.type !== 'UINT64'
  switch (name) {
    case 'join':
      if (args.length !== 2) return { message: `\`join\` takes a separator and a list, not ${counted(args.length)}` }
      if (types[0]!.isList) return { message: 'the separator of `join` is one value, not a list', at: 0 }
      if (!types[1]!.isList || !args[1]!.isList) return { message: 'the second argument of `join` is a list', at: 1 }
      return undefined
    case 'concat': {
      if (args.length < 2) return { message: `\`concat\` takes two arguments or more, not ${counted(args.length)}` }
      const at = types.findIndex((t, i) => t.isList || !isText(i))
      return at < 0 ? undefined : { message: 'the arguments of `concat` are texts', at }
    }
    case 'getopt':
      if (args.length !== 2)
        return { message: `\`getopt\` takes a list and an option text, not ${counted(args.length)}` }
      if (!types[0]!.isList || !args[0]!.isList) return { message: 'the first argument of `getopt` is a list', at: 0 }
      if (types[1]!.isList) return { message: 'the option text of `getopt` is one value, not a list', at: 1 }
      if (!isText(0)) return { message: 'the arguments of `getopt` are texts', at: 0 }
      if (!isText(1)) return { message: 'the arguments of `getopt` are texts', at: 1 }
      return undefined
    default:
      return name satisfies never
  }
}

function counted(count: number): string {
  return count === 1 ? 'one argument' : `${count} arguments`
}

/** Falco judges an argument by its field, before transformers; the transformers of several arguments count as one text. */
function declaredType(operand: PlanOperand): OperandType {
  if (operand.kind !== 'transform') return operand
  if (operand.args.length !== 1 || isManyTransform(operand.name)) return { type: 'CHARBUF', isList: false }
  return declaredType(operand.args[0]!)
}

function isManyTransform(name: TransformerName): boolean {
  return name === 'join' || name === 'concat' || name === 'getopt'
}

/** The one field that an operand reads, through transformers of one value; undefined for `join`, `concat`, `getopt`. */
export function innermostField(operand: PlanOperand): (PlanOperand & { readonly kind: 'field' }) | undefined {
  let at = operand
  while (at.kind === 'transform' && !isManyTransform(at.name) && at.args.length === 1) at = at.args[0]!
  return at.kind === 'field' ? at : undefined
}

/** A text that is equal for equal operands. */
export function operandKey(operand: PlanOperand): string {
  switch (operand.kind) {
    case 'field': {
      const { ref } = operand
      return ref.arg === undefined ? ref.spec.name : `${ref.spec.name}[${JSON.stringify(ref.arg)}]`
    }
    case 'literal':
      return JSON.stringify(operand.value)
    case 'list':
      return `(${operand.items.map(operandKey).join(',')})`
    case 'transform': {
      const call = `${operand.name}(${operand.args.map(operandKey).join(',')})`
      return operand.index === undefined ? call : `${call}[${JSON.stringify(operand.index)}]`
    }
    default:
      return operand satisfies never
  }
}

function fail(
  code: OperandError['code'],
  kind: OperandError['kind'],
  message: string,
  span: Span,
  more: { readonly label?: string; readonly help?: string } = {},
): OperandResult {
  return { ok: false, error: { code, kind, message, span, ...more } }
}

function misuse(message: string, span: Span): OperandResult {
  return fail('E0108', 'other', message, span)
}
