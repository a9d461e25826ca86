/*
 * One system call, or a few, of the kind that a rule looks for: act WHAT [ARGUMENTS]. Run under whatever name the rule wants. It ends with 0
 * also when the call fails, where failing is what is wanted; with 1 when it could not be tried.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_storage there;
static socklen_t there_length;

static void set_address(const char *ip, const char *port) {
  struct sockaddr_in *v4 = (void *)&there;
  struct sockaddr_in6 *v6 = (void *)&there;
  memset(&there, 0, sizeof there);
  if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(atoi(port));
    there_length = sizeof *v4;
  } else if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(atoi(port));
    there_length = sizeof *v6;
  } else {
    exit(1);
  }
}

static int open_socket(int type) {
  int fd = socket(there.ss_family, type, 0);
  return fd < 0 ? exit(1), 0 : fd;
}

/* A server on the address, and a client of it, in one process: the descriptor of the server's end is left in `server`, the client's given. */
static int connect_to_self(int *server) {
  int listener = open_socket(SOCK_STREAM);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (bind(listener, (void *)&there, there_length) < 0 || listen(listener, 1) < 0) exit(1);
  int client = open_socket(SOCK_STREAM);
  if (connect(client, (void *)&there, there_length) < 0) exit(1);
  *server = accept4(listener, NULL, NULL, 0);
  return client;
}

