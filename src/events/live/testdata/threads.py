# Many forks at once, threads, and a tree of processes, for live-processes.test.ts. Prints what there was, a JSON object.
import json, os, sys, threading

out = {"pid": os.getpid()}
children = []
for _ in range(200):
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    children.append(pid)
for pid in children:
    os.waitpid(pid, 0)
out["children"] = children

tids = []
threads = [threading.Thread(target=lambda: tids.append(threading.get_native_id())) for _ in range(20)]
for t in threads:
    t.start()
for t in threads:
    t.join()
out["threads"] = tids


# each process of the chain waits for its child, so that they all live at once
def descend(depth):
    if depth == 0:
        return
    pid = os.fork()
    if pid == 0:
        descend(depth - 1)
        os._exit(depth)
    os.waitpid(pid, 0)


descend(40)
print(json.dumps(out))
