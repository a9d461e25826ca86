/**
 * Writes the reference pages from the tables that the program itself reads: `docs/errors.md`, `docs/fields.md`, `docs/events.md`.
 *
 *   node scripts/generate-docs.ts           writes them
 *   node scripts/generate-docs.ts --check   writes nothing; exit code 1 if a page is not what would be written
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { listEvents, renderEventsMarkdown } from '../src/cli/events.ts'
import { renderFieldsMarkdown } from '../src/cli/fields.ts'
import { type CodeInfo, diagnosticCodes } from '../src/diagnostics/codes.ts'
import { fields } from '../src/fields/catalogue.ts'

const generated = (from: string): string => `<!-- Made by \`npm run docs\` from ${from}; change it there. -->\n`

function renderErrors(): string {
  const codes = Object.entries(diagnosticCodes) as [string, CodeInfo][]
  let text = `# Errors and warnings\n\n${generated('`src/diagnostics/codes.ts`')}
Every finding in rules has a code that never changes its meaning. E: the file is refused. W: it loads. A finding shows the place, the line
and what to do about it; \`tiercel check FILE\` prints all findings of all files, \`tiercel check --json FILE\` prints them as Falco's
result object, in which each has Falco's name beside ours.

| code | what | in Falco |
|---|---|---|
`
  for (const [code, info] of codes)
    text += `| [${code}](#${code.toLowerCase()}) | ${info.title.replaceAll('<', '\\<')} | ${info.falcoCode} |\n`
  for (const [code, info] of codes)
    text += `\n## ${code}\n\n**${info.title.replaceAll('<', '\\<')}** (${info.falcoCode})\n\n${info.doc}\n`
  return text
}

function renderFields(): string {
  return `# Fields\n\n${generated('the catalogue in `src/fields/`')}
What conditions and outputs can ask of an event: ${fields.length} fields. \`field[…]\` takes an argument in brackets, \`field[…]?\` may take one. A
field that has no value for an event makes every check of it false, \`!=\` too, and prints as \`<NA>\` (\`null\` in JSON).
\`tiercel fields WORD\` searches this list.

${renderFieldsMarkdown(fields)}`
}

function renderEvents(): string {
  const list = listEvents()
  return `# Events\n\n${generated('`src/events/data/`')}
The ${list.length} kinds of events, as \`evt.type\` names them, with the parameters that \`evt.arg.NAME\` (text) and \`evt.rawarg.NAME\` (the value itself)
read; names in parentheses are the flags that such a parameter prints. System calls without a kind of their own arrive as \`syscall\` and
are still matched by name. \`tiercel events WORD\` searches this list.

${renderEventsMarkdown(list)}`
}

const pages: readonly { readonly path: string; readonly render: () => string }[] = [
  { path: 'docs/errors.md', render: renderErrors },
  { path: 'docs/fields.md', render: renderFields },
  { path: 'docs/events.md', render: renderEvents },
]

const root = fileURLToPath(new URL('..', import.meta.url))
const check = process.argv[2] === '--check'
for (const { path, render } of pages) {
  const wanted = render()
  if (!check) {
    writeFileSync(root + path, wanted)
    continue
  }
  let found = ''
  try {
    found = readFileSync(root + path, 'utf8')
  } catch {
    // reported below like any other difference
  }
  if (found !== wanted) {
    console.error(`${path}: not what the tables say now: run \`npm run docs\``)
    process.exitCode = 1
  }
}