/* Asks itself, as a name server on the address, for a name of two labels or three, and is told the address `answer`. */
static void look_up(const char *name, const char *answer) {
  unsigned char query[300] = {0x12, 0x34, 1, 0, 0, 1}, reply[400];
  int length = 12;
  for (const char *label = name; *label; label += strcspn(label, ".") + (label[strcspn(label, ".")] == '.')) {
    int size = strcspn(label, ".");
    query[length++] = size;
    memcpy(query + length, label, size);
    length += size;
  }
  memcpy(query + length, "\0\0\1\0\1", 5);
  length += 5;
  int server = open_socket(SOCK_DGRAM), client = open_socket(SOCK_DGRAM);
  if (bind(server, (void *)&there, there_length) < 0 || connect(client, (void *)&there, there_length) < 0) exit(1);
  send(client, query, length, 0);
  struct sockaddr_storage from;
  socklen_t from_length = sizeof from;
  if (recvfrom(server, reply, sizeof query, 0, (void *)&from, &from_length) != length) exit(1);
  reply[2] = 0x81, reply[3] = 0x80, reply[7] = 1;
  memcpy(reply + length, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4", 12);
  inet_pton(AF_INET, answer, reply + length + 12);
  sendto(server, reply, length + 16, 0, (void *)&from, from_length);
  if (recv(client, reply, sizeof reply, 0) != length + 16) exit(1);
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  const char *a = argc > 2 ? argv[2] : "";
  const char *b = argc > 3 ? argv[3] : "";
  int server;
  if (!strcmp(what, "read")) return close(open(a, O_RDONLY)), 0;
  if (!strcmp(what, "readwrite")) return close(open(a, O_RDWR)), 0;
  if (!strcmp(what, "list")) return close(open(a, O_RDONLY | O_DIRECTORY)), 0;
  if (!strcmp(what, "create")) return close(open(a, O_WRONLY | O_CREAT | O_TRUNC, strtol(b, NULL, 8))), 0;
  if (!strcmp(what, "openat2")) {
    unsigned long long how[3] = {O_WRONLY | O_CREAT, 0644, 0};
    return syscall(437, AT_FDCWD, a, how, sizeof how) < 0;
  }
  if (!strcmp(what, "link")) return link(a, b) < 0;
  if (!strcmp(what, "rename")) return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 0) < 0;
  if (!strcmp(what, "unlink")) return unlink(a) < 0;
  if (!strcmp(what, "mkdir")) return mkdir(a, 0755) < 0;
  if (!strcmp(what, "fchmod")) {
    int fd = open(a, O_RDONLY);
    return fchmod(fd, strtol(b, NULL, 8)) < 0;
  }
  if (!strcmp(what, "chmod")) return fchmodat(AT_FDCWD, a, strtol(b, NULL, 8), 0) < 0;
  if (!strcmp(what, "packet")) return socket(AF_PACKET, SOCK_RAW, 0), 0;
  if (!strcmp(what, "setns")) return setns(open("/proc/self/ns/net", O_RDONLY), CLONE_NEWNET), 0;
  if (!strcmp(what, "unshare")) return unshare(CLONE_NEWNS), 0;
  if (!strcmp(what, "setuid")) return setuid(atoi(a)), 0;
  if (!strcmp(what, "finit_module")) return syscall(SYS_finit_module, -1, "", 0), 0;
  if (!strcmp(what, "init_module")) return syscall(SYS_init_module, NULL, 0, ""), 0;
  if (!strcmp(what, "userfaultfd")) return syscall(SYS_userfaultfd, 1), 0;
  if (!strcmp(what, "bpf")) {
    union bpf_attr attr = {0};
    return syscall(SYS_bpf, atoi(a), &attr, sizeof attr), 0;
  }
  if (!strcmp(what, "traceme")) return ptrace(PTRACE_TRACEME, 0, NULL, NULL), 0;
  if (!strcmp(what, "attach")) {
    pid_t child = fork();
    if (child == 0) return pause();
    long attached = ptrace(!strcmp(a, "seize") ? PTRACE_SEIZE : PTRACE_ATTACH, child, NULL, NULL);
    kill(child, 9);
    waitpid(child, NULL, 0);
    return attached < 0;
  }
  if (!strcmp(what, "memfd")) {
    /* act memfd PROGRAM [by-path]: the program's bytes, run from memory. */
    int from = open(a, O_RDONLY), fd = memfd_create("program", MFD_CLOEXEC);
    struct stat st;
    fstat(from, &st);
    if (sendfile(fd, from, NULL, st.st_size) != st.st_size) return 1;
    char path[40];
    sprintf(path, "/proc/self/fd/%d", fd);
    if (*b) execv(path, (char *[]){"from-memory", NULL});
    else fexecve(fd, (char *[]){"from-memory", NULL}, environ);
    return 1;
  }
  /* act connect|udp|sendto|listen|redirect|receive ADDRESS PORT */
  set_address(a, b);
  if (!strcmp(what, "connect")) {
    int fd = open_socket(SOCK_STREAM | SOCK_NONBLOCK);
    return connect(fd, (void *)&there, there_length) == 0 || errno == EINPROGRESS ? 0 : 1;
  }
  /* act named ADDRESS PORT NAME SERVER: connects to the address after its name was looked up. */
  if (!strcmp(what, "named")) {
    struct sockaddr_storage target = there;
    set_address(argv[5], "53");
    look_up(argv[4], a);
    there = target;
    int fd = open_socket(SOCK_STREAM | SOCK_NONBLOCK);
    return connect(fd, (void *)&there, there_length) == 0 || errno == EINPROGRESS ? 0 : 1;
  }
  if (!strcmp(what, "udp")) return connect(open_socket(SOCK_DGRAM), (void *)&there, there_length) < 0;
  if (!strcmp(what, "sendto"))
    return sendto(open_socket(SOCK_DGRAM), "x", 1, 0, (void *)&there, there_length) < 0;
  if (!strcmp(what, "listen")) return connect_to_self(&server) < 0;
  if (!strcmp(what, "redirect")) {
    int client = connect_to_self(&server);
    return dup2(client, 0) < 0 || dup3(client, 1, 0) < 0;
  }
  if (!strcmp(what, "receive")) {
    int client = connect_to_self(&server);
    char bytes[16];
    if (send(server, "\xca\xfe\xba\xbe\0\0\0\x34", 8, 0) < 0) return 1;
    return recv(client, bytes, sizeof bytes, 0) < 0;
  }
  return 1;
}
