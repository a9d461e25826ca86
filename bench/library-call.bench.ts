/**
 * What does it cost a program that its `getaddrinfo` is watched? Turns a second of a C program that asks for an address in text, and for a
 * name of the hosts file (which opens and reads that file each time), alone and while the uprobes are set, in turns. Nothing else is traced.
 * Needs root and the probe.
 *
 *   node bench/library-call.bench.ts [rounds] [seconds]
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { functionOffsets } from '../src/agent/find-library.ts'
import { createRecord } from '../src/events/decode-record.ts'
import { LIBRARY_CALLS } from '../src/events/library-call.ts'
import { openLive } from '../src/events/live/open-live.ts'
import { liveSkipReason } from '../src/events/live/testing.ts'
import { median } from './median.ts'

const [rounds = 5, seconds = 0.5] = process.argv.slice(2).map(Number)
const why = liveSkipReason()
if (why !== false) throw new Error(why)

const SOURCE = `
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
int main(int argc, char **argv) {
  struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *all;
  struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);
  double from = t.tv_sec + t.tv_nsec / 1e9, now = from; long n = 0;
  while (now - from < atof(argv[2])) {
    for (int i = 0; i < 200; i++, n++) { if (getaddrinfo(argv[1], "80", &hints, &all)) return 1; freeaddrinfo(all); }
    clock_gettime(CLOCK_MONOTONIC, &t); now = t.tv_sec + t.tv_nsec / 1e9;
  }
  struct rusage u; getrusage(RUSAGE_SELF, &u);
  printf("%ld %f\\n", n, u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
  return 0;
}`

const folder = mkdtempSync(join(tmpdir(), 'tiercel-library-'))
const program = join(folder, 'ask')
writeFileSync(join(folder, 'ask.c'), SOURCE)
if (spawnSync('cc', ['-O', join(folder, 'ask.c'), '-o', program]).status !== 0) throw new Error('cc is not there')
const library = /\S*\/libc\.so\.6$/m.exec(readFileSync('/proc/self/maps', 'latin1'))?.[0]
if (library === undefined) throw new Error('this Node does not use glibc')

/** Nanoseconds of processor time a call. */
function ask(name: string): number {
  const { stdout, status } = spawnSync(program, [name, String(seconds)])
  if (status !== 0) throw new Error(`${name} is not known`)
  const [calls, cpu] = String(stdout).split(' ').map(Number) as [number, number]
  return (cpu * 1e9) / calls
}

const source = openLive({ wanted: new Map(), ringBytes: 256 * 1024 * 1024, startNow: true })
const record = createRecord()
try {
  console.log(`${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}; ${rounds} rounds of ${seconds} s`)
  for (const name of ['127.0.0.1', 'localhost']) {
    const alone: number[] = []
    const watched: number[] = []
    let told = 0
    for (let i = 0; i < rounds; i++) {
      alone.push(ask(name))
      const offsets = await functionOffsets(library, LIBRARY_CALLS)
      const unwatch = await Promise.all(
        [...offsets].map(([call, offset]) => source.watchLibrary(library, call, offset)),
      )
      watched.push(ask(name))
      for (const end of unwatch) await end()
      told += source.drain(record, () => true, 512 * 1024 * 1024)
    }
    // Without room in the ring a call would cost less.
    if (told === 0 || source.counters().lostRingFull > 0) throw new Error('not all was told: fewer seconds')
    const [a, b] = [median(alone), median(watched)]
    console.log(
      `getaddrinfo("${name}"): ${(a / 1000).toFixed(2)} µs alone, ${(b / 1000).toFixed(2)} µs watched, ratio ${(b / a).toFixed(2)}`,
    )
  }
} finally {
  await source.close()
  rmSync(folder, { recursive: true })
}
