/* Starts and ends interpreters, as a program that embeds Python does.

   embed KIND FILE...: runs the Python code of each FILE in a fresh interpreter, one after the other: its lives.
   KIND is "main" (the interpreter of the process itself, ended and started again), "legacy" (sub-interpreters
   that share the GIL), "isolated" (sub-interpreters with a GIL of their own and without daemon threads) or
   "threadless" (the same without any threads).

   Standard output gets a line before the first life, and one after each, of what the process holds then:

       NAME code=0 end=0 threads=1 descriptors=3 bytes=4096

   NAME is "begin", "life", or "end" where sub-interpreters are followed by the end of the main one. `code` is
   what the code came to, `end` the result of Py_FinalizeEx; `bytes` are those that malloc has given and not got
   back, which with PYTHONMALLOC=malloc are all of Python's. What the system does not tell is -1. The first life
   that goes wrong is the last. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* How many entries a folder of /proc has; opening it is one of the descriptors, and does not count. */
static int count(const char *folder, int own)
{
    DIR *open = opendir(folder);
    int entries = 0;
    if (open == NULL)
        return -1;
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open))
        entries += entry->d_name[0] != '.';
    closedir(open);
    return entries - own;
}

static long long bytes_in_use(void)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    struct mallinfo2 info = mallinfo2();
    return (long long)info.uordblks + (long long)info.hblkhd;
#elif defined(__GLIBC__)
    struct mallinfo info = mallinfo();
    return (long long)info.uordblks + (long long)info.hblkhd;
#else
    return -1;
#endif
}

static void report(const char *name, int code, int end)
{
    /* The system needs a moment for a thread whose end Python has waited for. */
    for (int wait = 0; wait < 50 && count("/proc/self/task", 0) > 1; wait++)
        usleep(10000);
    printf("%s code=%d end=%d threads=%d descriptors=%d bytes=%lld\n", name, code, end,
           count("/proc/self/task", 0), count("/proc/self/fd", 1), bytes_in_use());
    fflush(stdout);
}

static int run_code(const char *path)
{
    FILE *file = fopen(path, "r");
    return file == NULL ? -1 : PyRun_SimpleFileEx(file, path, 1);
}

static PyThreadState *new_interpreter(const char *kind)
{
    if (strcmp(kind, "legacy") == 0)
        return Py_NewInterpreter();
#if PY_VERSION_HEX >= 0x030C0000
    PyInterpreterConfig config = {
        .use_main_obmalloc = 0,
        .allow_fork = 0,
        .allow_exec = 0,
        .allow_threads = strcmp(kind, "threadless") != 0,
        .allow_daemon_threads = 0,
        .check_multi_interp_extensions = 1,
        .gil = PyInterpreterConfig_OWN_GIL,
    };
    PyThreadState *state = NULL;
    PyStatus status = Py_NewInterpreterFromConfig(&state, &config);
    return PyStatus_Exception(status) ? NULL : state;
#else
    return NULL;
#endif
}

static int live_in_main(char **files)
{
    int failed = 0;
    for (; *files != NULL && !failed; files++) {
        Py_Initialize();
        int code = run_code(*files), end = Py_FinalizeEx();
        report("life", code, end);
        failed = code || end;
    }
    return failed;
}

static int live_in_others(const char *kind, char **files)
{
    int failed = 0;
    Py_Initialize();
    for (; *files != NULL && !failed; files++) {
        PyThreadState *outer = PyThreadState_Get(), *inner = new_interpreter(kind);
        if (inner == NULL)
            return 1;
        failed = run_code(*files);
        Py_EndInterpreter(inner);
        PyThreadState_Swap(outer);
        report("life", failed, 0);
    }
    int end = Py_FinalizeEx();
    report("end", 0, end);
    return failed || end;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    report("begin", 0, 0);
    return (strcmp(argv[1], "main") == 0 ? live_in_main(argv + 2) : live_in_others(argv[1], argv + 2)) != 0;
}
