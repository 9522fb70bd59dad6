using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Calls;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel;

/// <summary>The sockets of the nucleus.</summary>
internal sealed class GuestSockets(XenEventChannels channels) : ISockets
{
    public ISocketHost Open()
    {
        long answer = NucleusSystemCall.Invoke(NucleusCall.OpenStack);
        return answer == -Errno.EBUSY
            ? throw new InvalidOperationException("the sockets already have a stack")
            : new SocketHost(channels);
    }
}
