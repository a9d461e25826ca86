import { FdType } from '../state/fd.ts'
import { type ContextOptions, makeContext, makeFd, makeThread, type ParamValue } from './testdata/make-context.ts'
import { testFields } from './testdata/read-field.ts'

const AT_FDCWD = -100

const directory = makeFd(4, FdType.directory, { name: '/srv' })
const file = makeFd(5, FdType.file, { name: '/etc/hosts' })
const thread = makeThread({ tid: 42, cwd: '/home/me/', openFds: [directory, file] })

function call(name: string, params: Record<string, ParamValue>, options: ContextOptions = {}) {
  return makeContext(name, { ...params }, { thread, ...options })
}

const opened = makeFd(6, FdType.file, { name: '/home/me/x' })
const renamed = call('renameat2', { res: 0, olddirfd: AT_FDCWD, oldpath: 'a', newdirfd: 4, newpath: './b' })
const linked = call('link', { res: 0, oldpath: 'old', newpath: 'new' })
const linkedAt = call('linkat', { res: 0, olddir: 4, oldpath: 'old', newdir: AT_FDCWD, newpath: 'new' })
const symlinked = call('symlink', { res: 0, target: '../t', linkpath: 'l' })
const symlinkedAt = call('symlinkat', { res: 0, target: 't', linkdirfd: 4, linkpath: 'l' }, { fd: directory })
const mounted = call('mount', { res: 0, dev: '/dev/sda1', dir: 'mnt', type: 'ext4' })

testFields('fs.path of one path', [
  {
    name: 'relative to the working directory',
    in: call('mkdir', { res: 0, path: 'a/../b' }),
    field: 'fs.path.name',
    value: '/home/me/b',
  },
  { name: 'as it was given', in: call('mkdir', { res: 0, path: 'a/../b' }), field: 'fs.path.nameraw', value: 'a/../b' },
  {
    name: 'absolute, made simple',
    in: call('rmdir', { res: 0, path: '/a//b/.' }),
    field: 'fs.path.name',
    value: '/a/b',
  },
  {
    name: 'a failed call has none',
    in: call('mkdir', { res: -17, path: 'a' }),
    field: 'fs.path.name',
    value: undefined,
  },
  { name: 'nor the raw one', in: call('mkdir', { res: -17, path: 'a' }), field: 'fs.path.nameraw', value: undefined },
  {
    name: 'a call without a result has none',
    in: call('mkdir', { path: 'a' }),
    field: 'fs.path.name',
    value: undefined,
  },
  { name: 'another event has none', in: call('close', { res: 0 }), field: 'fs.path.name', value: undefined },
  {
    name: 'relative to the directory fd',
    in: call('mkdirat', { res: 0, dirfd: 4, path: 'b' }, { fd: directory }),
    field: 'fs.path.name',
    value: '/srv/b',
  },
  {
    name: 'an fd that is no directory',
    in: call('mkdirat', { res: 0, dirfd: 5, path: 'b' }, { fd: file }),
    field: 'fs.path.name',
    value: '<UNKNOWN>b',
  },
  {
    name: 'an fd that is not known',
    in: call('unlinkat', { res: 0, dirfd: 99, name: 'b' }),
    field: 'fs.path.name',
    value: '<UNKNOWN>b',
  },
  {
    name: 'the file that was opened',
    in: call('openat', { fd: 6, dirfd: AT_FDCWD, name: 'x' }, { fd: opened }),
    field: 'fs.path.name',
    value: '/home/me/x',
  },
  {
    name: 'an opened file as it was named',
    in: call('open', { fd: 6, name: 'x' }, { fd: opened }),
    field: 'fs.path.nameraw',
    value: 'x',
  },
  {
    name: 'an open that failed with −1',
    in: call('open', { fd: -1, name: 'x' }),
    field: 'fs.path.name',
    value: undefined,
  },
  {
    name: 'an open that failed otherwise still has its absolute path',
    in: call('open', { fd: -2, name: '/x' }),
    field: 'fs.path.name',
    value: '/x',
  },
  {
    name: 'a relative one it has not',
    in: call('open', { fd: -2, name: 'x' }),
    field: 'fs.path.name',
    value: undefined,
  },
  {
    name: 'the file of an fd',
    in: call('fchmod', { res: 0, fd: 5 }, { fd: file }),
    field: 'fs.path.name',
    value: '/etc/hosts',
  },
  { name: 'a path that is missing', in: call('mkdir', { res: 0 }), field: 'fs.path.nameraw', value: '<NA>' },
])

testFields('fs.path of two paths', [
  { name: 'the old name', in: renamed, field: 'fs.path.source', value: '/home/me/a' },
  { name: 'the new name, in a directory', in: renamed, field: 'fs.path.target', value: '/srv/b' },
  { name: 'the new name as it was given', in: renamed, field: 'fs.path.targetraw', value: './b' },
  { name: 'neither of them is the name', in: renamed, field: 'fs.path.name', value: undefined },
  { name: 'a link is the source', in: linked, field: 'fs.path.source', value: '/home/me/new' },
  { name: 'what it points to the target', in: linked, field: 'fs.path.target', value: '/home/me/old' },
  { name: 'a link in the working directory', in: linkedAt, field: 'fs.path.source', value: '/home/me/new' },
  { name: 'to a file in another', in: linkedAt, field: 'fs.path.target', value: '/srv/old' },
  { name: 'a symbolic link', in: symlinked, field: 'fs.path.source', value: '/home/me/l' },
  { name: 'what it points to', in: symlinked, field: 'fs.path.target', value: '/home/t' },
  { name: 'a symbolic link in a directory', in: symlinkedAt, field: 'fs.path.source', value: '/srv/l' },
  { name: 'what that points to stays unresolved', in: symlinkedAt, field: 'fs.path.target', value: '<UNKNOWN>t' },
  { name: 'a device', in: mounted, field: 'fs.path.source', value: '/dev/sda1' },
  { name: 'where it is mounted', in: mounted, field: 'fs.path.target', value: '/home/me/mnt' },
])
