/** For tests: one source, two sinks. */
import type { SourceSink } from '../../events/source.ts'

/** What is told to it is told to both; the first to say `false` stops the source. */
export function tee(one: SourceSink, other: SourceSink): SourceSink {
  const both = [one, other]
  return {
    machine: info => {
      for (const sink of both) sink.machine(info)
    },
    networkInterface: entry => {
      for (const sink of both) sink.networkInterface(entry)
    },
    user: entry => {
      for (const sink of both) sink.user(entry)
    },
    group: entry => {
      for (const sink of both) sink.group(entry)
    },
    process: entry => {
      for (const sink of both) sink.process(entry)
    },
    fd: (tid, entry) => {
      for (const sink of both) sink.fd(tid, entry)
    },
    event: record => other.event(record) && one.event(record),
  }
}
