import { makeMessage, type OutputMessage, type OutputSink } from '../outputs/sinks/sink.ts'
import type { Colors } from './terminal.ts'

/** The colour of an alert's priority, 0 Emergency … 7 Debug. */
function priorityColor(priority: number, colors: Colors): (text: string) => string {
  if (priority <= 2) return text => colors.bold(colors.red(text))
  if (priority === 3) return colors.red
  if (priority === 4) return colors.yellow
  if (priority === 5) return colors.cyan
  return colors.dim
}

/** A text alert (`TIME: Priority message (fields)`) with the time and the fields less loud than the message. */
export function paintAlert({ line, priority }: OutputMessage, colors: Colors): string {
  const parts = /^(\S+): (\w+) (.*?)( \([^()]*=.*\))?$/s.exec(line)
  if (parts === null) return line
  const [, time, name, message, fields] = parts
  return `${colors.dim(time!)} ${priorityColor(priority, colors)(name!.padEnd(8))} ${message}${fields === undefined ? '' : colors.dim(fields)}`
}

/** `inner`, with each line passed through `paint`; `before` runs before anything is written. */
export function decorateSink(
  inner: OutputSink,
  paint: (message: OutputMessage) => string,
  before: () => void,
): OutputSink {
  return {
    name: inner.name,
    maxBatch: inner.maxBatch,
    write: messages => {
      before()
      return inner.write(messages.map(m => makeMessage(paint(m), m.priority)))
    },
    reopen: () => inner.reopen(),
    close: () => inner.close(),
    abort: () => inner.abort(),
  }
}
