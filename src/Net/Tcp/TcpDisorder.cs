namespace Xenlet.Net.Tcp;

/// <summary>What a connection keeps once something has arrived out of order or twice: most have nothing of it.</summary>
internal sealed class TcpDisorder
{
    private ReceivedRanges _early;

    /// <summary>What arrived before its turn.</summary>
    public ref ReceivedRanges Early => ref _early;

    /// <summary>What arrived twice, of which the peer has not been told.</summary>
    public SackBlock? Duplicate { get; set; }
}
