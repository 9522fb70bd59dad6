namespace Xenlet.Kernel.Sockets;

/// <summary>A socket option whose value the stack keeps, or makes, of a stream.</summary>
public enum StackOption
{
    /// <summary>None of them.</summary>
    None,

    /// <summary>IP_OPTIONS: up to 40 bytes of options of the IPv4 header (ip(7)).</summary>
    IPOptions,

    /// <summary>TCP_INFO: struct tcp_info (linux/tcp.h), which is read only.</summary>
    TcpInfo,
}
