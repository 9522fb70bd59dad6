using Xenlet.Net.Tcp;

namespace Xenlet.Sockets;

/// <summary>What a stream has that listens, was bound, or was given settings before it had a connection: accepted ones have none.</summary>
internal sealed class StreamPort
{
    /// <summary>What the next connection begins with; an accepted one has its listener's.</summary>
    public TcpSettings Settings { get; set; } = TcpSettings.Default;

    public TcpBinding? Binding { get; set; }

    public TcpListener? Listener { get; set; }

    /// <summary>IP_OPTIONS, filled up to whole words.</summary>
    public byte[] IPOptions { get; set; } = [];
}
