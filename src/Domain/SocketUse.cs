using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Xenlet.Kernel;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Domain;

/// <summary>
/// Has the compiler decide whether a program uses sockets, and so needs the network. Of a type's overrides the compiler has only those
/// whose virtual method something calls: of <see cref="EndPoint.AddressFamily"/> that is the code of sockets that binds, connects and
/// sends. An image whose program cannot reach that code has neither the override nor the stack behind it.
/// </summary>
/// <remarks>
/// Nobody makes the virtual call, which would count as a use: the linker tool finds the override by its name and lets
/// Xenlet.Domain.Automatic call it.
/// </remarks>
internal sealed class SocketUse(IMachine machine, ISockets sockets) : EndPoint
{
    /// <summary>Starts the network, and is of no family.</summary>
    /// <remarks>Not inlined: where the compiler guesses the type of an end point, it would have the code there, and no method.</remarks>
    public override AddressFamily AddressFamily
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        get
        {
            AutomaticNetwork.Start(machine, sockets);
            return AddressFamily.Unspecified;
        }
    }
}
