using System.Net;
using System.Net.Sockets;
using System.Text;
using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen.Tests;

/// <summary>dom0's ports by TCP.</summary>
public sealed class PortListenerTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task A_connection_with_the_key_is_given_to_the_port_that_it_names_with_all_that_follows()
    {
        await using PortListener listener = new();
        using TcpClient second = await ConnectAsync(listener, $"{listener.Key} 2\nhello");
        using TcpClient first = await ConnectAsync(listener, $"{listener.Key} 1\nready\n");

        await using Stream one = await listener.AcceptAsync(1, CancellationToken.None).WaitAsync(Limit);
        await using Stream two = await listener.AcceptAsync(2, CancellationToken.None).WaitAsync(Limit);

        Assert.Equal("ready\n", await ReadAsync(one, 6));
        Assert.Equal("hello", await ReadAsync(two, 5));
        await two.WriteAsync("world"u8.ToArray());
        Assert.Equal("world", await ReadAsync(second.GetStream(), 5));
    }

    [Theory]
    [InlineData("1\n")]
    [InlineData("KEY\n")]
    [InlineData("KEY one\n")]
    [InlineData("KEY -1\n")]
    [InlineData("0KEY 1\n")]
    [InlineData("00000000000000000000000000000000 1\n")]
    [InlineData("a line that is longer than any greeting, which nobody waits for the end of, since it never ends")]
    public async Task A_connection_without_it_is_closed(string greeting)
    {
        await using PortListener listener = new();
        using TcpClient client = await ConnectAsync(listener, greeting.Replace("KEY", listener.Key, StringComparison.Ordinal));

        byte[] answer = new byte[1];
        Task<int> reading = client.GetStream().ReadAsync(answer).AsTask();
        try
        {
            Assert.Equal(0, await reading.WaitAsync(Limit));
        }
        catch (IOException)
        {
            // Closed with bytes that nobody read.
        }

        using CancellationTokenSource soon = new();
        Task<Stream> accepting = listener.AcceptAsync(1, soon.Token);
        Assert.False(accepting.IsCompleted);
        await soon.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => accepting);
    }

    private static async Task<TcpClient> ConnectAsync(PortListener listener, string greeting)
    {
        TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, listener.TcpPort);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(greeting));
        return client;
    }

    private static async Task<string> ReadAsync(Stream stream, int count)
    {
        byte[] bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes).AsTask().WaitAsync(Limit);
        return Encoding.ASCII.GetString(bytes);
    }
}
