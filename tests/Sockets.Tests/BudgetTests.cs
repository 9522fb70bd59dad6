using Xenlet.Kernel.Sockets;

namespace Xenlet.Sockets.Tests;

/// <summary>The memory of all sockets together ends: windows close, and what was acknowledged is kept.</summary>
public sealed class BudgetTests
{
    private const int Connections = 3;
    private const int Size = 100_000;
    private const int Budget = 40_000;

    [Fact]
    public async Task Connections_that_share_too_little_memory_wait_and_lose_nothing()
    {
        using TwoGuests guests = new();
        guests.Hosts[1].Budget = Budget;
        TestSocket listener = guests.Hosts[1].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, listener.Bind(TwoGuests.At("0.0.0.0", 80)));
        Assert.Equal(SocketErrno.None, listener.Listen());
        List<(TestSocket Client, TestSocket Accepted, byte[] Data)> connections = [];
        for (int i = 0; i < Connections; i++)
        {
            TestSocket client = guests.Hosts[0].Open(SocketKind.Stream);
            Assert.Equal(SocketErrno.None, client.Connect(TwoGuests.At("10.0.0.2", 80)));
            byte[] data = new byte[Size];
            new Random(i).NextBytes(data);
            connections.Add((client, listener.Accept(), data));
        }

        // Nobody reads: what has come fills the budget, and no more is acknowledged than has been kept.
        foreach ((TestSocket client, _, byte[] data) in connections)
        {
            client.Write(data);
        }

        lock (guests.Hosts[1].Gate)
        {
            guests.Hosts[1].Await(() => guests.Hosts[1].Left < 2_000, "a full budget");
            Assert.InRange(connections.Sum(each => each.Accepted.Received.Count), 1, Budget);
        }

        // The windows open again as programs read, also those of the others.
        Task<byte[]>[] reads = [.. connections.Select(each => Task.Run(() => each.Accepted.Read(Size)))];
        Task<byte[][]> all = Task.WhenAll(reads);
        if (await Task.WhenAny(all, Task.Delay(TimeSpan.FromMinutes(3))) != all)
        {
            Assert.Fail($"the connections stand still:\n{ReportTests.Read(guests.Stacks[0])}{ReportTests.Read(guests.Stacks[1])}");
        }

        byte[][] came = await all;
        for (int i = 0; i < Connections; i++)
        {
            Assert.True(connections[i].Data.AsSpan().SequenceEqual(came[i]), $"what came by connection {i} is not what was sent");
        }

        Assert.Empty(guests.ReadReports());
    }
}
