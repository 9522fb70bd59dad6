namespace Xenlet.Net.Tcp;

/// <summary>The options that both ends have to speak, as Linux's settings net.ipv4.tcp_* name them.</summary>
[Flags]
internal enum TcpFeatures
{
    None = 0,

    /// <summary>tcp_sack (RFC 2018).</summary>
    Sack = 1,

    /// <summary>tcp_timestamps (RFC 7323).</summary>
    Timestamps = 2,

    /// <summary>tcp_window_scaling (RFC 7323).</summary>
    WindowScaling = 4,

    All = Sack | Timestamps | WindowScaling,
}
