namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>What a queue's bytes are.</summary>
internal enum SocketDirection : byte
{
    /// <summary>From the network, to be read by the program.</summary>
    Received,

    /// <summary>From the program, to be taken, and acknowledged, by the stack.</summary>
    Sent,
}
