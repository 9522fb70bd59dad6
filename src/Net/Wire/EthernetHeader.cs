namespace Xenlet.Net;

/// <summary>The header of an Ethernet frame: destination, source, type of what follows.</summary>
public static class EthernetHeader
{
    /// <summary>Bytes of the header.</summary>
    public const int Size = 14;
}
