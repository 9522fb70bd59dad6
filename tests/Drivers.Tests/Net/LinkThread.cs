using Xenlet.Kernel;
using Xenlet.Net;

namespace Xenlet.Drivers.Tests;

/// <summary>The thread of a TCP/IP stack, played by the test: it takes the interfaces that come, and is woken for them.</summary>
internal sealed class LinkThread(bool takesLinks = true) : INetworkLinkUser, IDisposable
{
    private readonly SemaphoreSlim _woken = new(0);
    private readonly Queue<PacketBuffer> _received = new();

    public PacketPool Pool { get; } = new();

    public NetworkLink Link { get; private set; } = null!;

    /// <summary>The channels that it was given to watch.</summary>
    public List<IEventChannel> Watched { get; } = [];

    public bool TryTake(NetworkLink link)
    {
        Link = link;
        return takesLinks;
    }

    public void Wake(NetworkLink link) => _woken.Release();

    public void Watch(IEventChannel channel) => Watched.Add(channel);

    /// <summary>A packet with these bytes.</summary>
    public PacketBuffer Packet(ReadOnlySpan<byte> data, PacketOffload offload = default)
    {
        PacketBuffer packet = Pool.Rent(data.Length);
        data.CopyTo(packet.Append(data.Length));
        packet.Offload = offload;
        return packet;
    }

    /// <summary>Rests until there is a frame. The caller returns it.</summary>
    public async Task<PacketBuffer> ReceiveAsync()
    {
        PacketBuffer? frame = null;
        await UntilAsync(() => _received.TryDequeue(out frame), "a frame");
        return frame!;
    }

    /// <summary>Does as a stack's thread does, takes frames and rests, until something is so.</summary>
    public async Task UntilAsync(Func<bool> isSo, string what)
    {
        while (true)
        {
            while (Link.TryReceive(Pool) is { } frame)
            {
                _received.Enqueue(frame);
            }

            if (isSo())
            {
                return;
            }

            if (Link.TryRest())
            {
                Assert.True(await _woken.WaitAsync(NetWorld.Patience), $"the stack's thread waited for {what}, and nothing woke it");
            }
        }
    }

    public void Dispose() => _woken.Dispose();
}
