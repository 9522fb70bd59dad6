namespace Xenlet.TcpBench;

/// <summary>The ports of <see cref="Server"/>.</summary>
internal static class Ports
{
    /// <summary>Takes bytes until the peer has sent all.</summary>
    public const int Sink = 9001;

    /// <summary>Sends as many bytes as the first eight say.</summary>
    public const int Source = 9002;

    /// <summary>Sends back what comes.</summary>
    public const int Echo = 9003;

    /// <summary>Waits for bytes that never come.</summary>
    public const int Idle = 9004;
}
