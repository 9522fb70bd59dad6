namespace Xenlet.Kernel.Sockets;

/// <summary>Where a TCP/IP stack takes over the program's sockets.</summary>
public interface ISockets
{
    /// <summary>
    /// Makes the caller the stack of all sockets. From now on, calls that only the stack can answer wait for it; before, they fail as on
    /// Linux without a network (connecting and sending: ENETUNREACH; binding and listening: EADDRNOTAVAIL). A program whose first calls
    /// must not fail therefore opens before Main, and starts the stack's thread later.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is a stack already.</exception>
    ISocketHost Open();
}
