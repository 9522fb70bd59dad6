namespace Xenlet.Net.Tcp;

/// <summary>A hold on a local port, shared by a listener and the connections that it has accepted.</summary>
internal sealed class TcpBinding(TcpLayer layer, Endpoint local, bool isDual, bool canReuseAddress, bool canReusePort)
{
    /// <summary>The stack's TCP, by which connections know it too.</summary>
    public TcpLayer Layer { get; } = layer;

    /// <summary>The address, which may be "any", and the port.</summary>
    public Endpoint Local { get; } = local;

    /// <summary>Whether <c>::</c> stands for the addresses of IPv4 too (not IPV6_V6ONLY).</summary>
    public bool IsDual { get; } = isDual;

    /// <summary>SO_REUSEADDR.</summary>
    public bool CanReuseAddress { get; } = canReuseAddress;

    /// <summary>SO_REUSEPORT.</summary>
    public bool CanReusePort { get; } = canReusePort;

    /// <summary>Whether it was taken by a connect that named no port: others may share the port with other peers.</summary>
    public bool IsEphemeral { get; init; }

    /// <summary>Whether a listener uses it.</summary>
    public bool IsListening { get; set; }

    /// <summary>How many hold it.</summary>
    public int References { get; set; } = 1;

    /// <summary>Whether the local address of a packet is one of this binding's.</summary>
    public bool Covers(InternetAddress address) =>
        Local.Address == address || (Local.Address.IsAny && (Local.Address.IsIPv4 == address.IsIPv4 || IsDual));

    /// <summary>Whether both cannot be held at once, by Linux's rules.</summary>
    public bool ConflictsWith(TcpBinding other)
    {
        bool overlaps = Covers(other.Local.Address) || other.Covers(Local.Address);
        bool isShared = (CanReuseAddress && other.CanReuseAddress && !IsListening && !other.IsListening)
            || (CanReusePort && other.CanReusePort);
        return overlaps && !isShared;
    }
}
