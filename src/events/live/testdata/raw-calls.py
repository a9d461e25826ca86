# Makes the system calls given as JSON on the command line, each [number, arguments…], one after the other; -1 for arguments left out.
import ctypes, json, sys

libc = ctypes.CDLL(None)
libc.syscall.restype = ctypes.c_long
for number, *args in json.loads(sys.argv[1]):
    args = (args + [-1] * 6)[:6]
    libc.syscall(ctypes.c_long(number), *(ctypes.c_long(arg) for arg in args))
