using Xenlet.Kernel.Sockets;

namespace Xenlet.Sockets.Tests;

/// <summary>What is delivered before a stack's interfaces close.</summary>
public sealed class DeliveryTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly TwoGuests _guests = new();

    public void Dispose() => _guests.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_a_program_has_sent_when_it_ends_arrives_with_the_end_though_packets_are_lost(bool closesItself)
    {
        (TestSocket client, TestSocket accepted) = _guests.Connect();
        for (int i = 0; i < 2; i++)
        {
            Random random = new(i);
            _guests.Links[i].Passes = () => random.Next(100) != 0;
        }

        byte[] data = new byte[1 << 20];
        new Random(7).NextBytes(data);
        client.Options = client.Options with { SendBuffer = data.Length };
        client.Write(data);
        if (closesItself)
        {
            client.Close();
        }

        Task<byte[]> reading = Task.Run(() => accepted.Read(data.Length + 1));
        await _guests.Stacks[0].FinishAsync(isProgramEnding: true, s_patience).WaitAsync(s_patience);

        // The guest is switched off.
        _guests.Links[0].Passes = () => false;
        byte[] came = await reading.WaitAsync(s_patience);
        Assert.True(data.AsSpan().SequenceEqual(came), "what came is not what was sent");
        Assert.Equal((true, SocketErrno.None), (accepted.IsFinished, accepted.Error));
        Assert.Empty(_guests.ReadReports());
    }

    [Fact]
    public async Task A_connection_with_unread_data_is_reset_when_the_program_ends()
    {
        (TestSocket client, TestSocket accepted) = _guests.Connect();
        accepted.Write([1, 2, 3]);
        client.AwaitReceived();

        await _guests.Stacks[0].FinishAsync(isProgramEnding: true, s_patience).WaitAsync(s_patience);

        Assert.Equal(SocketErrno.ECONNRESET, accepted.AwaitError());
    }

    [Fact]
    public async Task Services_that_end_before_the_program_reset_what_is_open_when_all_was_delivered()
    {
        (TestSocket client, TestSocket accepted) = _guests.Connect();
        client.Write([1, 2, 3]);

        await _guests.Stacks[0].FinishAsync(isProgramEnding: false, s_patience).WaitAsync(s_patience);

        Assert.Equal([1, 2, 3], accepted.Read(3));
        Assert.Equal((SocketErrno.ECONNRESET, SocketErrno.ENETDOWN), (accepted.AwaitError(), client.AwaitError()));
        Assert.False(client.IsClosed);
    }

    [Fact]
    public async Task A_peer_that_does_not_acknowledge_keeps_nobody_longer_than_the_limit()
    {
        (TestSocket client, TestSocket _) = _guests.Connect();
        _guests.Links[1].Passes = () => false;
        client.Write([1, 2, 3]);

        await _guests.Stacks[0].FinishAsync(isProgramEnding: true, TimeSpan.FromMilliseconds(50)).WaitAsync(s_patience);

        Assert.Equal("what was sent last is not delivered: a peer does not acknowledge it", Assert.Single(_guests.ReadReports()));
        client.AwaitRelease();
    }

    [Fact]
    public async Task There_is_nothing_to_wait_for_without_connections_and_when_the_stack_has_ended()
    {
        await _guests.Stacks[0].FinishAsync(isProgramEnding: true, s_patience).WaitAsync(s_patience);
        _guests.Stacks[1].Dispose();
        await _guests.Stacks[1].FinishAsync(isProgramEnding: true, s_patience).WaitAsync(s_patience);
    }
}
