using Xenlet.Kernel.Nucleus.Threads;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux;

/// <summary>
/// Calls that take long are made in parts: the thread makes the same call again, which continues where it stopped. Other threads and
/// interrupts run in between.
/// </summary>
internal static unsafe class CallParts
{
    // SYSCALL is two bytes long.
    private const ulong InstructionSize = 2;

    /// <summary>
    /// Whether the thread makes a call again to continue it. Other calls that have made progress are retried after a wait.
    /// </summary>
    public static bool IsContinued(Thread* thread) => thread->Progress != 0 && !thread->IsRetry;

    /// <summary>The thread will make its call again.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="subject">What the call is about, for <see cref="Thread.PartSubject"/>.</param>
    /// <param name="done">The bytes done, which the call returns if a signal ends it.</param>
    public static long Continue(Thread* thread, void* subject, ulong done)
    {
        thread->Progress = done;
        thread->PartSubject = subject;
        return Repeat(thread);
    }

    /// <summary>The thread will make its call again, which sees by itself what is done already.</summary>
    public static long Repeat(Thread* thread)
    {
        thread->Frame.Rip -= InstructionSize;
        thread->Frame.Rax = thread->Frame.Vector;
        return CallResult.None;
    }

    /// <summary>
    /// Called when a signal handler is about to run between two parts. As on Linux, the call ends with what it has done, since the handler
    /// may make such a call too.
    /// </summary>
    public static void End(Thread* thread)
    {
        if (thread->Progress != 0)
        {
            thread->Frame.Rax = thread->Progress;
            thread->Frame.Rip += InstructionSize;
            thread->Progress = 0;
        }
    }
}
