/** For tests that something is linear, or refused at once: bounds hold on a machine that is busy with other work too. */

/** Milliseconds of CPU that this process, all of its threads, has used. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
