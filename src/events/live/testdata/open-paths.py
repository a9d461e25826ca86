"""Opens each path that standard input has as hexadecimal, for reading and for writing; before each, its number as a relative path."""
import os
import sys

for number, line in enumerate(sys.stdin):
    path = bytes.fromhex(line)
    for flags in (os.O_RDONLY, os.O_WRONLY):
        for name in (b'#%d %d' % (number, flags), path):
            try:
                os.close(os.open(name, flags))
            except OSError:
                pass
