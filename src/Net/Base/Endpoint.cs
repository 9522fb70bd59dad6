namespace Xenlet.Net;

/// <summary>An address and a port of TCP or UDP.</summary>
public readonly record struct Endpoint(InternetAddress Address, ushort Port)
{
    public override string ToString() => Address.IsIPv4 ? $"{Address}:{Port}" : $"[{Address}]:{Port}";
}
