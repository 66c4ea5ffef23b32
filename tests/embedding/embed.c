/* Starts and ends interpreters, as a program that embeds Python does.

   embed KIND TIMES FILE: runs the Python code of FILE in one fresh interpreter after the other.
   KIND is "main" (the interpreter of the process itself, ended and started again), "legacy" (sub-interpreters
   that share the GIL) or "isolated" (sub-interpreters with a GIL of their own and without daemon threads).
   The exit status is 1 when the code raised. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdio.h>
#include <string.h>

static int run_code(const char *path)
{
    FILE *file = fopen(path, "r");
    return file == NULL ? -1 : PyRun_SimpleFileEx(file, path, 1);
}

static PyThreadState *new_interpreter(int isolated)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (isolated) {
        PyInterpreterConfig config = {
            .use_main_obmalloc = 0,
            .allow_fork = 0,
            .allow_exec = 0,
            .allow_threads = 1,
            .allow_daemon_threads = 0,
            .check_multi_interp_extensions = 1,
            .gil = PyInterpreterConfig_OWN_GIL,
        };
        PyThreadState *state = NULL;
        PyStatus status = Py_NewInterpreterFromConfig(&state, &config);
        return PyStatus_Exception(status) ? NULL : state;
    }
#endif
    return isolated ? NULL : Py_NewInterpreter();
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const int in_main = strcmp(argv[1], "main") == 0, isolated = strcmp(argv[1], "isolated") == 0;
    int failed = 0;
    if (!in_main)
        Py_Initialize();
    for (int time = atoi(argv[2]); time > 0 && !failed; time--) {
        if (in_main) {
            Py_Initialize();
            failed = run_code(argv[3]) || Py_FinalizeEx();
            continue;
        }
        PyThreadState *outer = PyThreadState_Get();
        PyThreadState *inner = new_interpreter(isolated);
        if (inner == NULL)
            return 2;
        failed = run_code(argv[3]);
        Py_EndInterpreter(inner);
        PyThreadState_Swap(outer);
    }
    if (!in_main)
        failed = Py_FinalizeEx() || failed;
    return failed != 0;
}
