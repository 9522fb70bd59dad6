using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>Options of streams whose values only the stack has: the caller waits for its answer.</summary>
internal static unsafe class OptionQueries
{
    // linux/in.h, linux/tcp.h
    private const int IP_OPTIONS = 4;
    private const int TCP_INFO = 11;

    /// <summary>The option with a number; None if the stack has no part in it.</summary>
    public static StackOption Find(int level, int name) => level switch
    {
        SocketOptionTable.SOL_IP when name == IP_OPTIONS => StackOption.IPOptions,
        SocketOptionTable.SOL_TCP when name == TCP_INFO => StackOption.TcpInfo,
        _ => StackOption.None,
    };

    /// <summary>getsockopt.</summary>
    /// <param name="thread">The caller.</param>
    /// <param name="socket">A stream; null for a caller that has waited, whose descriptor may be closed by now.</param>
    /// <param name="option">What is asked for.</param>
    /// <param name="address">Where the value goes.</param>
    /// <param name="lengthAddress">Where its length is.</param>
    public static long Get(Thread* thread, Socket* socket, StackOption option, ulong address, ulong lengthAddress)
    {
        if (socket != null)
        {
            long error = ProgramMemory.PrepareWrite(lengthAddress, sizeof(int));
            if (error < 0 || *(int*)lengthAddress < 0)
            {
                return error < 0 ? error : -Errno.EINVAL;
            }
        }

        ulong handle = socket == null ? 0 : socket->Handle;
        long result = StackQueries.Ask(
            thread, SocketCall.ReadOption, (int)option, (byte*)&handle, sizeof(ulong), out Socket* answer);
        return result != 0 ? result : TakeAnswer(answer, address, lengthAddress);
    }

    /// <summary>setsockopt.</summary>
    /// <param name="thread">The caller.</param>
    /// <param name="socket">A stream; null for a caller that has waited, whose descriptor may be closed by now.</param>
    /// <param name="option">What is set.</param>
    /// <param name="address">Where the value is.</param>
    /// <param name="length">Its length.</param>
    public static long Set(Thread* thread, Socket* socket, StackOption option, ulong address, uint length)
    {
        const uint longest = 40;
        if (option != StackOption.IPOptions)
        {
            return -Errno.ENOPROTOOPT;
        }

        byte* bytes = stackalloc byte[sizeof(ulong) + (int)longest];
        if (socket != null)
        {
            long error = length > longest ? -Errno.EINVAL : ProgramMemory.PrepareRead(address, length);
            if (error < 0)
            {
                return error;
            }

            *(ulong*)bytes = socket->Handle;
            Machine.Copy(bytes + sizeof(ulong), (void*)address, length);

            // So that the stack knows the socket, whose option it keeps, when it takes the question.
            StackRequests.Add(socket, SocketSignals.OptionsChanged);
        }

        long result = StackQueries.Ask(thread, SocketCall.WriteOption, (int)option, bytes, sizeof(ulong) + length, out Socket* answer);
        if (result == 0)
        {
            SocketLife.Release(answer);
        }

        return result;
    }

    private static long TakeAnswer(Socket* answer, ulong address, ulong lengthAddress)
    {
        // The memory may have gone while the caller waited, and what is in it may be another number.
        long error = ProgramMemory.PrepareWrite(lengthAddress, sizeof(int));
        ulong size = error < 0 ? 0 : Math.Min(answer->Received.Count, (ulong)Math.Max(*(int*)lengthAddress, 0));
        error = error < 0 ? error : ProgramMemory.PrepareWrite(address, size);
        if (error == 0)
        {
            ByteQueue.Copy(&answer->Received, 0, (byte*)address, size);
            *(int*)lengthAddress = (int)size;
        }

        SocketLife.Release(answer);
        return error;
    }
}
