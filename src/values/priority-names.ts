/** Names of the priorities as alerts print them; the index is the number that a plan holds (0 most urgent) and also syslog's severity. */
export const priorityNames: readonly string[] = [
  'Emergency',
  'Alert',
  'Critical',
  'Error',
  'Warning',
  'Notice',
  'Informational',
  'Debug',
]

/** The name of a priority; a number outside 0–7 counts as the nearest end. */
export function priorityName(priority: number): string {
  return priorityNames[Math.max(0, Math.min(7, Math.trunc(priority)))]!
}
