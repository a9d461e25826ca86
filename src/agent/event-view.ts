import { NameIndex } from '../domains/name-index.ts'
import { holdsNames, learnNames } from '../domains/names-event.ts'
import type { BindingsOutcome } from '../domains/bindings-file.ts'
import type { NameObserver } from '../domains/name-observer.ts'
import type { SourceSink } from '../events/source.ts'
import type { CurrentEvent } from '../state/current-event.ts'
import { HostState, stateSink } from '../state/host-state.ts'
import { makeObserver, type ObserverSettings } from './make-observer.ts'

/** Events with the state and the names around them, for commands that look at them without rules. */
export interface EventView {
  readonly names: NameIndex
  readonly observer: NameObserver
  /** What was in the bindings file, if there is one. */
  readonly bindings: BindingsOutcome | undefined
  /** Give it to a source; `onEvent` is called after each event was applied, and says whether to go on. */
  sink(onEvent: (current: CurrentEvent) => boolean): SourceSink
}

/** Names are learnt from the DNS answers and connections among the events, and from `bindingsFile`, if there is one. */
export async function openEventView(
  bindingsFile?: string,
  observed: ObserverSettings = { dnsPorts: [53], trustedResolvers: [] },
): Promise<EventView> {
  const names = new NameIndex()
  let bindings: BindingsOutcome | undefined
  if (bindingsFile !== undefined) {
    const { loadBindingsFile } = await import('../domains/bindings-file.ts')
    bindings = await loadBindingsFile(bindingsFile, names)
  }
  const observer = makeObserver(observed, names)
  const state: HostState = new HostState({
    onConnection: (ip, delta) => (delta > 0 ? names.pin(ip, state.current.timeMs) : names.unpin(ip)),
  })
  state.current.names = names
  return {
    names,
    observer,
    bindings,
    sink: onEvent =>
      stateSink(state, current => {
        if (observer.wants[current.rec.type] === 1) current.payload = observer.observe(current)
        else if (holdsNames(current.rec)) learnNames(current.rec, names)
        return onEvent(current)
      }),
  }
}
