using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>
/// Questions to the stack that belong to no socket of the program, such as what a file has in it. A question is a socket without a
/// descriptor: what is asked for lies in its send queue, and the answer comes into its receive queue.
/// </summary>
internal static unsafe class StackQueries
{
    /// <summary>
    /// Asks, or finds the answer to what this thread has asked. The wait is as one for a disk: no signal ends it, since nobody else would
    /// free the answer. The stack answers within the time that it may wait for an address.
    /// </summary>
    /// <param name="thread">The caller.</param>
    /// <param name="call">What is asked.</param>
    /// <param name="argument">Its number.</param>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="length">How many; less than a page.</param>
    /// <param name="answer">The answer, which the caller releases.</param>
    /// <returns>
    /// 0; the stack's error, negative; -EDEADLK for the stack's own thread; <see cref="CallResult.None"/> for a caller that waits.
    /// </returns>
    public static long Ask(Thread* thread, SocketCall call, int argument, byte* bytes, ulong length, out Socket* answer)
    {
        answer = null;
        if (thread->RunsFirst)
        {
            // The stack's own thread would wait for itself.
            return -Errno.EDEADLK;
        }

        Socket* query = thread->IsRetry ? SocketTable.Find(thread->Progress) : Begin(thread, call, argument, bytes, length);
        if (query == null)
        {
            return StackRequests.IsServed ? -Errno.ENOMEM : -Errno.ENETDOWN;
        }

        if (!query->Call->IsAnswered)
        {
            thread->Progress = query->Handle;
            WaitQueue.Join(&query->Call->Waiters, thread);
            Scheduler.Block(thread, WaitKind.Sockets, ulong.MaxValue, WaitEnd.Uninterruptible);
            return CallResult.None;
        }

        long result = query->Call->Result;
        if (result != 0)
        {
            SocketLife.Release(query);
            return result;
        }

        answer = query;
        return 0;
    }

    private static Socket* Begin(Thread* thread, SocketCall call, int argument, byte* bytes, ulong length)
    {
        if (!StackRequests.IsServed)
        {
            return null;
        }

        Socket* query = SocketLife.Create(SocketKind.Query, isIPv6: false);
        if (query == null)
        {
            return null;
        }

        if (!SocketControlCall.TryBegin(thread, query, call, argument) || !ByteQueue.TryWrite(&query->Sent, 0, bytes, length))
        {
            SocketLife.Release(query);
            return null;
        }

        ByteQueue.Append(&query->Sent, length);
        SocketOptionTable.Set(query, SocketOptionIndex.ReceiveBuffer, (int)ByteQueue.MaximumSize);
        StackRequests.Add(query, SocketSignals.None);
        return query;
    }
}
