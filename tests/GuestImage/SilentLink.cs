using Xenlet.Net;

namespace Xenlet.GuestImage;

/// <summary>A link on which nobody answers.</summary>
internal sealed class SilentLink : ILink
{
    public MacAddress Address { get; } = new([2, 0, 0, 0, 0, 1]);

    public int Mtu => 1500;

    public LinkOffloads Offloads => LinkOffloads.None;

    public bool TrySend(PacketBuffer frame)
    {
        frame.Return();
        return true;
    }

    public PacketBuffer? TryReceive(PacketPool pool) => null;

    public void SetMulticast(MacAddress group, bool isJoined)
    {
    }
}
