namespace Xenlet.Net.Tests.Simulation;

/// <summary>Records what an endpoint of UDP hands up.</summary>
internal sealed class TestUdpUser : IUdpUser
{
    public List<(UdpOrigin Origin, byte[] Data)> Received { get; } = [];

    public List<NetworkError> Errors { get; } = [];

    public int WritableCalls { get; private set; }

    /// <summary>Whether there is room for datagrams.</summary>
    public bool HasRoom { get; set; } = true;

    public bool TryReceive(in UdpOrigin origin, ReadOnlySpan<byte> data)
    {
        if (HasRoom)
        {
            Received.Add((origin, data.ToArray()));
        }

        return HasRoom;
    }

    public void OnError(NetworkError reason) => Errors.Add(reason);

    public void OnWritable() => WritableCalls++;
}
