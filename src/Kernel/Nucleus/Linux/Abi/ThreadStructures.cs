using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Linux.Abi;

/// <summary>
/// The argument of clone3 (linux/sched.h) up to CLONE_ARGS_SIZE_VER0. Later versions add fields for processes and namespaces.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct clone_args
{
    public ulong flags;
    public ulong pidfd;
    public ulong child_tid;
    public ulong parent_tid;
    public ulong exit_signal;
    public ulong stack;
    public ulong stack_size;
    public ulong tls;
}
