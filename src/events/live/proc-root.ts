/**
 * Where the process file system of the host is: /proc, or in a container that has the host's mounted, `$HOST_ROOT/proc` (as Falco's
 * containers have it).
 */
export function procRoot(): string {
  return `${process.env['HOST_ROOT'] ?? ''}/proc`
}
