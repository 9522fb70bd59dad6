namespace Xenlet.Kernel.Sockets;

/// <summary>
/// A socket of the nucleus, as the stack knows it. It names the same socket until <see cref="ISocketHost.Release"/>, and never another one
/// afterwards.
/// </summary>
/// <param name="Value">
/// The lower 32 bits are a small number that a later socket may have again; the upper 32 bits tell the two apart.
/// </param>
public readonly record struct SocketHandle(ulong Value)
{
    /// <summary>The small number, below the largest number of sockets that existed at one time: an index for the stack's tables.</summary>
    public int Index => (int)(uint)Value;

    /// <summary>The number that no other socket has had: what fstat calls its inode.</summary>
    public uint Number => (uint)(Value >> 32);
}
