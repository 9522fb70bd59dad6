using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Xenlet.XenStoreRing.Tests.Transport;

/// <summary>The socket and the device, with a test at the other end.</summary>
public partial class StreamTransportTests
{
    private const int AddressFamilyUnix = 1;
    private const int StreamSocket = 1;

    public static TheoryData<string> Kinds => new() { "socket", "device" };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Requests_and_replies_of_every_size_pass(string kind)
    {
        (IXenStoreTransport transport, Socket server) = Open(kind);
        using (server)
        {
            Task serving = ServeAsync(server);
            await using (XenStoreClient client = await XenStoreClient.ConnectAsync(transport).Soon())
            {
                foreach (int size in new[] { 0, 1, 15, 1000, 4000, 4093 })
                {
                    byte[] value = new byte[size];
                    Random.Shared.NextBytes(value);
                    byte[] echo = await client.RequestAsync(XenStoreMessageType.Control, value).Soon();
                    Assert.Equal(value, echo);
                }

                Task<byte[]>[] many = [.. Enumerable.Range(0, 200).Select(number =>
                    client.RequestAsync(XenStoreMessageType.Control, new byte[number * 13]).Soon())];
                for (int i = 0; i < many.Length; i++)
                {
                    Assert.Equal(i * 13, (await many[i]).Length);
                }
            }

            await serving.Soon();
        }
    }

    /// <summary>Linux still has a request in the buffer of the open file when it takes the next one into it.</summary>
    [Fact]
    public async Task No_request_is_written_to_the_device_before_the_last_one_is_answered()
    {
        (IXenStoreTransport transport, Socket server) = Open("device");
        using (server)
        {
            bool isAlone = true;
            Task serving = ServeAsync(server, buffer => isAlone &= buffer.Count == 0 && server.Available == 0);
            await using (XenStoreClient client = await XenStoreClient.ConnectAsync(transport).Soon())
            {
                await Task.WhenAll(Enumerable.Range(0, 200).Select(number =>
                    client.RequestAsync(XenStoreMessageType.Control, new byte[number]).Soon()));
            }

            await serving.Soon();
            Assert.True(isAlone, "a request was written while another one was unanswered");
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task The_servers_end_is_a_reason_for_every_waiter(string kind)
    {
        (IXenStoreTransport transport, Socket server) = Open(kind);
        await using XenStoreClient client = await XenStoreClient.ConnectAsync(transport).Soon();
        ValueTask<string> read = client.ReadAsync("/a");
        server.Send(new byte[5]);
        server.Dispose();

        XenStoreException error = await Patience.Fails(read);
        Assert.Equal(XenStoreError.ConnectionClosed, error.Error);
        await client.Closed.Soon();
        Assert.Equal(XenStoreError.ConnectionClosed, (await Patience.Fails(client.ReadAsync("/b"))).Error);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Disposing_ends_a_read_that_waits(string kind)
    {
        (IXenStoreTransport transport, Socket server) = Open(kind);
        using (server)
        {
            XenStoreClient client = await XenStoreClient.ConnectAsync(transport).Soon();
            await client.DisposeAsync().Soon();
            Assert.Equal(0, server.Receive(new byte[1]));
        }
    }

    /// <summary>The first continues on the thread that reads the socket, the others on any thread that got their answer.</summary>
    [Fact]
    public async Task Code_that_does_not_come_back_from_where_it_was_answered_holds_up_no_other_request()
    {
        (IXenStoreTransport transport, Socket server) = Open("socket");
        using ManualResetEventSlim release = new();
        using (server)
        {
            Task serving = ServeAsync(server);
            await using (XenStoreClient client = await XenStoreClient.ConnectAsync(transport).Soon())
            {
                List<Task> stuck = [];
                for (int i = 0; i < 4; i++)
                {
                    TaskCompletionSource isStuck = new(TaskCreationOptions.RunContinuationsAsynchronously);
                    stuck.Add(StickAsync(client, i == 0, isStuck, release));
                    await isStuck.Task.Soon();
                    Assert.Equal(100, (await client.RequestAsync(XenStoreMessageType.Control, new byte[100]).Soon()).Length);
                }

                release.Set();
                await Task.WhenAll(stuck).Soon();
            }

            await serving.Soon();
        }
    }

    [Fact]
    public async Task A_read_that_is_cancelled_loses_no_bytes_and_the_next_one_is_told_of_them()
    {
        (IXenStoreTransport transport, Socket server) = Open("socket");
        await using (transport)
        using (server)
        {
            await transport.OpenAsync(CancellationToken.None);
            byte[] buffer = new byte[16];
            for (int i = 0; i < 20; i++)
            {
                using CancellationTokenSource cancel = new();
                Task<int> read = transport.ReadAsync(buffer, cancel.Token).AsTask();
                await cancel.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.Soon());
                server.Send([(byte)i, 1, 2]);
                Assert.Equal(3, await transport.ReadAsync(buffer, CancellationToken.None).AsTask().Soon());
                Assert.Equal([(byte)i, 1, 2], buffer[..3]);
            }
        }
    }

    [Fact]
    public async Task A_socket_that_is_not_there_is_named()
    {
        string path = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"));
        XenStoreException error = await Patience.Fails(XenStoreClient.ConnectAsync(new XenStoreSocketTransport(path)));
        Assert.Equal(XenStoreError.ConnectionClosed, error.Error);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_device_that_is_not_there_is_named()
    {
        string path = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString("N"));
        XenStoreException error = await Patience.Fails(XenStoreClient.ConnectAsync(new XenStoreDeviceTransport(path)));
        Assert.Equal(XenStoreError.ConnectionClosed, error.Error);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    private static async Task StickAsync(
        XenStoreClient client, bool isOnReadingThread, TaskCompletionSource isStuck, ManualResetEventSlim release)
    {
        do
        {
            await client.RequestAsync(XenStoreMessageType.Control, new byte[1]).ConfigureAwait(false);
        }
        while (isOnReadingThread && Thread.CurrentThread.Name != "xenstore socket");

        isStuck.SetResult();
        release.Wait();
    }

    private static (IXenStoreTransport Transport, Socket Server) Open(string kind)
    {
        int[] ends = new int[2];
        Assert.Equal(0, SocketPair(AddressFamilyUnix, StreamSocket, 0, ends));
        Socket server = new(new SafeSocketHandle(ends[1], ownsHandle: true));
        return kind == "socket"
            ? (new XenStoreSocketTransport(new Socket(new SafeSocketHandle(ends[0], ownsHandle: true))), server)
            : (new XenStoreDeviceTransport(new SafeFileHandle(ends[0], ownsHandle: true)), server);
    }

    /// <summary>Answers each request with its own payload, until the client ends the connection.</summary>
    private static async Task ServeAsync(Socket server, Action<XenStoreMessageBuffer>? beforeReply = null)
    {
        XenStoreMessageBuffer buffer = new();
        while (true)
        {
            int count = await server.ReceiveAsync(buffer.GetFree());
            if (count == 0)
            {
                return;
            }

            buffer.Advance(count);
            while (buffer.TryTake(out XenStoreHeader header, out ReadOnlySpan<byte> body))
            {
                byte[] reply = Message.Bytes(header.Type, header.RequestId, header.TransactionId, body.ToArray());
                beforeReply?.Invoke(buffer);
                for (int sent = 0; sent < reply.Length;)
                {
                    sent += server.Send(reply.AsSpan(sent, Math.Min(700, reply.Length - sent)));
                }
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int domain, int type, int protocol, int[] ends);
}
