using System.Runtime.InteropServices;

namespace Xenlet.Net;

/// <summary>An address and a port of TCP or UDP. It is packed: a service has two of them for each of thousands of connections.</summary>
[StructLayout(LayoutKind.Sequential, Pack = sizeof(ushort))]
public readonly record struct Endpoint(InternetAddress Address, ushort Port)
{
    public override string ToString() => Address.IsIPv4 ? $"{Address}:{Port}" : $"[{Address}]:{Port}";
}
