using Xenlet.Kernel.Nucleus.Base;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Ends;

/// <summary>Writes threads' names in the nucleus's messages.</summary>
internal static unsafe class ThreadName
{
    /// <summary>Writes the thread's id and, if it has one, the name that the program gave it.</summary>
    public static void Write(Thread* thread)
    {
        KernelLog.Write("thread "u8);
        KernelLog.WriteDecimal((ulong)thread->Id);
        if (thread->Name[0] != 0)
        {
            KernelLog.Write(" ("u8);
            for (int i = 0; i < 15 && thread->Name[i] != 0; i++)
            {
                ForeignBytes.Write(thread->Name[i]);
            }

            KernelLog.Write(")"u8);
        }
    }
}
