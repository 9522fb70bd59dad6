using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>ioctl of interfaces (linux/sockios.h): any socket takes it, and the stack answers.</summary>
internal static unsafe class InterfaceCalls
{
    private const uint SIOCGIFNAME = 0x8910;
    private const uint SIOCGIFFLAGS = 0x8913;
    private const uint SIOCGIFADDR = 0x8915;
    private const uint SIOCGIFBRDADDR = 0x8919;
    private const uint SIOCGIFNETMASK = 0x891b;
    private const uint SIOCGIFMTU = 0x8921;
    private const uint SIOCGIFHWADDR = 0x8927;
    private const uint SIOCGIFINDEX = 0x8933;
    private const uint SIOCGIFTXQLEN = 0x8942;
    private const uint SIOCETHTOOL = 0x8946;

    // struct ifreq (linux/if.h).
    private const ulong IfreqSize = 40;

    public static long Control(Thread* thread, uint command, ulong address)
    {
        if (command == SIOCETHTOOL)
        {
            // As Linux's xen-netfront has it: the speed of a virtual interface is not known.
            return -Errno.EOPNOTSUPP;
        }

        if (command is not (SIOCGIFNAME or SIOCGIFFLAGS or SIOCGIFADDR or SIOCGIFBRDADDR or SIOCGIFNETMASK or SIOCGIFMTU or SIOCGIFHWADDR
            or SIOCGIFINDEX or SIOCGIFTXQLEN))
        {
            return -Errno.ENOTTY;
        }

        long error = thread->IsRetry ? 0 : StackRequests.IsServed ? ProgramMemory.PrepareWrite(address, IfreqSize) : -Errno.ENODEV;
        if (error == 0)
        {
            error = StackQueries.Ask(thread, SocketCall.AskInterface, (int)command, (byte*)address, IfreqSize, out Socket* answer);
            if (error == 0)
            {
                error = TakeAnswer(answer, address);
            }
        }

        return error;
    }

    private static long TakeAnswer(Socket* answer, ulong address)
    {
        // The memory may have gone while the caller waited.
        long error = ProgramMemory.PrepareWrite(address, IfreqSize);
        if (error == 0)
        {
            ByteQueue.Copy(&answer->Received, 0, (byte*)address, Math.Min(answer->Received.Count, IfreqSize));
        }

        SocketLife.Release(answer);
        return error;
    }
}
