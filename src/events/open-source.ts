/** Files of events of any kind: which it is, is told by the content, not by the name. */
import { open, stat } from 'node:fs/promises'
import { type CaptureSummary, readCapture } from './capture/read-capture.ts'
import type { ReadOptions } from './file-pieces.ts'
import type { NdjsonSummary } from './ndjson/read-ndjson.ts'
import type { SourceSink } from './source.ts'

export type SourceSummary =
  | ({ readonly kind: 'capture' } & CaptureSummary)
  | ({ readonly kind: 'ndjson' } & NdjsonSummary)

/** A file of events. `read` may be called more than once, each time from the beginning. */
export interface SourceFile {
  readonly kind: 'capture' | 'ndjson'
  readonly path: string
  readonly read: (sink: SourceSink, options?: ReadOptions) => Promise<SourceSummary>
}

const PEEK_BYTES = 4096
/** A section header begins with newlines, which NDJSON might too. */
const SECTION_BYTES = '\n\r\r\n'
const NDJSON_START = /^(?:\u00ef\u00bb\u00bf)?[\s]*\{/

async function peek(path: string): Promise<string> {
  try {
    // Opening a named pipe and closing it again would end its writer.
    if (!(await stat(path)).isFile()) return ''
    const file = await open(path, 'r')
    try {
      const buffer = Buffer.alloc(PEEK_BYTES)
      const { bytesRead } = await file.read(buffer, 0, PEEK_BYTES, 0)
      return buffer.toString('latin1', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch {
    // Reading it will say why.
    return ''
  }
}

/**
 * Finds out what the file at `path` holds: NDJSON begins with an object, everything else is taken for a capture, plain or gzip. Does
 * not reject: a file that cannot be read, or is neither, is an error in the summary of `read`.
 */
export async function openSource(path: string): Promise<SourceFile> {
  const start = await peek(path)
  if (!start.startsWith(SECTION_BYTES) && NDJSON_START.test(start)) {
    const { readNdjson } = await import('./ndjson/read-ndjson.ts')
    const read: SourceFile['read'] = async (sink, options) => ({
      kind: 'ndjson',
      ...(await readNdjson(path, sink, options)),
    })
    return { kind: 'ndjson', path, read }
  }
  const read: SourceFile['read'] = async (sink, options) => ({
    kind: 'capture',
    ...(await readCapture(path, sink, options)),
  })
  return { kind: 'capture', path, read }
}
