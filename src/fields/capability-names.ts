/** Capability names in the order of their bits (linux/capability.h). */
const NAMES: readonly string[] = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST ' +
  'NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE ' +
  'SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM ' +
  'BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
)
  .split(' ')
  .map(name => `CAP_${name}`)

/** Few sets occur on a host; their texts are long. Emptied when it grows over its bound. */
const texts = new Map<number | bigint, string>()
const MAX_TEXTS = 256

/** The capabilities of a set, blank-separated in the order of their bits; bits without a name are left out. */
export function capabilitiesText(set: number | bigint): string {
  const known = texts.get(set)
  if (known !== undefined) return known
  const bits = BigInt(set)
  const text = NAMES.filter((_, bit) => (bits >> BigInt(bit)) & 1n).join(' ')
  if (texts.size >= MAX_TEXTS) texts.clear()
  texts.set(set, text)
  return text
}
